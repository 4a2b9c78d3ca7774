#include "commands.h"
static enum exit_status none(const struct words *words)
{
    (void)words;
    return misuse("not there yet");
}
const struct command command_act = {.name = "act", .most = -1, .usage = "", .exec = none};
const struct command command_follow = {.name = "follow", .most = -1, .usage = "", .exec = none};
const struct command command_play = {.name = "play", .most = -1, .usage = "", .exec = none};
const struct command command_report = {.name = "report", .most = -1, .usage = "", .exec = none};
const struct command command_check = {.name = "check", .most = -1, .usage = "", .exec = none};
const struct command command_alarms = {.name = "alarms", .most = -1, .usage = "", .exec = none};
const struct command command_dead = {.name = "dead", .most = -1, .usage = "", .exec = none};
const struct command command_messages = {.name = "messages", .most = -1, .usage = "", .exec = none};
