/* After the contact: words of later steps, the customer coming back, and routing's changes of the
   ticket. */
#include "handlers.h"

#include "check.h"
#include "base/legible.h"
#include "intake.msg.h"
#include "routing.msg.h"
#include "store.h"
#include "vault.h"

/* Of one ticket. Everything that reads notes may rely on them; what follow-ups leave is for the
   staff. */
enum { NOTES_MAX = 2000, NOTES_FOLLOW_UP_MAX = 1000 };

/* A ticket that the sender may know of. */
static bool is_own(const struct plan *plan, const struct intake_counted_row *ticket)
{
    return plan->principal_rights & RIGHT_TICKETS ||
           text_lists(plan->principal_sources, ticket->source);
}

static const struct intake_counted_row *find_ticket(struct plan *plan, const struct facts *facts,
                                                    int64_t ticket)
{
    const struct intake_counted_row *row = facts_one(facts, &ticket_lock);
    if (row != NULL && !is_own(plan, row)) row = NULL;
    if (row == NULL)
        plan_refuse(plan, "ticket", NULL, "ticket %lld is not known", (long long)ticket);
    return row;
}

static void count_note(struct plan *plan, const struct intake_counted_row *ticket, int64_t max)
{
    if (ticket->notes >= max)
        plan_refuse(plan, "ticket", "INT-24", "ticket %lld has %lld notes, as many as it may have",
                    (long long)ticket->id, (long long)ticket->notes);
    plan_write(plan, &ticket_count,
               &(struct intake_counted_row){
                   .id = ticket->id, .notes = ticket->notes + 1, .source = ticket->source});
}

static bool words_good(struct plan *plan, text words)
{
    if (legible_is_blank(words)) plan_refuse(plan, "words", "INT-24", "words are missing");
    return !plan_refused(plan);
}

/* --- the customer comes back --- */

int64_t origin_of_follow_up(const void *message)
{
    const struct contact_follow_up *m = message;
    struct buf words = {0};
    buf_printf(&words, "%lld/%.*s/%.*s", (long long)m->ticket, TEXT_ARG(m->source),
               TEXT_ARG(m->source_id));
    int64_t origin = vault_digest(buf_text(&words));
    buf_finish(&words);
    return origin;
}

static const struct intake_follow_up_row *find_same(struct list notes,
                                                    const struct contact_follow_up *m)
{
    for (size_t i = 0; i < notes.n; i++) {
        const struct intake_follow_up_row *note = &LIST(notes, struct intake_follow_up_row)[i];
        if (note->ticket == m->ticket && text_equal(note->source, m->source) &&
            text_equal(note->source_id, m->source_id))
            return note;
    }
    return NULL;
}

static bool follow_up_good(struct plan *plan, const struct contact_follow_up *m)
{
    struct err err;
    if (check_origin(m->source, m->source_id, &err) < 0 || check_channel(m->channel, &err) < 0) {
        plan_refuse(plan, err.field, err.rule, "%s", err.message);
        return false;
    }
    return words_good(plan, m->words);
}

void on_contact_follow_up(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct contact_follow_up *m = message;
    const struct intake_counted_row *ticket = find_ticket(plan, facts, m->ticket);
    if (ticket == NULL) return;
    const struct intake_follow_up_row *same = find_same(facts_all(facts, &follow_up_known), m);
    if (same != NULL) {
        plan_answer(plan, &(struct contact_followed_up){.contact = same->id, .repeated = true});
        return;
    }
    if (!follow_up_good(plan, m)) return;
    count_note(plan, ticket, NOTES_FOLLOW_UP_MAX);
    int64_t id = plan_new_id(plan);
    plan_write(plan, &note_insert,
               &(struct intake_note_row){.ticket = m->ticket,
                                         .id = id,
                                         .name = TEXT("follow_up"),
                                         .words = vault_seal(plan->arena, m->words, id),
                                         .by = plan->header->actor,
                                         .at = plan->now,
                                         .channel = m->channel,
                                         .source = m->source,
                                         .source_id = m->source_id,
                                         .origin = origin_of_follow_up(m)});
    plan_say(
        plan, &ticket_followed_up_shape,
        &(struct ticket_followed_up){.ticket = m->ticket, .contact = id, .channel = m->channel});
    plan_answer(plan, &(struct contact_followed_up){.contact = id});
}

/* --- words of a step --- */

void on_note_record(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct note_record *m = message;
    const struct intake_counted_row *ticket = find_ticket(plan, facts, m->ticket);
    if (ticket == NULL) return;
    if (!check_is_code(m->name))
        plan_refuse(plan, "name", NULL, "name must be that of a form's field");
    if (!words_good(plan, m->words)) return;
    count_note(plan, ticket, NOTES_MAX);
    int64_t id = plan_new_id(plan);
    plan_write(plan, &note_insert,
               &(struct intake_note_row){.ticket = m->ticket,
                                         .id = id,
                                         .name = m->name,
                                         .words = vault_seal(plan->arena, m->words, id),
                                         .by = plan->header->actor,
                                         .at = plan->now});
    plan_say(plan, &note_added_shape,
             &(struct note_added){.ticket = m->ticket, .note = id, .name = m->name});
    plan_answer(plan, &(struct note_recorded){.note = id});
}

/* --- what routing did --- */

/* A ticket that goes on from another has the same contact, and the same words. */
void on_ticket_started(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_started *m = message;
    (void)facts;
    if (m->linked == 0) return;
    plan_write(plan, &ticket_link,
               &(struct intake_linked_row){.id = m->ticket,
                                           .linked = m->linked,
                                           .contact = m->contact,
                                           .kind = m->kind,
                                           .topic = m->topic});
}

/* Closed is what ran through its flow; a complaint that was withdrawn, merged, retyped or recorded
   in error repeats nothing. */
void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_moved *m = message;
    (void)facts;
    if (!m->terminal || m->exit.len > 0 || !text_is(m->kind, "complaint")) return;
    time_us at = plan->header->time != 0 ? plan->header->time : plan->now;
    plan_write(plan, &ticket_close, &(struct intake_closing_row){.id = m->ticket, .closed_at = at});
}
