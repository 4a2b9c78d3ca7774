/*
 * err: how bad input and refusals are returned. A function that can fail ends with `struct err *`
 * and returns `err_set(...)`, which is -1. Messages are lower case, without a full stop, and name
 * the field or id. Whatever goes into one, it is UTF-8 and ends with a whole character: it travels,
 * and is stored.
 */
#ifndef KEFU_ERR_H
#define KEFU_ERR_H

#include "base/base.h"

struct err {
    char message[400];
    char field[64]; /* the field at fault, or "" */
    char rule[32];  /* the rule that refuses, such as INT-03, or "" */
};

/* Set the message (field and rule become ""). Returns -1. `err` may be NULL. */
int err_set(struct err *err, const char *format, ...) PRINTF(2, 3);
/* Set message, field and rule (either may be NULL). Returns -1. */
int err_field(struct err *err, const char *field, const char *rule, const char *format, ...)
    PRINTF(4, 5);
/* Put "prefix: " before the message. Returns -1. */
int err_prefix(struct err *err, const char *format, ...) PRINTF(2, 3);
#ifdef __clang_analyzer__ /* it looks at one file, and does not see that they always do */
#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_field(...) ((void)err_field(__VA_ARGS__), -1)
#define err_prefix(...) ((void)err_prefix(__VA_ARGS__), -1)
#endif

/* Log the message (and the hint, if not NULL) and end the process with status 1. Only for start-up
   and broken worlds. */
void fatal(const char *hint, const char *format, ...) PRINTF(2, 3) NORETURN;

#endif
