/*
 * pack: the one codec. MessagePack maps with field names, driven by shapes. The only user of
 * msgpack-c.
 */
#ifndef KEFU_PACK_H
#define KEFU_PACK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "data/pack_scan.h"
#include "data/shape.h"

/* Append the body as a map. Optional zero fields are left out. A real that is not finite is written
   as absent. */
void pack_write(struct buf *out, const struct shape *shape, const void *body);
/* Read a body; the bytes must have been scanned. Texts are copied into the arena and
   NUL-terminated. Unknown fields are skipped; nil is absent. A missing or mistyped field sets
   err->field, such as "items[2].kind". Ids are positive, texts hold no NUL (PostgreSQL could not
   store it), an optional empty text is absent. NULL on failure. */
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
    /* what this follows from: "intake/17/4711" (journal/partition/seq) or "command/<id>" */
    text cause;
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
/* The frame must have been scanned. Header texts are copied into the arena; the body is borrowed
   from the frame. */
MUST_CHECK int pack_open(text frame, struct arena *arena, struct envelope *out, struct err *err);

/* A refusal's body: {message, field, rule, reason}. Also that of VERB_RETRY. The reason is a word
   for programs: "unavailable" (every VERB_RETRY) or "deadline_exceeded"; others have none. */
struct refusal {
    text message;
    text field;
    text rule;
    text reason;
};
extern const struct shape refusal_shape;

/* Bytes of a journal row or alarm body are bodies written by pack_write(). */

#endif
