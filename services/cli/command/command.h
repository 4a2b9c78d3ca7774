/*
 * command: what one command of `kefu` is. Each command is one file that begins with its entry;
 * main.c lists the entries.
 */
#ifndef KEFU_CLI_COMMAND_H
#define KEFU_CLI_COMMAND_H

#include "cli/options.h"

struct command {
    const char *name;
    const char *args;     /* "TYPE [FIELD=VALUE…]" */
    int least, most;      /* how many words; most < 0: any number */
    const char *usage;    /* what it does, in a sentence or a few lines */
    const char *examples; /* lines */
    const struct option *options;
    size_t options_n;
    enum exit_status (*exec)(const struct words *words);
};

#endif
