/* Events of routing and escalation become notices. */
#include "handlers.h"

#include "escalation.msg.h"
#include "compose.h"
#include "routing.msg.h"
#include "store.h"

#include <inttypes.h>

static void keep_ticket(struct plan *plan, const struct ticket_copy_row *ticket)
{
    plan_write(plan, &ticket_write, ticket);
}

/* The numbers of notes in a form: values are "note:<number>". */
static text notes_of(struct plan *plan, struct list fields)
{
    text notes = {NULL, 0};
    for (size_t i = 0; i < fields.n; i++) {
        const struct form_value *field = &LIST(fields, struct form_value)[i];
        if (!text_starts(field->value, "note:") || !text_is(field->name, "answer")) continue;
        text note = {field->value.at + 5, field->value.len - 5};
        notes = notes.len == 0
                    ? note
                    : arena_printf(plan->arena, "%.*s,%.*s", TEXT_ARG(notes), TEXT_ARG(note));
    }
    return notes;
}

void on_ticket_started(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_started *m = message;
    struct notice notice = {
        .fact = FACT_STARTED,
        .ticket = {.ticket = m->ticket,
                   .kind = m->kind,
                   .topic = m->topic,
                   .class = m->class,
                   .state = m->state,
                   .org_unit = m->org_unit,
                   .project = m->project,
                   .department = m->department,
                   .owner = m->owner,
                   .handler = m->handler,
                   .label = m->label,
                   .locale = m->locale,
                   .important = m->important,
                   .reachable = m->reachable,
                   .round = 1,
                   .received_at = m->received_at,
                   .promised_at = m->promised_at},
        .answered = m->answered,
        .at = plan->header->time,
        .promised_at = m->promised_at,
    };
    keep_ticket(plan, &notice.ticket);
    post_notice(plan, &notice, facts);
}

/* routing's later words come after ticket.started; a ticket that is not known is a fault that
   somebody must look at. */
static const struct ticket_copy_row *known_ticket(struct plan *plan, int64_t ticket,
                                                  const struct facts *facts)
{
    const struct ticket_copy_row *copy = facts_one(facts, &ticket_lock);
    if (copy == NULL)
        plan_refuse(plan, "ticket", NULL, "unknown ticket %" PRId64 " (not received yet)", ticket);
    return copy;
}

void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_moved *m = message;
    const struct ticket_copy_row *known = known_ticket(plan, m->ticket, facts);
    if (known == NULL) return;
    struct notice notice = {
        .fact = FACT_MOVED,
        .ticket = *known,
        .step = m->step,
        .actor = m->actor,
        .reason = m->reason,
        .at = plan->header->time,
        .promised_at = m->promised_at,
        .notes = notes_of(plan, m->fields),
    };
    struct ticket_copy_row *ticket = &notice.ticket;
    ticket->state = m->to;
    ticket->owner = m->owner;
    ticket->handler = m->handler;
    ticket->department = m->department;
    ticket->org_unit = m->org_unit;
    ticket->round = m->round;
    if (m->class.len > 0) ticket->class = m->class;
    if (m->promised_at != 0) ticket->promised_at = m->promised_at;
    keep_ticket(plan, ticket);
    post_notice(plan, &notice, facts);
}

void on_ticket_assigned(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_assigned *m = message;
    const struct ticket_copy_row *known = known_ticket(plan, m->ticket, facts);
    if (known == NULL) return;
    struct notice notice = {
        .fact = FACT_ASSIGNED,
        .ticket = *known,
        .how = m->how,
        .queue = m->queue,
        .actor = m->actor,
        .at = plan->header->time,
    };
    notice.ticket.handler = m->handler;
    notice.ticket.state = m->state;
    if (m->owner.len > 0) notice.ticket.owner = m->owner;
    if (m->department.len > 0) notice.ticket.department = m->department;
    keep_ticket(plan, &notice.ticket);
    post_notice(plan, &notice, facts);
}

void on_ticket_queued(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_queued *m = message;
    const struct ticket_copy_row *known = known_ticket(plan, m->ticket, facts);
    if (known == NULL) return;
    const struct notice notice = {
        .fact = FACT_QUEUED,
        .ticket = *known,
        .queue = m->queue,
        .reason = m->reason,
        .at = plan->header->time,
    };
    post_notice(plan, &notice, facts);
}

/* escalation may be ahead of routing's word: then its own is all we know of the ticket. */
void on_clock_level(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_level *m = message;
    const struct ticket_copy_row *known = facts_one(facts, &ticket_lock);
    struct notice notice = {
        .fact = FACT_LEVEL,
        .clock = m->clock,
        .clock_name = m->name,
        .level = m->level,
        .share = m->share,
        .breached = m->breached,
        .roles = m->roles,
        .at = m->at,
        .due_at = m->due_at,
    };
    if (known != NULL) {
        notice.ticket = *known;
    } else {
        notice.ticket = (struct ticket_copy_row){.ticket = m->ticket,
                                                 .kind = m->kind,
                                                 .class = m->class,
                                                 .org_unit = m->org_unit,
                                                 .department = m->department,
                                                 .owner = m->owner,
                                                 .handler = m->handler,
                                                 .locale = text_of(rules_locale)};
    }
    post_notice(plan, &notice, facts);
}

void on_breach_withdrawn(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct breach_withdrawn *m = message;
    const struct ticket_copy_row *known = facts_one(facts, &ticket_lock);
    struct notice notice = {
        .fact = FACT_WITHDRAWN,
        .clock = m->clock,
        .clock_name = m->name,
        .at = plan->header->time,
        .due_at = m->due_at,
    };
    if (known != NULL)
        notice.ticket = *known;
    else
        notice.ticket = (struct ticket_copy_row){
            .ticket = m->ticket, .kind = m->kind, .locale = text_of(rules_locale)};
    post_notice(plan, &notice, facts);
}
