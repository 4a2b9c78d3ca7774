/*
 * send: one transfer by libcurl on the service's own loop: a mail by SMTP, or an HTTP POST. The
 * only user of libcurl here.
 */
#ifndef KEFU_NOTIFICATION_TRANSPORT_H
#define KEFU_NOTIFICATION_TRANSPORT_H

#include "reach.h"

enum send_outcome {
    SEND_DONE,    /* the receiver has it */
    SEND_AGAIN,   /* no answer, or "later": the world's fault */
    SEND_REFUSED, /* the receiver will never take it */
};

struct send_request {
    const char *url;       /* smtp://…, smtps://…, http://… or https://… */
    const char *mail_from; /* of a mail */
    const char *mail_to;
    const char *tls;  /* of a mail: no, try, must */
    const char *user; /* may be NULL or "" */
    const char *password;
    const char *headers[8];    /* of a POST; ends with NULL */
    const struct reach *reach; /* of a POST: to which addresses */
    text body;
    int64_t timeout_ms;
};

/* fn is called once, later. All texts of the request must live until then. `reason` is a code such
   as "smtp 550", "http 500", "timeout" – never what the other side said, which might hold an
   address. A POST goes to an address within reach or to none, whatever its name leads to: each
   connection is judged by the address that it is made to. No proxy, no redirect, and no more of the
   answer than its status. A name that leads nowhere and one that leads out of reach have the same
   reason, no_address, so that nobody can map a network by sending; the log tells them apart. */
void send_start(const struct send_request *request,
                void (*fn)(void *ctx, enum send_outcome outcome, const char *reason), void *ctx);
void send_stop(void); /* at drain: forget what is under way */

/* The meaning of an answer. Pure. */
enum send_outcome send_judge_http(long status);
enum send_outcome send_judge_smtp(long status);

#endif
