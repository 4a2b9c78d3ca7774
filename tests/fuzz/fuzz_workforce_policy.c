/* The policy that workforce owns, with any edit: the organisation. */
#include "workforce/organisation.h"

#include "edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return load_edited_policy(&organisation_owner, data, size);
}
