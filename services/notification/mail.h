/*
 * mail: a message as the bytes that SMTP carries (RFC 5322, 2045, 2047). Pure: whatever stands in a
 * name or a subject, it cannot add a header or an address.
 */
#ifndef KEFU_NOTIFICATION_MAIL_H
#define KEFU_NOTIFICATION_MAIL_H

#include "base/arena.h"

struct mail {
    text from;
    text to;
    text subject;
    text body;
    int64_t message; /* makes the Message-ID: the same for every try */
    time_us at;
    bool automatic; /* nobody should answer it by machine (RFC 3834) */
};

/* Both addresses are such as base/address.h takes. */
text mail_write(const struct mail *mail, struct arena *arena);

#endif
