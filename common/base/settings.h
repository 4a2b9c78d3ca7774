/*
 * settings: what an operator can set, as rows of a table. One row gives the option --name=value,
 * the environment variables KEFU_<SERVICE>_<NAME> and KEFU_<NAME>, the range check, the line of
 * --help and the line of --print-settings.
 *   { "batch", SETTING_INT, &settings.batch, "256", 1, 4096, "Messages in one transaction." },
 * An option beats the service's variable, which beats the general one, which beats the default. An
 * empty variable counts as not set. Secrets are never given themselves: a SETTING_SECRET is the
 * path of a file that nobody else may read. No text has control characters.
 */
#ifndef KEFU_SETTINGS_H
#define KEFU_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum setting_type {
    SETTING_TEXT,     /* const char *; min and max bound its length in bytes (max 0: any length) */
    SETTING_INT,      /* int64_t */
    SETTING_BOOL,     /* bool: true/false, yes/no, on/off, 1/0; --name alone means true */
    SETTING_SPAN,     /* int64_t, milliseconds: 250ms, 2s, 10m, 1h, 3d */
    SETTING_SECRET,   /* const char *: the first line of the file given; NULL if no file is given */
    SETTING_DSN,      /* const char *: where a database is; shown only if it holds no password */
    SETTING_ENDPOINT, /* const char *: tcp://HOST:PORT or "" */
    SETTING_PEER,     /* const char *: the same, or static:NUMBER:PORT,NUMBER:PORT (net/peers.h) */
};

struct setting {
    const char *name; /* lower case, words joined by '-' */
    enum setting_type type;
    void *at;             /* where the value goes: of the type said above */
    const char *standard; /* the default as one would type it; NULL: must be given */
    int64_t min, max;
    const char *doc; /* one sentence */
};

struct settings_table {
    const struct setting *rows;
    size_t n;
};

enum { SETTINGS_TABLES = 4 };

/* All settings of one program: those that every service has, and its own. */
struct settings {
    const char *program; /* "kefu-intake" */
    const char *service; /* "intake": the middle of KEFU_INTAKE_BATCH */
    struct settings_table tables[SETTINGS_TABLES];
};

enum settings_wish { SETTINGS_RUN, SETTINGS_HELP, SETTINGS_PRINT };

/* Fill the values from defaults, environment and arguments; texts live in the arena. `wish` tells
   if --help or --print-settings was among the arguments; with --help nothing is required and
   nothing is filled. An error names the setting in err->field. */
MUST_CHECK int settings_read(const struct settings *settings, char *const *argv,
                             struct arena *arena, enum settings_wish *wish, struct err *err);
/* The text of --help. */
void settings_help(struct buf *out, const struct settings *settings);
/* The text of --print-settings: `name=value` lines as in force; a secret is shown as "(set)" or
   "". */
void settings_print(struct buf *out, const struct settings *settings);
/* "250ms", "2s", … as milliseconds: a number and its unit (ms, s, m, h, d); 0 needs none. */
bool settings_span(text value, int64_t *out);

#endif
