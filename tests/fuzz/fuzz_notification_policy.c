/* The policy that notification owns, with any edit: who is told, quiet hours, templates. */
#include "notification/handlers.h"

#include "edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return load_edited_policy(&notification_policy, data, size);
}
