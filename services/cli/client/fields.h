/*
 * words: messages as a person writes and reads them: field=value on the command line, tables on the
 * screen. Pure.
 */
#ifndef KEFU_CLI_FIELDS_H
#define KEFU_CLI_FIELDS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "data/shape.h"

/* The newest version of a message of that name and kind, or NULL. */
const struct shape *words_find(const char *name, enum shape_kind kind);

/* The body that the words `field=value` describe: lists of texts or numbers are joined by commas; a
   value of a list of structs is JSON. NULL with err. */
MUST_CHECK void *words_read(char *const *words, int n, const struct shape *shape,
                            struct arena *arena, struct err *err);

/* "field: value" lines; lists of structs as tables with aligned columns. */
void words_write(struct buf *out, const struct shape *shape, const void *body);
/* A table of a list of structs. */
void words_table(struct buf *out, const struct shape *of, struct list rows);
/* How many columns a text takes on a terminal (wide characters take two). */
size_t words_width(text value);

#endif
