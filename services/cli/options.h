/*
 * options: what a command is told. Its words and options are read by rows, help is printed from the
 * same rows, and complaints all have one form. Knows no command.
 */
#ifndef KEFU_CLI_OPTIONS_H
#define KEFU_CLI_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"

enum exit_status {
    STATUS_OK,
    STATUS_FAILED, /* refused, or something is wrong */
    STATUS_USAGE,
    STATUS_UNREACHABLE /* nobody answers there */
};

enum option_kind {
    OPTION_FLAG, /* bool */
    OPTION_TEXT, /* const char *, not empty */
    OPTION_INT,  /* int64_t, not negative */
    OPTION_SPAN, /* int64_t, milliseconds: a length of time, 1ms to 30d */
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

struct option_rows {
    const struct option *at;
    size_t n;
};

/* The words of a command that are no options. */
struct words {
    char **at;
    int n;
};

/* Options that every command has. */
struct common_options {
    const char *dir; /* where run.json is */
    const char *key; /* a file, NAME.secret; goes into the environment, for keyring_open() */
    bool json;
    int64_t timeout_ms; /* how long to go on asking */
};
extern struct common_options common_options;

/* Complaints begin with "kefu NAME: " from now on. */
void options_begin(const char *command);
/* Read argv[1] and on by `own` rows and the common ones, into what the rows point at; the rest are
   `words`, whose array has room for argc of them. *help: --help was among them, and nothing is to
   be done. Not STATUS_OK after a complaint. */
enum exit_status options_read(struct option_rows own, int argc, char **argv, struct words *words,
                              bool *help);
/* Help for the rows and the common options. */
void options_add_help(struct buf *out, struct option_rows own);

/* Says "kefu NAME: message" (and the field and rule), on standard error, and gives the status
   back. */
enum exit_status complain(enum exit_status status, const struct err *err);
/* The same for wrong use, with a hint at --help. */
enum exit_status misuse(const char *format, ...) PRINTF(1, 2);

#endif
