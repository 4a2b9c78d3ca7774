#include "commands.h"

#include "cli/client/each.h"
#include "runtime.msg.h"

static enum exit_status alarms(const struct words *words);

const struct command command_alarms = {
    .name = "alarms",
    .args = "[SERVICE]",
    .most = 1,
    .usage = "What the services left for their own future selves, earliest first.",
    .examples = "  kefu alarms escalation",
    .exec = alarms};

static enum exit_status alarms(const struct words *words)
{
    struct alarm_list list = {0};
    return each_list(&alarm_list_shape, &list, words->n > 0 ? words->at[0] : NULL, "rows", NULL);
}
