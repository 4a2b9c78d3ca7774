/*
 * limits: what a value from outside may be, in one place. Commands, queries and headers are held to
 * the limits of their fields, which the .msg files state (proto/README.md), and to the range of
 * times (base.h). What services say to each other is theirs: only times are brought back into the
 * range there, so that nothing behind the codec ever meets another one.
 */
#ifndef KEFU_LIMITS_H
#define KEFU_LIMITS_H

#include "data/shape.h"

/* The rule that such a refusal names. */
#define LIMITS_RULE "INT-24"

enum { LIMITS_TEXT = 96 };

/* Do values of this shape come from outside? */
bool limits_hold(const struct shape *shape);
/* NULL, or what is wrong with one value of the field, such as "is longer than 200 bytes"; `wrong`
   is room for it. */
const char *limits_check(const struct field *field, const void *value, char wrong[LIMITS_TEXT]);
const char *limits_check_items(const struct field *field, size_t n, char wrong[LIMITS_TEXT]);

#endif
