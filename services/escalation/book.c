#include "book.h"

struct happening book_reply(const struct customer_reply_row *reply)
{
    return (struct happening){
        .kind = REPLY_DELIVERED,
        .at = reply->at,
        .by = TEXT("reply.delivered"),
        .replied = true,
        .promised = reply->next_at,
    };
}

/* --- triggers --- */

static bool trigger_fits(const struct clock_trigger *trigger, const struct happening *h)
{
    switch (trigger->word) {
    case ON_OPENED: return h->kind == TICKET_STARTED;
    case ON_CLOSED: return h->terminal && !h->exit;
    case ON_STEP: return h->kind == TICKET_MOVED && text_equal(h->step, trigger->step);
    case ON_PROMISED: return h->promised != 0;
    case ON_HANDLER_NAMED: return h->handled;
    case ON_REPLIED: return h->replied;
    case ON_ACKNOWLEDGED: return h->acknowledged;
    case ON_CLASS_CHANGED: return h->class_changed;
    case ON_MOVED: return h->kind == TICKET_MOVED;
    }
    return false;
}

static const struct clock_trigger *find_trigger(struct clock_triggers triggers,
                                                const struct happening *h)
{
    for (size_t i = 0; i < triggers.n; i++) {
        if (trigger_fits(&triggers.at[i], h)) return &triggers.at[i];
    }
    return NULL;
}

static bool stops(const struct clock_life *life, const struct happening *h)
{
    return life->rule != NULL && find_trigger(life->rule->stops, h) != NULL;
}

/* Is there such a clock on this ticket at all? */
static bool concerns(const struct clock_rule *rule, const struct ticket_copy_row *ticket)
{
    if (rule->kinds.n > 0 && !texts_have(rule->kinds, ticket->kind)) return false;
    if (rule->when.len > 0 && !text_equal(rule->when, ticket->class)) return false;
    if (rule->unless_promised && ticket->promised_at != 0) return false;
    if (rule->classes_n == 0 || ticket->class.len == 0) return rule->kind != LIMIT_STEP;
    for (size_t i = 0; i < rule->classes_n; i++) {
        if (text_equal(rule->classes[i].class, ticket->class)) return true;
    }
    return false;
}

/* --- clocks that run --- */

static bool waits(const struct book *book, const struct clock_life *life, const struct happening *h)
{
    return life->rule != NULL && life->rule->pauses && texts_have(book->rules->waiting, h->state);
}

/* Another class, or a promise in its place (AMB-38): what the clock was for is no more. */
static bool lapsed(const struct book *book, const struct clock_life *life,
                   const struct happening *h)
{
    bool changed = h->class_changed || h->promised != 0;
    return changed && life->rule != NULL && !concerns(life->rule, &book->ticket);
}

static void hear_life(const struct book *book, struct clock_life *life, const struct happening *h)
{
    if (!h->exit && stops(life, h)) {
        clock_stop(life, h->at, h->by);
    } else if (h->terminal || lapsed(book, life, h)) {
        clock_end(life, h->at, h->by);
    } else if (h->kind == TICKET_MOVED && waits(book, life, h)) {
        clock_pause(life, h->at);
    } else if (h->kind == TICKET_MOVED) {
        clock_resume(life, h->at);
    }
}

/* --- clocks that begin --- */

/* Routing's word that keeps a promise may have come before notification's word of the promise. */
static void note_kept(struct book *book, const struct happening *h)
{
    for (size_t i = 0; i < book->rules->n && h->kind == TICKET_MOVED; i++) {
        const struct clock_rule *rule = &book->rules->at[i];
        if (rule->kind == LIMIT_PROMISED && find_trigger(rule->stops, h) != NULL)
            book->ticket.kept_at = h->at;
    }
}

/* The same time told again is no new promise. */
static bool promised_already(const struct book *book, const struct clock_rule *rule,
                             time_us promised)
{
    for (size_t i = 0; i < book->n; i++) {
        const struct clock_row *row = &book->lives[i].row;
        if (clock_running(&book->lives[i]) && text_equal(row->name, rule->name) &&
            row->due_at == promised)
            return true;
    }
    return false;
}

/* Starting a clock anew ends the one of that name that runs; but every promise is a clock of its
   own. */
static void renew(struct book *book, const struct clock_life *life, const struct happening *h)
{
    for (size_t i = 0; i < book->n && life->rule->kind != LIMIT_PROMISED; i++) {
        struct clock_life *other = &book->lives[i];
        if (other != life && text_equal(other->row.name, life->row.name))
            clock_end(other, h->at, h->by);
    }
}

/* The clock's stop event may have come before the clock. When the ticket starts, all earlier events
   count. */
static void hold_earlier_words_against(const struct book *book, struct clock_life *life,
                                       const struct happening *h)
{
    for (size_t i = 0; i < book->replies.n; i++) {
        struct happening reply = book_reply(&LIST(book->replies, struct customer_reply_row)[i]);
        bool after = reply.at > life->row.started_at ||
                     (h->kind == TICKET_STARTED && reply.at == life->row.started_at);
        if (after && stops(life, &reply)) clock_stop(life, reply.at, reply.by);
    }
    struct happening handled = {
        .kind = TICKET_ASSIGNED, .at = book->ticket.handled_at, .handled = true};
    if (h->class_changed && handled.at != 0 && stops(life, &handled))
        clock_stop(life, handled.at, h->by);
    bool kept = life->rule->kind == LIMIT_PROMISED && book->ticket.kept_at > life->row.started_at;
    if (kept) clock_stop(life, book->ticket.kept_at, TEXT("ticket.moved"));
    if (book->ticket.ended_at != 0) clock_end(life, book->ticket.ended_at, TEXT("ticket.moved"));
}

static void tell_repeat(const struct book *book, struct clock_life *life)
{
    const struct ladder *ladder = life->rule->ladder;
    for (size_t i = 0; book->ticket.repeated && i < ladder->n; i++) {
        if (text_equal(ladder->at[i].name, life->rule->repeat_level))
            life->row.levels |= INT64_C(1) << i;
    }
}

static void begin(struct book *book, const struct clock_rule *rule,
                  const struct clock_trigger *trigger, const struct happening *h)
{
    const struct ticket_copy_row *ticket = &book->ticket;
    struct clock_life *life = &book->lives[book->n++];
    bool from_contact = trigger->restart ? rule->restart_from_contact : rule->from_contact;
    bool at_opening = h->kind == TICKET_STARTED;
    clock_begin(life, book->rules, rule,
                &(struct clock_start){
                    .id = book->new_id(book->ctx),
                    .ticket = ticket->ticket,
                    .kind = ticket->kind,
                    .round = ticket->round,
                    .policy = book->policy,
                    .unit = ticket->org_unit,
                    .class = ticket->class,
                    .at = from_contact || at_opening ? ticket->received_at : h->at,
                    .promised = h->promised,
                    .by = h->by,
                });
    if (at_opening) tell_repeat(book, life);
    if (at_opening && stops(life, h)) clock_stop(life, life->row.started_at, h->by);
    renew(book, life, h);
    hold_earlier_words_against(book, life, h);
}

/* Does it run already with the limit of the new class? */
static bool same_limit(const struct book *book, const struct clock_rule *rule)
{
    struct span limit = clock_limit(rule, book->ticket.class);
    for (size_t i = 0; i < book->n; i++) {
        const struct clock_row *row = &book->lives[i].row;
        if (!clock_running(&book->lives[i]) || !text_equal(row->name, rule->name)) continue;
        if (row->limit_n == limit.n && text_is(row->limit_unit, span_suffix(limit.unit)))
            return true;
    }
    return false;
}

static void begin_all(struct book *book, const struct happening *h)
{
    for (size_t i = 0; i < book->rules->n && book->n < book->room; i++) {
        const struct clock_rule *rule = &book->rules->at[i];
        const struct clock_trigger *trigger = find_trigger(rule->starts, h);
        if (trigger == NULL || !concerns(rule, &book->ticket)) continue;
        if (rule->kind == LIMIT_PROMISED &&
            (h->promised == 0 || promised_already(book, rule, h->promised)))
            continue;
        if (trigger->word == ON_CLASS_CHANGED && same_limit(book, rule)) continue;
        begin(book, rule, trigger, h);
    }
}

static void hear(struct book *book, const struct happening *h)
{
    size_t before = book->n;
    if (h->promised > 0) book->ticket.promised_at = h->promised;
    if (h->handled && book->ticket.handled_at == 0) book->ticket.handled_at = h->at;
    for (size_t i = 0; i < before; i++) hear_life(book, &book->lives[i], h);
    note_kept(book, h);
    bool over = h->terminal || (book->ticket.ended_at != 0 && h->at >= book->ticket.ended_at);
    if (!over) begin_all(book, h);
}

void book_hear(struct book *book, const struct happening *happening)
{
    hear(book, happening);
    if (happening->kind != TICKET_STARTED) return;
    for (size_t i = 0; i < book->replies.n; i++) {
        struct happening reply = book_reply(&LIST(book->replies, struct customer_reply_row)[i]);
        hear(book, &reply);
    }
}
