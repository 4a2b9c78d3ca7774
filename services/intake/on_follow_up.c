/* What comes after the contact: words of later steps, the customer coming back, and what routing did with the ticket. */
#include "handlers.h"

#include "check.h"
#include "base/legible.h"
#include "intake.msg.h"
#include "routing.msg.h"
#include "store.h"
#include "vault.h"

static bool find_ticket(struct plan *plan, const struct facts *facts, int64_t ticket)
{
    if (facts_one(facts, &ticket_read) != NULL) return true;
    plan_refuse(plan, "ticket", NULL, "ticket %lld is not known", (long long)ticket);
    return false;
}

static bool words_good(struct plan *plan, text words)
{
    if (legible_is_blank(words)) plan_refuse(plan, "words", "INT-24", "words are missing");
    return !plan_refused(plan);
}

/* --- the customer comes back --- */

static const struct intake_note_row *find_same(struct list notes, const struct contact_follow_up *m)
{
    for (size_t i = 0; i < notes.n; i++) {
        const struct intake_note_row *note = &LIST(notes, struct intake_note_row)[i];
        if (text_equal(note->source, m->source) && text_equal(note->source_id, m->source_id))
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
    if (!find_ticket(plan, facts, m->ticket)) return;
    const struct intake_note_row *same = find_same(facts_all(facts, &follow_ups_read), m);
    if (same != NULL) {
        plan_answer(plan, &(struct contact_followed_up){.contact = same->id, .repeated = true});
        return;
    }
    if (!follow_up_good(plan, m)) return;
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
                                         .source_id = m->source_id});
    plan_say(
        plan, &ticket_followed_up_shape,
        &(struct ticket_followed_up){.ticket = m->ticket, .contact = id, .channel = m->channel});
    plan_answer(plan, &(struct contact_followed_up){.contact = id});
}

/* --- words of a step --- */

void on_note_record(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct note_record *m = message;
    if (!find_ticket(plan, facts, m->ticket)) return;
    if (!check_is_code(m->name))
        plan_refuse(plan, "name", NULL, "name must be that of a form's field");
    if (!words_good(plan, m->words)) return;
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

/* Closed is what ran through its flow; a complaint that was withdrawn, merged, retyped or recorded in error repeats nothing. */
void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_moved *m = message;
    (void)facts;
    if (!m->terminal || m->exit.len > 0 || !text_is(m->kind, "complaint")) return;
    time_us at = plan->header->time != 0 ? plan->header->time : plan->now;
    plan_write(plan, &ticket_close, &(struct intake_closing_row){.id = m->ticket, .closed_at = at});
}
