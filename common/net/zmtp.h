/*
 * zmtp: the framing of ZMTP 3 (https://rfc.zeromq.org/spec/37): the greeting, the heads of frames,
 * the properties of metadata. Pure.
 */
#ifndef KEFU_ZMTP_H
#define KEFU_ZMTP_H

#include "base/buf.h"
#include "base/err.h"

enum { ZMTP_GREETING_SIZE = 64, ZMTP_HEAD_MAX = 9 };

/* Flags of a frame; inside a CURVE MESSAGE (curve.h) there are MORE and SEALED_COMMAND. */
enum { ZMTP_MORE = 1, ZMTP_LONG = 2, ZMTP_COMMAND = 4, ZMTP_RESERVED = 0xF8 };

/* A server's greeting that offers CURVE. */
void zmtp_add_greeting(struct buf *out);
/* A client's greeting, or its first bytes: -1 with err as soon as they cannot become one for
   CURVE. */
MUST_CHECK int zmtp_check_greeting(text begun, struct err *err);

struct zmtp_head {
    unsigned flags;
    size_t len;    /* of the head itself */
    uint64_t size; /* of what follows */
};
/* False: more bytes are needed. */
MUST_CHECK bool zmtp_read_head(text bytes, struct zmtp_head *head);
void zmtp_add_head(struct buf *out, unsigned flags, size_t size);

void zmtp_add_property(struct buf *out, const char *name, text value);
/* -1 with err if the metadata is malformed; an absent property is the absent text. */
MUST_CHECK int zmtp_find_property(text metadata, const char *name, text *value, struct err *err);

#endif
