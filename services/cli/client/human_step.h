/*
 * deed: one human step of a flow: the words of its form are recorded with intake first, then the
 * step is taken with the numbers of those notes (note.record, then ticket.act). For act, import and
 * play.
 */
#ifndef KEFU_CLI_HUMAN_STEP_H
#define KEFU_CLI_HUMAN_STEP_H

#include "client.h"

enum { DEED_FIELDS = 24 };

struct deed_field {
    text name, value;
    bool words; /* free text: becomes a note */
};

struct deed {
    int64_t ticket;
    text action, actor;
    text id;   /* of the step's command; a note's is this, a slash and the field's name. Or: */
    text step; /* the same as a step of client.h; neither: ids are drawn anew */
    struct deed_field fields[DEED_FIELDS];
    size_t n;
    text handler, department;
    struct list assignees; /* texts */
    time_us at;            /* of the step and its notes (client.h) */
    int64_t patience_ms;
};

/* Add a field; true unless there are too many. */
bool deed_add(struct deed *deed, text name, text value, bool words);
/* True if the value may stand in a form as it is: a code, a time, a number or true; else it must be
   words. */
bool deed_is_code(text value);
/* `fn` is called once with the reply to ticket.act, or to the note that failed. The deed's texts
   must live until then; the struct is copied. */
void deed_do(struct client *client, const struct deed *deed,
             void (*fn)(void *ctx, const struct reply *reply), void *ctx);
/* Record one note; the reply is that of note.record. */
void deed_note(struct client *client, const struct deed *deed, const struct deed_field *field,
               void (*fn)(void *ctx, const struct reply *reply), void *ctx);

#endif
