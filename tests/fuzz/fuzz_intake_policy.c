/* The policy that intake owns, with any edit: topics and the complaint's form. */
#include "intake/policy.h"

#include "edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return load_edited_policy(&intake_policy_owner, data, size);
}
