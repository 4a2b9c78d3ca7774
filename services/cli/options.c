#include "options.h"

#include "base/settings.h"
#include "cli/terminal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPAN_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

struct common_options common_options = {.dir = "var", .timeout_ms = 30000};

static const struct option common[] = {
    {"dir", OPTION_TEXT, &common_options.dir, "DIR",
     "where the running system keeps its files (var)"},
    {"key", OPTION_TEXT, &common_options.key, "FILE",
     "NAME.secret, beside the list `clients` (KEFU_KEY; operator.secret in DIR/secrets)"},
    {"json", OPTION_FLAG, &common_options.json, NULL, "answer in JSON"},
    {"timeout", OPTION_SPAN, &common_options.timeout_ms, "SPAN", "how long to go on asking (30s)"},
};

/* --- complaints --- */

static const char *complainer = "";

void options_begin(const char *command)
{
    complainer = command;
}

enum exit_status complain(enum exit_status status, const struct err *err)
{
    struct buf line = {0};
    if (err->field[0] != '\0' && strstr(err->message, err->field) == NULL)
        buf_printf(&line, "%s: ", err->field);
    buf_printf(&line, "%s", err->message);
    if (err->rule[0] != '\0') buf_printf(&line, " (%s)", err->rule);
    terminal_say("kefu %s: %s", complainer, buf_text(&line).at);
    buf_finish(&line);
    return status;
}

enum exit_status misuse(const char *format, ...)
{
    struct buf line = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    terminal_say("kefu %s: %s", complainer, buf_text(&line).at);
    terminal_say("HINT: kefu %s --help", complainer);
    buf_finish(&line);
    return STATUS_USAGE;
}

/* --- help --- */

static void add_rows(struct buf *out, struct option_rows rows)
{
    for (size_t i = 0; i < rows.n; i++) {
        char left[64];
        const char *value = rows.at[i].value;
        bool maybe = rows.at[i].kind == OPTION_MAYBE;
        snprintf(left, sizeof(left), "--%s%s%s%s", rows.at[i].name,
                 maybe   ? "[="
                 : value ? " "
                         : "",
                 value ? value : "", maybe ? "]" : "");
        buf_printf(out, "  %-24s %s\n", left, rows.at[i].doc);
    }
}

void options_add_help(struct buf *out, struct option_rows own)
{
    if (own.n > 0) buf_printf(out, "\noptions:\n");
    add_rows(out, own);
    buf_printf(out, "\noptions of every command:\n");
    add_rows(out, (struct option_rows){common, COUNT(common)});
    buf_printf(out, "\nA SPAN is a number and its unit: 500ms, 30s, 5m, 2h, 1d. A TIME is an"
                    " instant, such as\n2026-03-18T09:00:00+08:00.\n");
}

/* --- reading --- */

static const struct option *find_row(struct option_rows rows, text name)
{
    for (size_t i = 0; i < rows.n; i++)
        if (text_is(name, rows.at[i].name)) return &rows.at[i];
    return NULL;
}

/* A command's own row stands before a common one of that name. */
static const struct option *find_option(struct option_rows own, text name)
{
    const struct option *found = find_row(own, name);
    return found != NULL ? found : find_row((struct option_rows){common, COUNT(common)}, name);
}

static enum exit_status set_span(const struct option *option, const char *value)
{
    int64_t ms;
    if (!settings_span(text_of(value), &ms))
        return misuse(
            "--%s: '%s' is not a length of time: a number and ms, s, m, h or d, such as 30s",
            option->name, value);
    if (ms < 1 || ms > SPAN_MAX_MS)
        return misuse("--%s: '%s' is not within 1ms to 30d", option->name, value);
    *(int64_t *)option->at = ms;
    return STATUS_OK;
}

static enum exit_status set_text(const struct option *option, const char *value)
{
    struct option_list *list = option->at;
    if (value[0] == '\0' && option->kind != OPTION_MAYBE)
        return misuse("--%s: %s must not be empty", option->name, option->value);
    if (option->kind != OPTION_LIST)
        *(const char **)option->at = value;
    else if (list->n < OPTION_VALUES)
        list->at[list->n++] = value;
    else
        return misuse("--%s: given more than %d times", option->name, OPTION_VALUES);
    return STATUS_OK;
}

static enum exit_status set_option(const struct option *option, const char *value)
{
    int64_t *number = option->at;
    switch (option->kind) {
    case OPTION_FLAG: *(bool *)option->at = true; return STATUS_OK;
    case OPTION_SPAN: return set_span(option, value);
    case OPTION_INT:
        if (text_to_int(text_of(value), number) && *number >= 0) return STATUS_OK;
        return misuse("--%s: '%s' is not a whole number from 0 on", option->name, value);
    default: return set_text(option, value);
    }
}

/* The option's own value behind '=', or the next argument; what looks like an option is none. */
static const char *find_value(const struct option *option, const char *equals, int argc,
                              char **argv, int *i)
{
    if (equals != NULL) return equals + 1;
    if (option->kind == OPTION_MAYBE) return "";
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0) return NULL;
    return argv[++*i];
}

/* One option at argv[*i]; moves on over its value. */
static enum exit_status take_option(struct option_rows own, int argc, char **argv, int *i)
{
    const char *equals = strchr(argv[*i], '='), *value = NULL;
    text name = {argv[*i] + 2, equals ? (size_t)(equals - argv[*i]) - 2 : strlen(argv[*i]) - 2};
    const struct option *option = find_option(own, name);
    if (option == NULL) return misuse("there is no option --%.*s", TEXT_ARG(name));
    if (option->kind == OPTION_FLAG && equals != NULL)
        return misuse("--%s takes no value", option->name);
    if (option->kind != OPTION_FLAG) value = find_value(option, equals, argc, argv, i);
    if (option->kind != OPTION_FLAG && value == NULL)
        return misuse("--%s needs %s (one that begins with -- is written --%s=%s)", option->name,
                      option->value, option->name, option->value);
    return set_option(option, value);
}

/* "-h", "-x": options have two dashes here. A lone dash is a word: standard input. */
static bool is_short_option(const char *argument)
{
    return argument[0] == '-' && isalpha((unsigned char)argument[1]);
}

enum exit_status options_read(struct option_rows own, int argc, char **argv, struct words *words,
                              bool *help)
{
    bool ended = false;
    enum exit_status status = STATUS_OK;
    *help = false;
    for (int i = 1; i < argc && status == STATUS_OK; i++) {
        if (!ended && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0))
            *help = true;
        else if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && strncmp(argv[i], "--", 2) == 0)
            status = take_option(own, argc, argv, &i);
        else if (!ended && is_short_option(argv[i]))
            status = misuse("there is no option %s: options have two dashes", argv[i]);
        else
            words->at[words->n++] = argv[i];
        if (*help) return STATUS_OK;
    }
    if (status == STATUS_OK && common_options.key != NULL)
        setenv("KEFU_KEY", common_options.key, 1);
    return status;
}
