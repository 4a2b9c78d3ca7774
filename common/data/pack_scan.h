/*
 * pack_scan: is this MessagePack, and small enough to be read? Looks at bytes from outside before
 * any library does.
 */
#ifndef KEFU_PACK_SCAN_H
#define KEFU_PACK_SCAN_H

#include "base/err.h"

/* Limits of a message from outside: refused before msgpack-c sees it (five bytes can make it ask
   for 8 GiB). */
struct pack_limits {
    size_t bytes;
    int depth;    /* nested maps and arrays */
    size_t items; /* elements of arrays and pairs of maps, all together */
};
extern const struct pack_limits pack_limits_outside; /* 256 KiB, 8, 10,000: commands and queries */
extern const struct pack_limits pack_limits_inside; /* 8 MiB, 8, 200,000: answers of journal.read */

/* Bounded scan: exactly one well-formed value that fills the bytes, within the limits, no duplicate
   key in a map of up to 64 keys (more are refused), keys are str, str in UTF-8, no extension types.
   Linear time, no allocation. */
MUST_CHECK int pack_scan(text bytes, const struct pack_limits *limits, struct err *err);

/* The id in the header, of any frame that can be read up to there, whatever follows or is wrong
   with it: so that what is refused can be matched. Borrowed from the frame; absent if there is
   none, it is no UTF-8, or has more than PACK_ID_READABLE bytes. Linear time, no allocation. */
enum { PACK_ID_READABLE = 8192 };
text pack_find_id(text frame);

#endif
