/*
 * kefu: the operator's and the tests' command line. One file per command; this is the table of them.
 */
#include "cli/command/command.h"

#include "base/arena.h"
#include "cli/command/calendar.h"
#include "cli/command/commands.h"
#include "cli/command/flows.h"
#include "base/settings.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct common_options common_options = {.dir = "var", .timeout_ms = 30000};

static const struct command calendar = {
    .name = "calendar",
    .args = "eval FILE.tsv | import FILE [HOURS]",
    .usage = "Business time without a service: answer a table of cases; convert a holiday list.",
    .plain = cli_calendar};

static const struct command flows = {
    .name = "flows",
    .args = "[--mermaid] [--policy DIRECTORY] [KIND…]",
    .usage = "Print the state machines of a policy bundle, as tables or diagrams.",
    .plain = cli_flows};

static const struct command *const commands[] = {
    &command_up,      &command_down,   &command_status, &command_send,   &command_ask,
    &command_act,     &command_follow, &command_clock,  &command_import, &command_play,
    &command_report,  &command_check,  &command_alarms, &command_dead,   &command_messages,
    &command_metrics, &command_policy, &command_key,    &calendar,       &flows,
};

static const struct option common[] = {
    {"dir", OPTION_TEXT, &common_options.dir, "DIR",
     "where the running system keeps its files (var)"},
    {"key", OPTION_TEXT, &common_options.key, "FILE",
     "NAME.secret, beside the list `clients` (KEFU_KEY; operator.secret in DIR/secrets)"},
    {"json", OPTION_FLAG, &common_options.json, NULL, "answer in JSON"},
    {"timeout", OPTION_SPAN, &common_options.timeout_ms, "TIME", "how long to go on asking (30s)"},
};

static const struct command *current;

enum exit_status complain(enum exit_status status, const struct err *err)
{
    fprintf(stderr, "kefu %s: ", current->name);
    if (err->field[0] != '\0') fprintf(stderr, "%s: ", err->field);
    fputs(err->message, stderr);
    if (err->rule[0] != '\0') fprintf(stderr, " (%s)", err->rule);
    fputc('\n', stderr);
    return status;
}

enum exit_status misuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "kefu %s: ", current->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nHINT: kefu %s --help\n", current->name);
    va_end(args);
    return STATUS_USAGE;
}

/* --- help --- */

static void print_options(const struct option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char left[64];
        const char *value = options[i].value;
        bool maybe = options[i].kind == OPTION_MAYBE;
        snprintf(left, sizeof(left), "--%s%s%s%s", options[i].name,
                 maybe   ? "[="
                 : value ? " "
                         : "",
                 value ? value : "", maybe ? "]" : "");
        printf("  %-24s %s\n", left, options[i].doc);
    }
}

static void print_help(const struct command *command)
{
    printf("usage: kefu %s%s%s\n%s\n", command->name, command->args ? " " : "",
           command->args ? command->args : "", command->usage);
    if (command->options_n > 0) puts("\noptions:");
    print_options(command->options, command->options_n);
    puts("\noptions of every command:");
    print_options(common, COUNT(common));
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

/* --- options --- */

static const struct option *find_among(const struct option *options, size_t n, text name)
{
    for (size_t i = 0; i < n; i++)
        if (text_is(name, options[i].name)) return &options[i];
    return NULL;
}

static const struct option *find_option(const struct command *command, text name)
{
    const struct option *found = find_among(command->options, command->options_n, name);
    return found != NULL ? found : find_among(common, COUNT(common), name);
}

static bool set_option(const struct option *option, const char *value)
{
    struct option_list *list = option->at;
    switch (option->kind) {
    case OPTION_FLAG: *(bool *)option->at = true; return true;
    case OPTION_INT: return text_to_int(text_of(value), option->at) && *(int64_t *)option->at >= 0;
    case OPTION_SPAN: return settings_span(text_of(value), option->at);
    case OPTION_LIST:
        if (list->n < OPTION_VALUES) list->at[list->n++] = value;
        return true;
    default: *(const char **)option->at = value; return true;
    }
}

/* One option at argv[*i]; moves on over its value. */
static enum exit_status take_option(const struct command *command, int argc, char **argv, int *i)
{
    const char *equals = strchr(argv[*i], '=');
    text name = {argv[*i] + 2, equals ? (size_t)(equals - argv[*i]) - 2 : strlen(argv[*i]) - 2};
    const struct option *option = find_option(command, name);
    const char *value = equals ? equals + 1 : NULL;
    if (option == NULL) return misuse("there is no option --%.*s", TEXT_ARG(name));
    if (option->kind == OPTION_MAYBE && value == NULL) value = "";
    if (option->kind != OPTION_FLAG && value == NULL) value = *i + 1 < argc ? argv[++*i] : NULL;
    if (option->kind != OPTION_FLAG && value == NULL)
        return misuse("--%s needs %s", option->name, option->value);
    if (!set_option(option, value)) return misuse("--%s: '%s' will not do", option->name, value);
    return STATUS_OK;
}

static enum exit_status run(const struct command *command, int argc, char **argv)
{
    struct words words = {.at = mem_alloc(sizeof(char *) * ((size_t)argc + 1))};
    bool ended = false;
    enum exit_status status = STATUS_OK;
    for (int i = 1; i < argc && status == STATUS_OK; i++) {
        if (!ended && strcmp(argv[i], "--help") == 0) {
            print_help(command);
            goto out;
        }
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && strncmp(argv[i], "--", 2) == 0)
            status = take_option(command, argc, argv, &i);
        else
            words.at[words.n++] = argv[i];
    }
    if (status != STATUS_OK) goto out;
    if (common_options.key != NULL) setenv("KEFU_KEY", common_options.key, 1);
    if (words.n < command->least || (command->most >= 0 && words.n > command->most))
        status =
            misuse("wrong number of words; it takes %s", command->args ? command->args : "none");
    else
        status = command->exec(&words);
out:
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
        current = commands[i];
        if (current->plain != NULL) return current->plain(argc - 1, argv + 1);
        return (int)run(current, argc - 1, argv + 1);
    }
    fprintf(stderr, "kefu: there is no command %s\n", argv[1]);
    print_commands(stderr);
    return STATUS_USAGE;
}
