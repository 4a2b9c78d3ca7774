/*
 * curve: the server's side of CurveZMQ (https://rfc.zeromq.org/spec/26) for one connection: who is
 * there, and messages that nobody else can read or forge. Bytes in, bytes out; no I/O.
 *
 *   client  HELLO              INITIATE (its key)            MESSAGE …
 *   server          WELCOME                        READY     MESSAGE …
 *
 */
#ifndef KEFU_CURVE_H
#define KEFU_CURVE_H

#include "base/buf.h"
#include "base/err.h"

enum { CURVE_KEY_BYTES = 32, CURVE_COOKIE_BYTES = 96 };
enum { CURVE_HELLO_SIZE = 200, CURVE_INITIATE_MAX = 1024 };
/* Bytes that a MESSAGE adds around its content. */
enum { CURVE_AROUND = 33 };
/* Flags inside a MESSAGE. */
enum { CURVE_MORE = 1, CURVE_COMMAND = 2, CURVE_RESERVED = 0xFC };

/* A key of the server that outlives its connections. */
struct curve_pair {
    unsigned char public_key[CURVE_KEY_BYTES], secret_key[CURVE_KEY_BYTES];
};

struct curve {
    unsigned char short_client[CURVE_KEY_BYTES]; /* the client's key for this connection */
    unsigned char short_secret[CURVE_KEY_BYTES]; /* ours; zero once the handshake has ended */
    unsigned char shared[CURVE_KEY_BYTES];       /* seals and opens what follows INITIATE */
    unsigned char cookie[CURVE_COOKIE_BYTES];    /* the client must say it again */
    unsigned char client[CURVE_KEY_BYTES];       /* after INITIATE: the client's own public key */
    uint64_t heard, said;                        /* numbers of the last messages: they only rise */
};

/* Once, before all else. */
MUST_CHECK int curve_start(struct err *err);

/* Bodies of commands, without the head of the frame. -1 with err: this is no client for us. */
MUST_CHECK int curve_hello(struct curve *curve, const struct curve_pair *pair, text hello,
                           struct buf *welcome, struct err *err);
/* Proves that the client has the secret to `curve->client`; whether that may enter is for others
   to say. `metadata` lies in `room`, of CURVE_INITIATE_MAX bytes. */
MUST_CHECK int curve_initiate(struct curve *curve, const struct curve_pair *pair, text initiate,
                              char *room, text *metadata, struct err *err);
void curve_ready(struct curve *curve, text metadata, struct buf *ready);

/* Open the body of a MESSAGE where it lies. */
MUST_CHECK int curve_open(struct curve *curve, char *message, size_t len, unsigned *flags,
                          text *content, struct err *err);
/* Append the body of a MESSAGE: content.len + CURVE_AROUND bytes. */
void curve_seal(struct curve *curve, unsigned flags, text content, struct buf *out);
/* Forget the keys. */
void curve_finish(struct curve *curve);

#endif
