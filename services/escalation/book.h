/*
 * book: all clocks of one ticket, and what the triggers of clocks.yaml make of each thing that
 * happened to it. Pure.
 *
 * Routing and notification are two sources: whatever the order in which their words arrive, the
 * clocks end up the same. Replies are therefore kept, and held against clocks that turn out to have
 * started before them.
 */
#ifndef KEFU_ESCALATION_BOOK_H
#define KEFU_ESCALATION_BOOK_H

#include "clocks.h"

/* One thing that happened, as clocks see it. */
struct happening {
    enum happening_kind kind;
    time_us at;
    text by;    /* what to call it: "ticket.moved CMP-T13" */
    text state; /* of TICKET_MOVED: the state it is in now */
    text step;
    /* a named handler other than the recorder, or the recorder solved it in the contact */
    bool handled;
    bool replied;
    bool acknowledged;
    bool class_changed;
    time_us promised; /* a time told to the customer */
    bool terminal;
    bool exit; /* terminal through a shared exit (3.0) */
};

struct book {
    const struct clock_rules *rules; /* in force: new clocks run under them */
    int64_t policy;
    struct ticket_copy_row ticket;
    struct clock_life *lives;
    size_t n;
    size_t room;         /* of lives; clocks beyond it do not begin */
    struct list replies; /* struct customer_reply_row, by time */
    int64_t (*new_id)(void *ctx);
    void *ctx;
};

/* Change the clocks, and begin those that this starts. The ticket's copy must already say what is
   true after it. */
void book_hear(struct book *book, const struct happening *happening);
/* A kept reply as a happening for the clocks. */
struct happening book_reply(const struct customer_reply_row *reply);

#endif
