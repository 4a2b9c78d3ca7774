/* Queries intake answers. Answers hold personal data in clear: only the edges and notification get
   them. */
#include "handlers.h"

#include "check.h"
#include "intake.msg.h"
#include "person.h"
#include "sealed.h"
#include "store.h"
#include "vault.h"

#include <string.h>

/* The edges have asked their own user's permission (ORG-69); of the services only notification may
   look (GOV-01). */
static bool may_see(struct plan *plan)
{
    bool edge =
        text_is(plan->principal_role, "operator") || text_is(plan->principal_role, "gateway");
    bool service =
        text_is(plan->principal_role, "service") && text_is(plan->principal, "notification");
    if (!edge && !service) plan_refuse(plan, NULL, "ORG-69", "this key may not see personal data");
    return edge || service;
}

/* --- opening what is sealed --- */

static const void *open_struct(struct plan *plan, const struct shape *shape, text sealed,
                               int64_t owner)
{
    struct err err;
    const void *body = sealed_read(plan->arena, shape, sealed, owner, &err);
    if (body == NULL)
        plan_refuse(plan, NULL, NULL, "%s of %lld: %s", shape->name, (long long)owner, err.message);
    return body == NULL ? arena_alloc(plan->arena, shape->size) : body;
}

static text open_note(struct plan *plan, const struct intake_note_row *note)
{
    struct err err;
    text words;
    if (vault_unseal(plan->arena, note->words, note->id, &words, &err) < 0)
        plan_refuse(plan, NULL, NULL, "note %lld: %s", (long long)note->id, err.message);
    return words;
}

static const struct intake_record_row *find_record(struct plan *plan, const struct facts *facts,
                                                   int64_t ticket)
{
    const struct intake_record_row *record = facts_one(facts, &record_asked);
    if (record == NULL)
        plan_refuse(plan, "ticket", NULL, "ticket %lld is not known", (long long)ticket);
    return record;
}

/* --- one ticket --- */

/* A page of notes, small enough for every reader, and never empty. */
enum { NOTES_SHOWN_MAX = 50, NOTES_BYTES_MAX = 256 * 1024 };

static size_t notes_shown(struct list notes, int64_t limit)
{
    size_t n = 0, bytes = 0, max = limit < NOTES_SHOWN_MAX ? (size_t)limit : NOTES_SHOWN_MAX;
    while (n < notes.n && n < max && bytes < NOTES_BYTES_MAX)
        bytes += LIST(notes, struct intake_note_row)[n++].words.len;
    return n;
}

static struct list view_notes(struct plan *plan, struct list notes)
{
    struct note_view *views = ARENA_ARRAY(plan->arena, struct note_view, notes.n);
    for (size_t i = 0; i < notes.n; i++) {
        const struct intake_note_row *note = &LIST(notes, struct intake_note_row)[i];
        views[i] =
            (struct note_view){note->id, note->name, open_note(plan, note), note->by, note->at};
    }
    return (struct list){views, notes.n};
}

void on_ticket_record(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_record *m = message;
    const struct intake_record_row *r = may_see(plan) ? find_record(plan, facts, m->ticket) : NULL;
    if (r == NULL) return;
    const struct intake_person *person =
        open_struct(plan, &intake_person_shape, r->person, r->contact);
    const struct intake_words *words = open_struct(plan, &intake_words_shape, r->words, r->contact);
    struct list notes = facts_all(facts, &note_page_asked);
    size_t shown = notes_shown(notes, m->limit.given ? m->limit.is : NOTES_SHOWN_MAX);
    plan_answer(plan, &(struct ticket_record_view){
                          .ticket = r->ticket,
                          .contact = r->contact,
                          .kind = r->kind,
                          .source = r->source,
                          .source_id = r->source_id,
                          .channel = r->channel,
                          .received_at = r->received_at,
                          .customer = r->customer,
                          .customer_name = person->name,
                          .honorific = person->honorific,
                          .phone = person->phone,
                          .email = person->email,
                          .address = person->address,
                          .locale = r->locale,
                          .words = words->words,
                          .expected = words->expected,
                          .notes = view_notes(plan, (struct list){notes.at, shown}),
                          .more = given_bool(shown < notes.n)});
}

/* --- where to reach a customer --- */

static const struct intake_note_row *find_note(struct list notes, int64_t id)
{
    for (size_t i = 0; i < notes.n; i++)
        if (LIST(notes, struct intake_note_row)[i].id == id)
            return &LIST(notes, struct intake_note_row)[i];
    return NULL;
}

static struct list open_notes(struct plan *plan, struct list asked, struct list notes)
{
    text *words = ARENA_ARRAY(plan->arena, text, asked.n);
    for (size_t i = 0; i < asked.n; i++) {
        int64_t id = LIST(asked, int64_t)[i];
        const struct intake_note_row *note = find_note(notes, id);
        if (note != NULL)
            words[i] = open_note(plan, note);
        else
            plan_refuse(plan, "notes", NULL, "note %lld is none of this ticket", (long long)id);
    }
    return (struct list){words, asked.n};
}

void on_address_get(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct address_get *m = message;
    const struct intake_record_row *r = may_see(plan) ? find_record(plan, facts, m->ticket) : NULL;
    if (r == NULL) return;
    const struct intake_person *person =
        open_struct(plan, &intake_person_shape, r->person, r->contact);
    plan_answer(plan, &(struct address_view){
                          .customer = r->customer,
                          .customer_name = person->name,
                          .honorific = person->honorific,
                          .phone = person->phone,
                          .email = person->email,
                          .locale = r->locale,
                          .words = open_notes(plan, m->notes, facts_all(facts, &notes_named))});
}

/* --- the customer file --- */

int64_t customer_of_find(const void *message)
{
    const struct customer_find *m = message;
    struct person_identity identity;
    person_identify(m->phone, (text){0}, &identity);
    return identity.number;
}

static struct list collect_tickets(struct plan *plan, struct list contacts)
{
    int64_t *at = ARENA_ARRAY(plan->arena, int64_t, contacts.n * CHECK_ITEMS_MAX);
    size_t n = 0;
    for (size_t i = 0; i < contacts.n; i++) {
        text joined = LIST(contacts, struct intake_contact_row)[i].tickets;
        while (joined.len > 0 && n < contacts.n * CHECK_ITEMS_MAX)
            n += text_to_int(text_take(&joined, ','), &at[n]);
    }
    return (struct list){at, n};
}

void on_customer_find(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct customer_find *m = message;
    const struct intake_customer_row *row = facts_one(facts, &customer_asked);
    struct person_identity identity;
    if (!may_see(plan)) return;
    person_identify(m->phone, (text){0}, &identity);
    if (identity.number == 0) plan_refuse(plan, "phone", "INT-23", "phone is no telephone number");
    text hash = {(const char *)identity.hash, sizeof(identity.hash)};
    if (row == NULL || !text_equal(row->hash, hash)) {
        plan_answer(plan, &(struct customer_found){0});
        return;
    }
    const struct intake_person *person =
        open_struct(plan, &intake_person_shape, row->person, row->id);
    plan_answer(plan, &(struct customer_found){
                          .customer = row->id,
                          .customer_name = person->name,
                          .honorific = person->honorific,
                          .tickets = collect_tickets(plan, facts_all(facts, &contacts_asked))});
}

/* --- which ticket came of what --- */

static size_t page_size(struct maybe_int limit)
{
    return !limit.given ? 500 : limit.is > 1000 ? 1000 : (size_t)limit.is;
}

void on_source_list(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct source_list *m = message;
    struct list contacts = facts_all(facts, &source_page_asked);
    size_t most = page_size(m->limit), n = 0;
    bool more = contacts.n > most; /* one more was read than was asked for */
    if (more) contacts.n = most;
    struct source_ticket *rows =
        ARENA_ARRAY(plan->arena, struct source_ticket, contacts.n * CHECK_ITEMS_MAX);
    for (size_t i = 0; i < contacts.n; i++) {
        const struct intake_page_row *row = &LIST(contacts, struct intake_page_row)[i];
        text joined = row->tickets;
        for (int64_t ticket; joined.len > 0;)
            if (text_to_int(text_take(&joined, ','), &ticket))
                rows[n++] = (struct source_ticket){row->source_id, ticket};
    }
    plan_answer(plan, &(struct source_page){.rows = {rows, n}, .more = more});
}
