/*
 * post: planning messages. A notice is what happened to a ticket; the rules of notify.yaml make
 * wishes of it; a wish becomes one message to one person, or is suppressed because that person was
 * told already.
 */
#ifndef KEFU_NOTIFICATION_COMPOSE_H
#define KEFU_NOTIFICATION_COMPOSE_H

#include "runtime/api/plan.h"
#include "recipients.h"

struct notice {
    enum fact fact;
    struct ticket_copy_row ticket; /* as it is now */
    text step;
    text how;
    text queue;
    text reason;
    text actor;
    text clock_name;
    int64_t clock;
    text level;
    int64_t share;
    bool breached;
    bool answered;
    struct list roles; /* text */
    time_us at;        /* when it happened */
    time_us due_at;
    time_us promised_at;
    text notes;   /* numbers, joined by commas */
    text purpose; /* of a call */
};

/* A message wanted by a command or a rule. */
struct wish {
    text template;
    const struct person_row *to; /* NULL: the customer */
    text channel;
    text cause;
    text urgency;
    time_us not_before;
    text person; /* who answers with it */
    text gives;
    time_us next_at;
};

/* A handler that plans messages loads what POST_LOADS says. */
#define POST_LOADS                                                                                 \
    {&ticket_lock, "ticket"}, {&message_keys, "ticket"}, {&unit_read, NULL},                       \
    {                                                                                              \
        &person_read, NULL                                                                         \
    }

struct post {
    struct plan *plan;
    const struct notify_rules *rules;
    const struct notice *notice;
    struct company company;
    struct list keys; /* struct message_key_row: told already */
    text *told;       /* in this plan */
    size_t told_n, told_room;
};

struct post post_open(struct plan *plan, const struct notice *notice, const struct facts *facts);
/* Apply all rules. */
void post_notice(struct plan *plan, const struct notice *notice, const struct facts *facts);
/* One message; its number, 0 if it was suppressed. send_at (may be NULL): when it goes out. */
int64_t post_message(struct post *post, const struct wish *wish, time_us *send_at);
/* A call task: its row, and the message that tells the caller. */
struct call_row post_call(struct post *post, const struct wish *wish, text purpose);
/* The job that sends a message. */
void post_job(struct plan *plan, const struct message_row *row);

#endif
