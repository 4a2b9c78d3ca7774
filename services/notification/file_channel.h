/*
 * inbox: the file channel: one JSON line for each message, in one file a day. What an in-app inbox,
 * or a person watching a demo, reads. A message sent twice has the same number.
 */
#ifndef KEFU_NOTIFICATION_FILE_CHANNEL_H
#define KEFU_NOTIFICATION_FILE_CHANNEL_H

#include "base/err.h"

struct inbox_line {
    time_us at;
    int64_t message;
    int64_t ticket;
    text to;
    text template;
    text subject;
    text body;
};

/* Append to a file in the directory, which is made if it is not there; only its owner can read
   it. */
MUST_CHECK int inbox_add(const char *directory, const struct inbox_line *line, struct err *err);

#endif
