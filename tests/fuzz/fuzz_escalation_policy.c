/* The policy that escalation owns, with any edit: clocks and calendars. */
#include "escalation/escalation.h"
#include "escalation/rules.h"

#include "edits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Calendars live outside the arena. */
static void finish(const void *policy)
{
    clock_rules_finish((struct clock_rules *)policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return load_edited_policy(&escalation_policy, finish, data, size);
}
