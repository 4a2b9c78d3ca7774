#include "options.h"

#include "base/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct common_options common_options = {.dir = "var", .timeout_ms = 30000};

static const struct option common[] = {
    {"dir", OPTION_TEXT, &common_options.dir, "DIR",
     "where the running system keeps its files (var)"},
    {"key", OPTION_TEXT, &common_options.key, "FILE",
     "NAME.secret, beside the list `clients` (KEFU_KEY; operator.secret in DIR/secrets)"},
    {"json", OPTION_FLAG, &common_options.json, NULL, "answer in JSON"},
    {"timeout", OPTION_SPAN, &common_options.timeout_ms, "TIME", "how long to go on asking (30s)"},
};

/* --- complaints --- */

static const char *complainer = "";

void options_begin(const char *command)
{
    complainer = command;
}

enum exit_status complain(enum exit_status status, const struct err *err)
{
    fprintf(stderr, "kefu %s: ", complainer);
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
    fprintf(stderr, "kefu %s: ", complainer);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nHINT: kefu %s --help\n", complainer);
    va_end(args);
    return STATUS_USAGE;
}

/* --- help --- */

static void print_rows(struct option_rows rows)
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
        printf("  %-24s %s\n", left, rows.at[i].doc);
    }
}

void options_print_help(struct option_rows own)
{
    if (own.n > 0) puts("\noptions:");
    print_rows(own);
    puts("\noptions of every command:");
    print_rows((struct option_rows){common, COUNT(common)});
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
static enum exit_status take_option(struct option_rows own, int argc, char **argv, int *i)
{
    const char *equals = strchr(argv[*i], '=');
    text name = {argv[*i] + 2, equals ? (size_t)(equals - argv[*i]) - 2 : strlen(argv[*i]) - 2};
    const struct option *option = find_option(own, name);
    const char *value = equals ? equals + 1 : NULL;
    if (option == NULL) return misuse("there is no option --%.*s", TEXT_ARG(name));
    if (option->kind == OPTION_MAYBE && value == NULL) value = "";
    if (option->kind != OPTION_FLAG && value == NULL) value = *i + 1 < argc ? argv[++*i] : NULL;
    if (option->kind != OPTION_FLAG && value == NULL)
        return misuse("--%s needs %s", option->name, option->value);
    if (!set_option(option, value)) return misuse("--%s: '%s' will not do", option->name, value);
    return STATUS_OK;
}

enum exit_status options_read(struct option_rows own, int argc, char **argv, struct words *words,
                              bool *help)
{
    bool ended = false;
    enum exit_status status = STATUS_OK;
    *help = false;
    for (int i = 1; i < argc && status == STATUS_OK; i++) {
        if (!ended && strcmp(argv[i], "--help") == 0)
            *help = true;
        else if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && strncmp(argv[i], "--", 2) == 0)
            status = take_option(own, argc, argv, &i);
        else
            words->at[words->n++] = argv[i];
        if (*help) return STATUS_OK;
    }
    if (status == STATUS_OK && common_options.key != NULL)
        setenv("KEFU_KEY", common_options.key, 1);
    return status;
}
