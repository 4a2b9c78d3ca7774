/*
 * encoding: what people's programs wrote, as UTF-8. Spreadsheets save as UTF-8 with a byte order
 * mark, as UTF-16, or in the code page of their country (in China GBK, read as its superset
 * GB18030). The one door to iconv.
 */
#ifndef KEFU_ENCODING_H
#define KEFU_ENCODING_H

#include "base/arena.h"
#include "base/err.h"

/* "auto" and those that can be named; ends with NULL. */
extern const char *const encoding_names[];

/* The encoding of the bytes, by their byte order mark, their zero bytes, or their form: one of
   encoding_names. "auto" if none is certain, which is never so for UTF-8, even with some damage. */
const char *encoding_of(text bytes);

/* The bytes as UTF-8, without a byte order mark; "auto" is what encoding_of() says. Borrows from
   `bytes` or lives in the arena. Absent with err, which says line, character and bytes, if they
   are not of that encoding. */
text encoding_read(text bytes, const char *name, struct arena *arena, struct err *err);
/* How many bytes of mark begin them as UTF-8: 3 or 0. */
size_t encoding_mark(text bytes);

#endif
