/* The policy that reporting owns, with any edit: key figures and calendars. */
#include "reporting/handlers.h"

#include "edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return load_edited_policy(&reporting_policy, data, size);
}
