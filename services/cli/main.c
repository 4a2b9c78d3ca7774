/*
 * kefu: the operator's and the tests' command line. One file per command; this is the table of
 * them.
 */
#include "base/arena.h"
#include "cli/command/commands.h"
#include "cli/terminal.h"

#include <signal.h>
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
    struct buf out = {0};
    buf_printf(&out, "usage: kefu %s%s%s\n%s\n", command->name, command->args ? " " : "",
               command->args ? command->args : "", command->usage);
    options_add_help(&out, (struct option_rows){command->options, command->options_n});
    if (command->examples != NULL) buf_printf(&out, "\nexamples:\n%s\n", command->examples);
    buf_printf(&out, "\nexit status: 0 done, 1 refused or failed, 2 wrong use, 3 not reachable\n");
    (void)terminal_print(&out);
}

static void add_commands(struct buf *out)
{
    buf_printf(out, "usage: kefu COMMAND [OPTION…] [WORD…]; kefu COMMAND --help\n\n");
    for (size_t i = 0; i < COUNT(commands); i++) {
        const char *usage = commands[i]->usage;
        buf_printf(out, "  %-10s %.*s\n", commands[i]->name, (int)strcspn(usage, "\n"), usage);
    }
}

static enum exit_status check_words(const struct command *command, const struct words *words)
{
    const char *args = command->args != NULL ? command->args : "no words";
    if (words->n < command->least) return misuse("something is missing: it takes %s", args);
    if (command->most < 0 || words->n <= command->most) return STATUS_OK;
    return misuse("'%s' is a word too many: it takes %s", words->at[command->most], args);
}

static enum exit_status run(const struct command *command, int argc, char **argv)
{
    struct words words = {.at = mem_alloc(sizeof(char *) * ((size_t)argc + 1))};
    bool help;
    options_begin(command->name);
    enum exit_status status = options_read(
        (struct option_rows){command->options, command->options_n}, argc, argv, &words, &help);
    if (help)
        print_help(command);
    else if (status == STATUS_OK && (status = check_words(command, &words)) == STATUS_OK)
        status = command->exec(&words);
    free(words.at);
    return status;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(name, commands[i]->name) == 0) return commands[i];
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* The commands, and what is wrong with the name; NULL: there is none. */
static enum exit_status complain_of_command(const char *name)
{
    struct buf out = {0};
    add_commands(&out);
    terminal_say("%s", buf_text(&out).at);
    buf_finish(&out);
    if (name != NULL && name[0] == '-')
        terminal_say("kefu: the command comes first: kefu COMMAND --option");
    else if (name != NULL)
        terminal_say("kefu: there is no command '%s'", name);
    return STATUS_USAGE;
}

static enum exit_status print_commands(void)
{
    struct buf out = {0};
    add_commands(&out);
    return terminal_print(&out) == 0 ? STATUS_OK : STATUS_FAILED;
}

/* An answer that was cut off is not a success. */
static int end_output(enum exit_status status)
{
    if (!terminal_cut_off()) return (int)status;
    terminal_say("kefu: not all of the answer could be written");
    return (int)(status == STATUS_OK ? STATUS_FAILED : status);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    bool help = argc > 1 && asks_for_help(argv[1]);
    if (help && argc == 2) return end_output(print_commands());
    const char *name = argv[help ? 2 : 1];
    const struct command *command = name != NULL ? find_command(name) : NULL;
    if (command == NULL) return (int)complain_of_command(name);
    if (!help) return end_output(run(command, argc - 1, argv + 1));
    print_help(command);
    return end_output(STATUS_OK);
}
