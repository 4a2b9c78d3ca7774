/*
 * facts: what each event makes of a row of facts, and the live counters that a row stands in. Pure.
 *
 * Events of one source about a ticket come in order; between two sources there is no order. So
 * every field has one source whose word counts: intake's word fills only what routing has not said,
 * and what several say is the earliest of them. A test permutes.
 *
 * Counters are never counted: a row stands in some topics, and a change of the row moves it from
 * the old ones to the new ones.
 */
#ifndef KEFU_REPORTING_FACTS_H
#define KEFU_REPORTING_FACTS_H

#include "base/arena.h"

#include "escalation.msg.h"
#include "intake.msg.h"
#include "reporting_rows.msg.h"
#include "routing.msg.h"

/* The steps that give the figures their ends (kpis.yaml). */
struct fact_steps {
    text result;    /* the department gives its result */
    text satisfied; /* the customer is satisfied */
};

/* Each changes the row; it may be all zero but for its number. `at`: when it happened. */
void fact_ticket_opened(struct ticket_fact_row *fact, const struct ticket_opened *m);
void fact_ticket_started(struct ticket_fact_row *fact, const struct ticket_started *m);
void fact_ticket_moved(struct ticket_fact_row *fact, const struct ticket_moved *m,
                       const struct fact_steps *steps, time_us at);
void fact_ticket_assigned(struct ticket_fact_row *fact, const struct ticket_assigned *m,
                          time_us at);
void fact_ticket_queued(struct ticket_fact_row *fact, const struct ticket_queued *m);
void fact_replied(struct ticket_fact_row *fact, time_us at);

/* The topics a row stands in, each with one. */
enum { FACT_TOPICS = 8 };
struct fact_topics {
    text at[FACT_TOPICS];
    size_t n;
};
void fact_ticket_topics(struct fact_topics *out, const struct ticket_fact_row *fact,
                        struct arena *arena);
void fact_clock_topics(struct fact_topics *out, const struct clock_fact_row *fact,
                       struct arena *arena);
/* A message that waited for the end of quiet hours: counted for good, whatever became of it. */
void fact_held_topics(struct fact_topics *out);
void fact_message_topics(struct fact_topics *out, const struct message_fact_row *fact,
                         struct arena *arena);
void fact_staff_topics(struct fact_topics *out, const struct staff_fact_row *fact);

/* Is the topic among them? */
bool fact_topics_have(const struct fact_topics *topics, text topic);

#endif
