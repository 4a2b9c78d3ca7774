/*
 * kefu: the operator's and the tests' command line. One file per command; this is the table of them.
 */
#include "base/arena.h"
#include "cli/command/commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_up,      &command_down,   &command_status, &command_send,     &command_ask,
    &command_act,     &command_follow, &command_clock,  &command_import,   &command_play,
    &command_report,  &command_check,  &command_alarms, &command_dead,     &command_messages,
    &command_metrics, &command_policy, &command_key,    &command_calendar, &command_flows,
};

static void print_help(const struct command *command)
{
    printf("usage: kefu %s%s%s\n%s\n", command->name, command->args ? " " : "",
           command->args ? command->args : "", command->usage);
    options_print_help((struct option_rows){command->options, command->options_n});
    if (command->examples != NULL) printf("\nexamples:\n%s\n", command->examples);
    puts("\nexit status: 0 done, 1 refused or failed, 2 wrong use, 3 not reachable");
}

static void print_commands(FILE *out)
{
    fputs("usage: kefu COMMAND [OPTION…] [WORD…]; kefu COMMAND --help\n\n", out);
    for (size_t i = 0; i < COUNT(commands); i++) {
        const char *usage = commands[i]->usage;
        fprintf(out, "  %-10s %.*s\n", commands[i]->name, (int)strcspn(usage, "\n"), usage);
    }
}

static enum exit_status run(const struct command *command, int argc, char **argv)
{
    struct words words = {.at = mem_alloc(sizeof(char *) * ((size_t)argc + 1))};
    bool help;
    enum exit_status status = options_read(
        (struct option_rows){command->options, command->options_n}, argc, argv, &words, &help);
    if (help)
        print_help(command);
    else if (status == STATUS_OK &&
             (words.n < command->least || (command->most >= 0 && words.n > command->most)))
        status =
            misuse("wrong number of words; it takes %s", command->args ? command->args : "none");
    else if (status == STATUS_OK)
        status = command->exec(&words);
    free(words.at);
    return status;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_commands(argc < 2 ? stderr : stdout);
        return argc < 2 ? STATUS_USAGE : STATUS_OK;
    }
    for (size_t i = 0; i < COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i]->name) != 0) continue;
        options_begin(commands[i]->name);
        return (int)run(commands[i], argc - 1, argv + 1);
    }
    fprintf(stderr, "kefu: there is no command %s\n", argv[1]);
    print_commands(stderr);
    return STATUS_USAGE;
}
