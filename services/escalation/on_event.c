/* Events escalation hears: each becomes a happening, the book of the ticket's clocks takes it, and
   the difference is said. */
#include "handlers.h"

#include "book.h"
#include "notification.msg.h"
#include "routing.msg.h"
#include "store.h"
#include "tell.h"

#include <inttypes.h>
#include <string.h>

/* --- the book of one ticket --- */

static int64_t draw_id(void *ctx)
{
    return plan_new_id(ctx);
}

static struct clock_life life_of(struct plan *plan, const struct clock_row *row,
                                 const struct facts *facts, text unit)
{
    struct clock_life life = {.row = *row};
    struct list pauses = facts_all(facts, &pauses_read);
    for (size_t i = 0; i < pauses.n && life.pauses_n < CLOCK_PAUSES; i++) {
        const struct pause_row *pause = &LIST(pauses, struct pause_row)[i];
        if (pause->clock == row->id) life.pauses[life.pauses_n++] = *pause;
    }
    clock_bind(&life, plan_policy(plan, row->policy), plan->policy, unit);
    return life;
}

static struct book load_book(struct plan *plan, const struct ticket_copy_row *ticket,
                             const struct facts *facts)
{
    struct book book = {.rules = plan->policy,
                        .policy = plan->policy_version,
                        .ticket = *ticket,
                        .new_id = draw_id};
    struct list rows = facts_all(facts, &clocks_read);
    book.ctx = plan;
    book.replies = facts_all(facts, &replies_read);
    book.room = rows.n + book.rules->n + book.replies.n;
    book.lives = ARENA_ARRAY(plan->arena, struct clock_life, book.room);
    for (; book.n < rows.n; book.n++) {
        book.lives[book.n] =
            life_of(plan, &LIST(rows, struct clock_row)[book.n], facts, ticket->org_unit);
        clock_redate(&book.lives[book.n]);
    }
    return book;
}

/* Hear, write and tell the difference. */
static void hear_and_tell(struct plan *plan, struct book *book, const struct facts *facts,
                          const struct happening *happening)
{
    size_t known = book->n;
    struct list rows = facts_all(facts, &clocks_read);
    book_hear(book, happening);
    plan_write(plan, &ticket_write, &book->ticket);
    struct clock_life *before = ARENA_NEW(plan->arena, struct clock_life);
    for (size_t i = 0; i < book->n; i++) {
        if (i < known)
            *before = life_of(plan, &LIST(rows, struct clock_row)[i], facts, book->ticket.org_unit);
        tell_changes(plan, &book->ticket, i < known ? before : NULL, &book->lives[i]);
    }
}

static const struct ticket_copy_row *known_ticket(struct plan *plan, int64_t ticket,
                                                  const struct facts *facts)
{
    const struct ticket_copy_row *copy = facts_one(facts, &ticket_lock);
    if (copy == NULL)
        plan_refuse(plan, "ticket", NULL, "unknown ticket %" PRId64 " (not received yet)", ticket);
    return copy;
}

/* --- routing --- */

void on_ticket_started(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_started *m = message;
    struct ticket_copy_row ticket = {
        .ticket = m->ticket,
        .kind = m->kind,
        .state = m->state,
        .org_unit = m->org_unit,
        .department = m->department,
        .owner = m->owner,
        .handler = m->handler,
        .class = m->class,
        .round = 1,
        .received_at = m->received_at,
        .repeated = m->repeat_of != 0,
    };
    struct book book = load_book(plan, &ticket, facts);
    hear_and_tell(plan, &book, facts,
                  &(struct happening){
                      .kind = TICKET_STARTED,
                      .at = m->received_at,
                      .by = TEXT("ticket.started"),
                      .state = m->state,
                      .handled = m->handler.len > 0,
                      .replied = m->answered,
                      .promised = m->promised_at,
                  });
}

void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_moved *m = message;
    const struct ticket_copy_row *known = known_ticket(plan, m->ticket, facts);
    if (known == NULL) return;
    struct book book = load_book(plan, known, facts);
    struct ticket_copy_row *ticket = &book.ticket;
    bool class_changed = m->class.len > 0 && !text_equal(m->class, ticket->class);
    ticket->state = m->to;
    ticket->org_unit = m->org_unit;
    ticket->department = m->department;
    ticket->owner = m->owner;
    ticket->handler = m->handler;
    if (class_changed) ticket->class = m->class;
    ticket->round = m->round;
    if (m->terminal) ticket->ended_at = plan->header->time;
    hear_and_tell(plan, &book, facts,
                  &(struct happening){
                      .kind = TICKET_MOVED,
                      .at = plan->header->time,
                      .by = arena_printf(plan->arena, "ticket.moved %.*s", TEXT_ARG(m->step)),
                      .state = m->to,
                      .step = m->step,
                      .handled = m->handler.len > 0 && !text_equal(m->handler, m->owner),
                      .replied = m->replied,
                      .acknowledged = m->acknowledged,
                      .class_changed = class_changed,
                      .promised = m->promised_at,
                      .terminal = m->terminal,
                      .exit = m->exit.len > 0,
                  });
}

void on_ticket_assigned(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_assigned *m = message;
    const struct ticket_copy_row *known = known_ticket(plan, m->ticket, facts);
    if (known == NULL) return;
    struct book book = load_book(plan, known, facts);
    book.ticket.handler = m->handler;
    if (m->owner.len > 0) book.ticket.owner = m->owner;
    if (m->department.len > 0) book.ticket.department = m->department;
    hear_and_tell(plan, &book, facts,
                  &(struct happening){
                      .kind = TICKET_ASSIGNED,
                      .at = plan->header->time,
                      .by = arena_printf(plan->arena, "ticket.assigned %.*s", TEXT_ARG(m->how)),
                      .handled = !text_is(m->how, "owner") && !text_is(m->how, "recorder"),
                  });
}

/* --- notification --- */

void on_reply_delivered(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct reply_delivered *m = message;
    const struct customer_reply_row reply = {
        .ticket = m->ticket,
        .at = plan->header->time,
        .person = m->person,
        .gives = m->gives,
        .next_at = m->next_at,
    };
    plan_write(plan, &reply_write, &reply);
    const struct ticket_copy_row *known = facts_one(facts, &ticket_lock);
    if (known == NULL) return; /* routing's word comes later and finds the reply */
    struct book book = load_book(plan, known, facts);
    struct happening happening = book_reply(&reply);
    hear_and_tell(plan, &book, facts, &happening);
}

/* --- alarms --- */

/* Only what is due by the alarm's own time is told, however late it fires: readers have caught up
   to that time and no further. What is due since then has its own alarm, at once. */
void on_clock_due(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_due *m = message;
    const struct ticket_copy_row *ticket = facts_one(facts, &ticket_lock);
    struct list rows = facts_all(facts, &clocks_read);
    for (size_t i = 0; ticket != NULL && i < rows.n; i++) {
        const struct clock_row *row = &LIST(rows, struct clock_row)[i];
        if (row->id != m->clock || text_is(row->state, "ended")) continue;
        struct clock_life *before = ARENA_ARRAY(plan->arena, struct clock_life, 2);
        struct clock_life *after = before + 1;
        *before = *after = life_of(plan, row, facts, ticket->org_unit);
        clock_redate(after);
        clock_reach(after, plan->due);
        if (!tell_changes(plan, ticket, before, after)) tell_wake(plan, after);
        return;
    }
}
