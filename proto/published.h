/*
 * published: what other programs already rely on, kept in published.txt in the language of the .msg
 * files. A published message only ever gains optional fields; anything else is a new version. Rows
 * are not published.
 */
#ifndef KEFU_PUBLISHED_H
#define KEFU_PUBLISHED_H

#include <stdbool.h>

/* Blocks before number `first` were published; the others are compared with them. `recorded`: all
   must be there. */
void published_check(int first, bool recorded);
/* Write the blocks from number `first` on as the published ones. */
void published_write(const char *file, int first);

#endif
