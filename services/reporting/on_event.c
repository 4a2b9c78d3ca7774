/* Facts of all journals. Each handler changes one row of facts and moves it between the topics it
   stands in. */
#include "handlers.h"

#include "facts.h"
#include "kpi.h"
#include "notification.msg.h"
#include "store.h"
#include "workforce.msg.h"

/* --- counters --- */

/* The row left some topics and entered others. */
static void move_between(struct plan *plan, const struct fact_topics *before,
                         const struct fact_topics *after)
{
    text topics[2 * FACT_TOPICS];
    int64_t by[2 * FACT_TOPICS];
    size_t n = 0;
    for (size_t i = 0; i < before->n; i++) {
        if (fact_topics_have(after, before->at[i])) continue;
        topics[n] = before->at[i];
        by[n++] = -1;
    }
    for (size_t i = 0; i < after->n; i++) {
        if (fact_topics_have(before, after->at[i])) continue;
        topics[n] = after->at[i];
        by[n++] = 1;
    }
    publish_counts(plan, topics, by, n);
}

/* --- tickets --- */

static struct ticket_fact_row ticket_of(const struct facts *facts, int64_t ticket)
{
    const struct ticket_fact_row *known = facts_one(facts, &ticket_lock);
    return known != NULL ? *known : (struct ticket_fact_row){.ticket = ticket};
}

static void keep_ticket(struct plan *plan, struct ticket_fact_row *fact, const struct facts *facts)
{
    const struct ticket_fact_row *known = facts_one(facts, &ticket_lock);
    struct fact_topics before = {0}, after = {0};
    if (text_is(fact->kind, "complaint") && fact->result_due_at == 0)
        fact->result_due_at = kpi_result_due(plan->policy, fact->received_at);
    if (known != NULL) fact_ticket_topics(&before, known, plan->arena);
    fact_ticket_topics(&after, fact, plan->arena);
    plan_write(plan, known == NULL ? &ticket_insert : &ticket_update, fact);
    move_between(plan, &before, &after);
}

static void keep_contact(struct plan *plan, int64_t contact, time_us at, text channel)
{
    plan_add(plan, &contact_add,
             &(struct contact_fact_row){.contact = contact, .at = at, .channel = channel});
}

static void on_ticket_opened(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_opened *m = message;
    struct ticket_fact_row fact = ticket_of(facts, m->ticket);
    fact_ticket_opened(&fact, m);
    keep_ticket(plan, &fact, facts);
    keep_contact(plan, m->contact, m->received_at, m->channel);
}

static void on_ticket_followed_up(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_followed_up *m = message;
    (void)facts;
    keep_contact(plan, m->contact, plan->header->time, m->channel);
    publish_counts(plan, NULL, NULL, 0);
}

static void on_ticket_started(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_started *m = message;
    struct ticket_fact_row fact = ticket_of(facts, m->ticket);
    fact_ticket_started(&fact, m);
    keep_ticket(plan, &fact, facts);
}

static void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_moved *m = message;
    const struct kpi_policy *policy = plan->policy;
    struct ticket_fact_row fact = ticket_of(facts, m->ticket);
    fact_ticket_moved(&fact, m, &policy->steps, plan->header->time);
    keep_ticket(plan, &fact, facts);
}

static void on_ticket_assigned(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_assigned *m = message;
    struct ticket_fact_row fact = ticket_of(facts, m->ticket);
    fact_ticket_assigned(&fact, m, plan->header->time);
    keep_ticket(plan, &fact, facts);
}

static void on_ticket_queued(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_queued *m = message;
    struct ticket_fact_row fact = ticket_of(facts, m->ticket);
    fact_ticket_queued(&fact, m);
    keep_ticket(plan, &fact, facts);
}

static void on_reply_delivered(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct reply_delivered *m = message;
    struct ticket_fact_row fact = ticket_of(facts, m->ticket);
    fact_replied(&fact, plan->header->time);
    keep_ticket(plan, &fact, facts);
}

/* --- clocks: one source, in order --- */

static void keep_clock(struct plan *plan, const struct clock_fact_row *fact,
                       const struct facts *facts)
{
    const struct clock_fact_row *known = facts_one(facts, &clock_lock);
    struct fact_topics before = {0}, after = {0};
    if (known != NULL) fact_clock_topics(&before, known, plan->arena);
    fact_clock_topics(&after, fact, plan->arena);
    plan_write(plan, known == NULL ? &clock_insert : &clock_update, fact);
    move_between(plan, &before, &after);
}

static void on_clock_started(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_started *m = message;
    keep_clock(plan,
               &(struct clock_fact_row){.clock = m->clock,
                                        .ticket = m->ticket,
                                        .name = m->name,
                                        .kind = m->kind,
                                        .round = m->round,
                                        .verdict = TEXT("running"),
                                        .started_at = m->started_at,
                                        .due_at = m->due_at},
               facts);
}

static void on_clock_paused(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_paused *m = message;
    const struct clock_fact_row *known = facts_one(facts, &clock_lock);
    if (known == NULL) return; /* its start was set aside */
    struct clock_fact_row fact = *known;
    fact.due_at = m->due_at;
    keep_clock(plan, &fact, facts);
}

static void on_clock_redated(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_redated *m = message;
    const struct clock_fact_row *known = facts_one(facts, &clock_lock);
    if (known == NULL) return;
    struct clock_fact_row fact = *known;
    fact.due_at = m->due_at;
    keep_clock(plan, &fact, facts);
}

static void on_clock_breached(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_breached *m = message;
    const struct clock_fact_row *known = facts_one(facts, &clock_lock);
    struct clock_fact_row fact = {.clock = m->clock,
                                  .ticket = m->ticket,
                                  .name = m->name,
                                  .kind = m->kind,
                                  .round = m->round};
    if (known != NULL) fact = *known;
    fact.due_at = m->due_at;
    fact.verdict = TEXT("breached");
    keep_clock(plan, &fact, facts);
}

static void on_breach_withdrawn(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct breach_withdrawn *m = message;
    const struct clock_fact_row *known = facts_one(facts, &clock_lock);
    if (known == NULL) return;
    struct clock_fact_row fact = *known;
    fact.due_at = m->due_at;
    fact.verdict = TEXT("running"); /* clock.stopped follows if it has ended */
    keep_clock(plan, &fact, facts);
}

static void on_clock_stopped(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_stopped *m = message;
    keep_clock(plan,
               &(struct clock_fact_row){.clock = m->clock,
                                        .ticket = m->ticket,
                                        .name = m->name,
                                        .kind = m->kind,
                                        .round = m->round,
                                        .verdict = m->verdict,
                                        .started_at = m->started_at,
                                        .due_at = m->due_at,
                                        .stopped_at = m->stopped_at},
               facts);
}

/* --- messages --- */

static void keep_message(struct plan *plan, int64_t message, int64_t ticket, text state,
                         const struct facts *facts)
{
    const struct message_fact_row *known = facts_one(facts, &message_lock);
    struct message_fact_row fact = {message, ticket, state};
    struct fact_topics before = {0}, after = {0};
    if (known != NULL) fact_message_topics(&before, known, plan->arena);
    fact_message_topics(&after, &fact, plan->arena);
    plan_write(plan, known == NULL ? &message_insert : &message_update, &fact);
    move_between(plan, &before, &after);
}

static void on_message_planned(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct message_planned *m = message;
    struct fact_topics none = {0}, held = {0};
    if (m->held && facts_one(facts, &message_lock) == NULL) fact_held_topics(&held);
    move_between(plan, &none, &held);
    keep_message(plan, m->message, m->ticket, m->held ? TEXT("held") : TEXT("planned"), facts);
}

static void on_message_sent(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct message_sent *m = message;
    keep_message(plan, m->message, m->ticket, TEXT("sent"), facts);
}

static void on_message_failed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct message_failed *m = message;
    keep_message(plan, m->message, m->ticket, TEXT("failed"), facts);
}

/* --- staff --- */

static void keep_staff(struct plan *plan, const struct staff_fact_row *fact,
                       const struct facts *facts)
{
    const struct staff_fact_row *known = facts_one(facts, &staff_lock);
    struct fact_topics before = {0}, after = {0};
    if (known != NULL) fact_staff_topics(&before, known);
    fact_staff_topics(&after, fact);
    plan_write(plan, &staff_write, fact);
    move_between(plan, &before, &after);
}

static void on_staff_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct staff_changed *m = message;
    const struct staff_fact_row *known = facts_one(facts, &staff_lock);
    keep_staff(
        plan,
        &(struct staff_fact_row){m->staff, m->active, m->active && known != NULL && known->on_duty},
        facts);
}

static void on_duty_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct duty_changed *m = message;
    const struct staff_fact_row *known = facts_one(facts, &staff_lock);
    keep_staff(plan, &(struct staff_fact_row){m->staff, known == NULL || known->active, m->on},
               facts);
}

/* --- what is heard --- */

#define TICKET .loads = {{&ticket_lock, "ticket"}}
#define CLOCK .loads = {{&clock_lock, "clock"}}
#define MESSAGE .loads = {{&message_lock, "message"}}
#define STAFF .loads = {{&staff_lock, "staff"}}

const struct handler report_hears[] = {
    {ON_EVENT, "intake", &ticket_opened_shape, TICKET, .decide = on_ticket_opened},
    {ON_EVENT, "intake", &ticket_followed_up_shape, .decide = on_ticket_followed_up},
    {ON_EVENT, "routing", &ticket_started_shape, TICKET, .decide = on_ticket_started},
    {ON_EVENT, "routing", &ticket_moved_shape, TICKET, .decide = on_ticket_moved},
    {ON_EVENT, "routing", &ticket_assigned_shape, TICKET, .decide = on_ticket_assigned},
    {ON_EVENT, "routing", &ticket_queued_shape, TICKET, .decide = on_ticket_queued},
    {ON_EVENT, "escalation", &clock_started_shape, CLOCK, .decide = on_clock_started},
    {ON_EVENT, "escalation", &clock_paused_shape, CLOCK, .decide = on_clock_paused},
    {ON_EVENT, "escalation", &clock_redated_shape, CLOCK, .decide = on_clock_redated},
    {ON_EVENT, "escalation", &clock_breached_shape, CLOCK, .decide = on_clock_breached},
    {ON_EVENT, "escalation", &breach_withdrawn_shape, CLOCK, .decide = on_breach_withdrawn},
    {ON_EVENT, "escalation", &clock_stopped_shape, CLOCK, .decide = on_clock_stopped},
    {ON_EVENT, "notification", &message_planned_shape, MESSAGE, .decide = on_message_planned},
    {ON_EVENT, "notification", &message_sent_shape, MESSAGE, .decide = on_message_sent},
    {ON_EVENT, "notification", &message_failed_shape, MESSAGE, .decide = on_message_failed},
    {ON_EVENT, "notification", &reply_delivered_shape, TICKET, .decide = on_reply_delivered},
    {ON_EVENT, "workforce", &staff_changed_shape, STAFF, .decide = on_staff_changed},
    {ON_EVENT, "workforce", &duty_changed_shape, STAFF, .decide = on_duty_changed},
};
const size_t report_hears_n = COUNT(report_hears);
