/*
 * template: texts with {placeholders}. What may stand in the braces is one fixed list, so that a
 * policy check finds a placeholder that nobody fills. Pure.
 */
#ifndef KEFU_NOTIFICATION_TEMPLATE_H
#define KEFU_NOTIFICATION_TEMPLATE_H

#include "base/arena.h"
#include "base/err.h"

enum value_name {
    VALUE_TICKET,
    VALUE_KIND,
    VALUE_TOPIC,
    VALUE_STATE,
    VALUE_CLASS,
    VALUE_PROJECT,
    VALUE_DEPARTMENT,
    VALUE_LABEL, /* the customer, masked */
    VALUE_OWNER_NAME,
    VALUE_HANDLER_NAME,
    VALUE_ROUND,
    VALUE_RECEIVED_AT,
    VALUE_PROMISED_AT,
    VALUE_DUE_AT,
    VALUE_REASON,
    VALUE_QUEUE,
    VALUE_CLOCK, /* its number */
    VALUE_CLOCK_NAME,
    VALUE_LEVEL,
    VALUE_SHARE,
    VALUE_SEQ, /* the event itself, in causes */
    VALUE_PURPOSE,
    VALUE_WORDS, /* what intake keeps: filled at the moment of sending */
    VALUE_ANSWER,
    VALUES
};

struct values {
    text at[VALUES]; /* absent: unknown */
};

/* A bit for each name. */
#define VALUE_BIT(name) (UINT32_C(1) << (name))

/* Check every placeholder: it is closed, known, and one of `allowed` (bits). */
MUST_CHECK int template_check(text pattern, uint32_t allowed, struct err *err);
/* Fill in. Unknown values show as a dash; control characters in values become spaces, so that no
   value opens a new line or mail header. Words and answers leave a mark. */
text template_render(text pattern, const struct values *values, struct arena *arena);
/* Put the words where the marks are. Line breaks in them stay. */
text template_fill(text rendered, text words, struct arena *arena);
bool template_has_mark(text rendered);

#endif
