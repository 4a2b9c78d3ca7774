/*
 * command: what one command of `kefu` is. Each command is one file that begins with its entry; main.c lists the entries,
 * reads options by their rows and prints help from them.
 */
#ifndef KEFU_CLI_COMMAND_H
#define KEFU_CLI_COMMAND_H

#include "base/err.h"

enum exit_status {
    STATUS_OK,
    STATUS_FAILED, /* refused, or something is wrong */
    STATUS_USAGE,
    STATUS_UNREACHABLE /* nobody answers there */
};

enum option_kind {
    OPTION_FLAG, /* bool */
    OPTION_TEXT, /* const char * */
    OPTION_INT,  /* int64_t, not negative */
    OPTION_SPAN, /* int64_t, milliseconds: 250ms, 2s, 10m */
    OPTION_LIST, /* struct option_list: may be given several times */
    OPTION_MAYBE /* const char *: --name or --name=VALUE; "" without a value */
};

enum { OPTION_VALUES = 64 };

struct option_list {
    const char *at[OPTION_VALUES];
    size_t n;
};

struct option {
    const char *name;
    enum option_kind kind;
    void *at;
    const char *value; /* what stands for the value in help; NULL of a flag */
    const char *doc;
};

/* The words of a command that are no options. */
struct words {
    char **at;
    int n;
};

struct command {
    const char *name;
    const char *args;     /* "TYPE [FIELD=VALUE…]" */
    int least, most;      /* how many words; most < 0: any number */
    const char *usage;    /* what it does, in a sentence or a few lines */
    const char *examples; /* lines */
    const struct option *options;
    size_t options_n;
    enum exit_status (*exec)(const struct words *words);
    int (*plain)(int argc, char **argv); /* instead of exec: reads its own arguments */
};

/* Options that every command has. */
struct common_options {
    const char *dir; /* where run.json is */
    const char *key; /* a file, NAME.secret; goes into the environment, for keyring_open() */
    bool json;
    int64_t timeout_ms; /* how long to go on asking */
};
extern struct common_options common_options;

/* Says "kefu NAME: message" (and the field and rule), on standard error, and gives the status back. */
enum exit_status complain(enum exit_status status, const struct err *err);
/* The same for wrong use, with a hint at --help. */
enum exit_status misuse(const char *format, ...) PRINTF(1, 2);

#endif
