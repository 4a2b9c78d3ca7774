/*
 * pack: the one codec. MessagePack maps with field names, driven by shapes. The only user of msgpack-c.
 */
#ifndef KEFU_PACK_H
#define KEFU_PACK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "data/shape.h"

/* What a message from outside may be: refused before msgpack-c sees it (five bytes can make it ask for 8 GiB). */
struct pack_limits {
    size_t bytes;
    int depth;    /* nested maps and arrays */
    size_t items; /* elements of arrays and pairs of maps, all together */
};
extern const struct pack_limits pack_limits_outside; /* 256 KiB, 8, 10,000: commands and queries */
extern const struct pack_limits pack_limits_inside; /* 8 MiB, 8, 200,000: answers of journal.read */

/* Bounded scan: exactly one well-formed value that fills the bytes, within the limits, no duplicate key in a map of up
   to 64 keys (more are refused), keys are str, str in UTF-8, no extension types. Linear time, no allocation. */
MUST_CHECK int pack_scan(text bytes, const struct pack_limits *limits, struct err *err);

/* Append the body as a map. Optional zero fields are left out. A real that is not finite is written as absent. */
void pack_write(struct buf *out, const struct shape *shape, const void *body);
/* Read a body; the bytes must have been scanned. Texts are copied into the arena and NUL-terminated. Unknown fields are
   skipped; nil is absent. A missing or mistyped field sets err->field, such as "items[2].kind". Ids are positive, texts
   hold no NUL (PostgreSQL could not store it), an optional empty text is absent. NULL on failure. */
MUST_CHECK void *pack_read(text bytes, const struct shape *shape, struct arena *arena,
                           struct err *err);

/* Bytes of an id. */
enum { PACK_ID_MAX = 200 };

/* The envelope, one frame: [wire version, verb, header map, body map]. */
enum verb { VERB_COMMAND, VERB_QUERY, VERB_ANSWER, VERB_REFUSED, VERB_RETRY, VERB_HINT };

struct header {
    text id;   /* drawn by the sender; the idempotency key of a command */
    text type; /* message name, such as "contact.record" */
    int64_t version;
    text key;     /* informative; computed from the body by whoever needs the partition */
    time_us time; /* when it was sent, or happened */
    text trace;   /* W3C trace id, 32 hex digits */
    text
        cause; /* what this follows from: "intake/17/4711" (journal/partition/seq) or "command/<id>" */
    time_us deadline;
    text actor; /* the person on whose behalf: a staff code */
};

struct envelope {
    enum verb verb;
    struct header header;
    text body; /* the body's bytes, not yet read; borrowed from the frame */
};

/* An absent body is written as an empty map. */
void pack_envelope(struct buf *out, enum verb verb, const struct header *header, text body);
/* The frame must have been scanned. Header texts are copied into the arena; the body is borrowed from the frame. */
MUST_CHECK int pack_open(text frame, struct arena *arena, struct envelope *out, struct err *err);

/* The id in the header, of any frame that can be read up to there, whatever follows or is wrong with
   it: so that what is refused can be matched. Borrowed from the frame; absent if there is none, it is
   no UTF-8, or has more than PACK_ID_READABLE bytes. Linear time, no allocation. */
enum { PACK_ID_READABLE = 8192 };
text pack_find_id(text frame);

/* A refusal's body: {field, rule, message}. Also that of VERB_RETRY. */
struct refusal {
    text message;
    text field;
    text rule;
};
extern const struct shape refusal_shape;

/* Bytes of a journal row or alarm body are bodies written by pack_write(). */

#endif
