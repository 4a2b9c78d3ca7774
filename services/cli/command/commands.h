/*
 * commands: the entries that main.c lists; each stands at the top of the file of its name.
 */
#ifndef KEFU_CLI_COMMANDS_H
#define KEFU_CLI_COMMANDS_H

#include "cli/command/command.h"

extern const struct command command_up, command_down, command_status, command_send, command_ask,
    command_act, command_follow, command_clock, command_import, command_play, command_report,
    command_check, command_alarms, command_key, command_dead, command_messages, command_metrics,
    command_policy, command_calendar, command_flows;

#endif
