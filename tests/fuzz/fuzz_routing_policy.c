/* The policy that routing owns, with any edit: flows, routing and the organisation. */
#include "routing/policy.h"

#include "edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return load_edited_policy(&routing_policy_owner, data, size);
}
