#include "handlers.h"

#include "codes.h"
#include "enter.h"
#include "store.h"

#include "intake.msg.h"

/* Intake's knowledge of the ticket, as the flags that flows ask for. */
static text flags_of(const struct ticket_opened *m, struct arena *arena)
{
    text flags = {NULL, 0};
    if (m->important) flags = names_add(flags, TEXT("important"), arena);
    if (m->agitated) flags = names_add(flags, TEXT("agitated"), arena);
    if (m->repeat_of != 0) flags = names_add(flags, TEXT("repeat"), arena);
    if (text_is(m->class, "emergency")) flags = names_add(flags, TEXT("emergency"), arena);
    if (text_is(m->kind, "complaint") && text_is(m->topic, "contract"))
        flags = names_add(flags, TEXT("contract_clause"), arena); /* CMP-13 */
    return flags;
}

/* A matter was taken in: it enters its flow, and gets a handler or a place in a queue. */
void on_ticket_opened(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_opened *m = message;
    struct ticket_row new = {
        .id = m->ticket,
        .contact = m->contact,
        .kind = m->kind,
        .topic = m->topic.len > 0 ? m->topic : m->category,
        .class = m->class,
        .channel = m->channel,
        .org_unit = m->org_unit,
        .project = m->project,
        .owner = m->recorder,
        .flags = flags_of(m, plan->arena),
        .received_at = m->received_at,
        .promised_at = m->promised_at,
        .customer = m->customer,
        .label = m->label,
        .locale = m->locale,
        .important = m->important,
        .answered = m->answered,
        .deferred = m->deferred,
        .reachable = m->reachable,
        .repeat_of = m->repeat_of,
    };
    struct desk desk = {0};
    struct company company = company_of(facts);
    enter_open(&desk, plan, &new, &company);
}

/* Words were stored: forms may refer to their number. */
void on_note_added(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct note_added *m = message;
    (void)facts;
    plan_write(plan, &note_insert,
               &(struct note_row){.ticket = m->ticket, .note = m->note, .name = m->name});
}
