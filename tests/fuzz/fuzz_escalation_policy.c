/* The policy that escalation owns, with any edit: clocks and calendars. */
#include "escalation/handlers.h"

#include "edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return load_edited_policy(&escalation_policy, data, size);
}
