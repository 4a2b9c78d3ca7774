/* contact.record: one contact becomes as many tickets as it has matters. */
#include "handlers.h"

#include "check.h"
#include "base/legible.h"
#include "person.h"
#include "sealed.h"
#include "store.h"

#include <string.h>

struct intake_settings intake_settings = {NULL, "service"};

/* A contact while it is taken in. */
struct taking {
    struct plan *plan;
    const struct contact_record *m;
    const struct intake_policy *policy;
    struct list closings;
    struct person_identity customer;
    int64_t id;
    time_us received_at;
    text recorder;
    text org_unit;
    text locale;
    text label;
    int64_t *tickets;
};

/* Only they may repeat an earlier one (CMP-21). */
static bool complains(const struct contact_record *m)
{
    for (size_t i = 0; i < m->items.n; i++)
        if (text_is(LIST(m->items, struct contact_item)[i].kind, "complaint")) return true;
    return false;
}

int64_t complainer_of_contact(const void *message)
{
    const struct contact_record *m = message;
    struct person_identity identity;
    if (!complains(m)) return 0;
    person_identify(m->phone, m->email, &identity);
    return identity.number;
}

/* --- taken in before --- */

static struct list parse_numbers(text joined, struct arena *arena)
{
    int64_t *at = ARENA_ARRAY(arena, int64_t, joined.len + 1);
    size_t n = 0;
    while (joined.len > 0) n += text_to_int(text_take(&joined, ','), &at[n]);
    return (struct list){at, n};
}

static void answer_again(struct plan *plan, const struct intake_known_row *known)
{
    plan_answer(plan,
                &(struct contact_recorded){.contact = known->id,
                                           .customer = known->customer,
                                           .tickets = parse_numbers(known->tickets, plan->arena),
                                           .repeated = true});
}

/* --- writing it down --- */

static bool tells_who(const struct contact_record *m)
{
    return m->customer_name.len + m->honorific.len + m->phone.len + m->email.len + m->address.len >
           0;
}

static struct intake_person person_of(const struct contact_record *m)
{
    return (struct intake_person){m->customer_name, m->honorific, m->phone, m->email, m->address};
}

static text join_numbers(const int64_t *numbers, size_t n, struct arena *arena)
{
    text joined = {0};
    for (size_t i = 0; i < n; i++)
        joined = arena_printf(arena, "%.*s%s%lld", TEXT_ARG(joined), i == 0 ? "" : ",",
                              (long long)numbers[i]);
    return joined;
}

static void write_contact(const struct taking *t)
{
    const struct contact_record *m = t->m;
    struct intake_person person = person_of(m);
    struct intake_contact_row row = {.id = t->id,
                                     .source = m->source,
                                     .source_id = m->source_id,
                                     .channel = m->channel,
                                     .received_at = t->received_at,
                                     .recorded_at = t->plan->now,
                                     .recorder = t->recorder,
                                     .org_unit = t->org_unit,
                                     .project = m->project,
                                     .customer = t->customer.number,
                                     .locale = t->locale,
                                     .important = m->important.is,
                                     .tickets =
                                         join_numbers(t->tickets, m->items.n, t->plan->arena)};
    if (tells_who(m))
        row.person = sealed_write(t->plan->arena, &intake_person_shape, &person, t->id);
    plan_write(t->plan, &contact_insert, &row);
}

static void write_customer(const struct taking *t)
{
    struct intake_person person = person_of(t->m);
    if (t->customer.number == 0) return;
    struct intake_customer_told_row row = {
        .id = t->customer.number,
        .replaces = (t->plan->principal_rights & RIGHT_CUSTOMERS) != 0,
        .hash = arena_text(t->plan->arena,
                           (text){(const char *)t->customer.hash, sizeof(t->customer.hash)}),
        .person = sealed_write(t->plan->arena, &intake_person_shape, &person, t->customer.number),
        .named = !legible_is_blank(t->m->customer_name),
        .details = sealed_hash(t->plan->arena, &intake_person_shape, &person)};
    plan_add(t->plan, &customer_add, &row);
}

static void write_ticket(const struct taking *t, const struct contact_item *item, int64_t id)
{
    struct intake_words words = {item->words, item->expected, item->answer};
    struct intake_ticket_row row = {
        .id = id,
        .contact = t->id,
        .kind = item->kind,
        .topic = item->topic,
        .category = item->category,
        .class = check_class(item, t->policy),
        .promised_at = item->promised_at,
        .customer = t->customer.number,
        .source = t->m->source,
        .words = sealed_write(t->plan->arena, &intake_words_shape, &words, t->id)};
    plan_write(t->plan, &ticket_insert, &row);
}

/* --- telling the others --- */

/* The complaint about the same that was closed last before this one came, if that is not too long
   ago (CMP-21). */
static int64_t find_repeated(const struct taking *t, const struct contact_item *item)
{
    if (!text_is(item->kind, "complaint") || item->topic.len == 0) return 0;
    for (size_t i = 0; i < t->closings.n; i++) {
        const struct intake_closing_row *closing = &LIST(t->closings, struct intake_closing_row)[i];
        time_us since = t->received_at - closing->closed_at;
        if (text_equal(closing->topic, item->topic) && since >= 0 &&
            since <= t->policy->repeat_window)
            return closing->id;
    }
    return 0;
}

static void say_opened(const struct taking *t, const struct contact_item *item, int64_t id)
{
    const struct contact_record *m = t->m;
    struct ticket_opened event = {.ticket = id,
                                  .contact = t->id,
                                  .kind = item->kind,
                                  .topic = item->topic,
                                  .category = item->category,
                                  .channel = m->channel,
                                  .org_unit = t->org_unit,
                                  .project = m->project,
                                  .class = check_class(item, t->policy),
                                  .received_at = t->received_at,
                                  .promised_at = item->promised_at,
                                  .recorder = t->recorder,
                                  .customer = t->customer.number,
                                  .label = t->label,
                                  .locale = t->locale,
                                  .important = m->important.is,
                                  .agitated = item->agitated.is,
                                  .answered = !legible_is_blank(item->answer),
                                  .deferred = item->deferred.is,
                                  .reachable = t->customer.number != 0,
                                  .repeat_of = find_repeated(t, item)};
    plan_say(t->plan, &ticket_opened_shape, &event);
}

static void take_in(struct taking *t)
{
    const struct contact_item *items = LIST(t->m->items, struct contact_item);
    t->id = plan_new_id(t->plan);
    t->tickets = ARENA_ARRAY(t->plan->arena, int64_t, t->m->items.n);
    for (size_t i = 0; i < t->m->items.n; i++) {
        t->tickets[i] = plan_new_id(t->plan);
        write_ticket(t, &items[i], t->tickets[i]);
        say_opened(t, &items[i], t->tickets[i]);
    }
    write_contact(t);
    write_customer(t);
    plan_answer(t->plan, &(struct contact_recorded){.contact = t->id,
                                                    .customer = t->customer.number,
                                                    .tickets = {t->tickets, t->m->items.n}});
}

/* The recorder of a contact owns its tickets. Whether there is such a person is for routing to see:
   intake holds no roster. */
static int check_recorder(const struct plan *plan, const struct contact_record *m, struct err *err)
{
    if (m->recorder.len == 0 || plan->principal_rights & RIGHT_RECORDERS) return 0;
    return err_field(err, "recorder", "ORG-69",
                     "the key %.*s may not say who took a contact: it lacks the right recorders",
                     TEXT_ARG(plan->principal));
}

void on_contact_record(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct contact_record *m = message;
    const struct intake_known_row *known = facts_one(facts, &contact_known);
    struct taking t = {
        .plan = plan, .m = m, .policy = plan->policy, .closings = facts_all(facts, &closing_read)};
    struct err err;
    t.recorder = m->recorder.len > 0 ? m->recorder : plan->header->actor;
    /* The origin comes first: with a slash in its source one contact could be taken for another. */
    if (check_origin(m->source, m->source_id, &err) < 0) {
        plan_refuse(plan, err.field, err.rule, "%s", err.message);
    } else if (known != NULL) {
        answer_again(plan, known);
    } else if (check_recorder(plan, m, &err) < 0 ||
               check_contact(m, t.recorder, t.policy, plan->now, &err) < 0) {
        plan_refuse(plan, err.field, err.rule, "%s", err.message);
    } else {
        t.received_at =
            m->received_at == 0 || m->received_at > plan->now ? plan->now : m->received_at;
        t.org_unit = m->org_unit.len > 0 ? m->org_unit : text_of(intake_settings.org_unit);
        t.locale = m->locale.len > 0 ? m->locale : TEXT("zh-CN");
        t.label = person_label(m->customer_name, m->phone, plan->arena);
        person_identify(m->phone, m->email, &t.customer);
        take_in(&t);
    }
}
