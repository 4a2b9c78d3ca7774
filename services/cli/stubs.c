#include "commands.h"
static enum exit_status none(const struct words *words)
{
    (void)words;
    return misuse("not there yet");
}
const struct command command_follow = {.name = "follow", .most = -1, .usage = "", .exec = none};
const struct command command_check = {.name = "check", .most = -1, .usage = "", .exec = none};
