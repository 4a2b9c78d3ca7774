#include "check.h"

#include "base/address.h"
#include "base/legible.h"
#include "person.h"

#include <stdio.h>

enum { SKEW_US = MINUTE_US }; /* clocks of publishers may be that much ahead */

static const char *const channels[] = {"call", "visit",      "site",       "mail",  "chat",
                                       "app",  "front_desk", "home_visit", "staff", NULL};
static const char *const honorifics[] = {"xiansheng", "nvshi", NULL};
static const char *const locales[] = {"zh-CN", "en", NULL};
static const char *const classes[] = {"emergency", "normal", "project", NULL};
static const char *const dangers[] = {"water", "fire", "gas", "power", "lift", NULL};
static const char *const topic_rules[KINDS] = {"INT-35", "INT-66", "INT-36", "INT-67"};

/* --- words --- */

bool check_is_code(text value)
{
    if (value.len == 0 || value.len > CHECK_CODE_MAX) return false;
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.at[i] <= ' ' || value.at[i] == 0x7f) return false;
    return true;
}

static int check_code(text value, const char *field, struct err *err)
{
    if (value.len == 0 || check_is_code(value)) return 0;
    return err_field(err, field, "INT-08", "%s must be a code of 1 to %d bytes without blanks",
                     field, CHECK_CODE_MAX);
}

static int check_choice(text value, const char *field, const char *rule, const char *const *names,
                        struct err *err)
{
    if (value.len == 0 || intake_index(names, value) >= 0) return 0;
    return err_field(err, field, rule, "%s is not known", field);
}

int check_origin(text source, text source_id, struct err *err)
{
    if (!check_is_code(source))
        return err_field(err, "source", "INT-32", "source must be a code of 1 to %d bytes",
                         CHECK_CODE_MAX);
    for (size_t i = 0; i < source.len; i++)
        if (source.at[i] == '/')
            return err_field(err, "source", "INT-32", "source must not contain a slash");
    if (legible_is_blank(source_id))
        return err_field(err, "source_id", "INT-32", "source_id is missing");
    for (size_t i = 0; i < source_id.len; i++)
        if ((unsigned char)source_id.at[i] < ' ')
            return err_field(err, "source_id", "INT-32", "source_id has a control character");
    return 0;
}

int check_channel(text channel, struct err *err)
{
    if (intake_index(channels, channel) >= 0) return 0;
    return err_field(err, "channel", "INT-08", "channel is not known");
}

/* --- the contact --- */

static bool is_reachable(const struct contact_record *m)
{
    return !legible_is_blank(m->phone) || !legible_is_blank(m->email);
}

static int check_person(const struct contact_record *m, struct err *err)
{
    char scratch[PERSON_KNOWN_BY];
    const char *mail = legible_is_blank(m->email) ? NULL : address_mail_fault(m->email);
    if (!legible_is_blank(m->phone) && !person_phone(m->phone, scratch))
        return err_field(err, "phone", "INT-09", "phone is no telephone number of %d to %d digits",
                         PERSON_PHONE_LEAST, PERSON_PHONE_MAX);
    if (mail != NULL) return err_field(err, "email", "INT-09", "email %s", mail);
    if (check_choice(m->honorific, "honorific", "NTF-39", honorifics, err) < 0) return -1;
    return check_choice(m->locale, "locale", "INT-27", locales, err);
}

static int check_codes(const struct contact_record *m, struct err *err)
{
    if (check_code(m->recorder, "recorder", err) < 0) return -1;
    if (check_code(m->org_unit, "org_unit", err) < 0) return -1;
    return check_code(m->project, "project", err);
}

/* --- an item --- */

struct item_place {
    const struct contact_record *contact;
    const struct contact_item *item;
    size_t n;
    text recorder;
    enum intake_kind kind;
};

/* "items[2].words" in memory that lives long enough to be copied into an err. */
static const char *name_field(const struct item_place *place, const char *name)
{
    static char field[sizeof(((struct err *)0)->field)];
    snprintf(field, sizeof(field), "items[%zu].%s", place->n, name);
    return field;
}

static int refuse_item(const struct item_place *place, const char *field, const char *rule,
                       const char *why, struct err *err)
{
    return err_field(err, name_field(place, field), rule, "%s: %s", name_field(place, field), why);
}

static int need_words(const struct item_place *place, const char *rule, struct err *err)
{
    if (!legible_is_blank(place->item->words)) return 0;
    return refuse_item(place, "words", rule, "what the customer said is missing", err);
}

static int need_contact_method(const struct item_place *place, const char *rule, struct err *err)
{
    if (is_reachable(place->contact)) return 0;
    return err_field(err, "phone", rule,
                     "a contact method is missing: phone or email (for items[%zu])", place->n);
}

static int check_inquiry(const struct item_place *place, struct err *err)
{
    if (legible_is_blank(place->contact->customer_name))
        return err_field(err, "customer_name", "INT-02",
                         "customer_name is missing (for items[%zu])", place->n);
    if (need_contact_method(place, "INT-02", err) < 0) return -1;
    return need_words(place, "INT-02", err);
}

static int check_complaint(const struct item_place *place, struct err *err)
{
    if (need_words(place, "INT-03", err) < 0) return -1;
    if (legible_is_blank(place->item->expected))
        return refuse_item(place, "expected", "INT-03",
                           "the solution that the customer expects is missing", err);
    return need_contact_method(place, "INT-03", err);
}

static int check_suggestion(const struct item_place *place, struct err *err)
{
    return need_words(place, "INT-21", err);
}

/* A place is an address or a unit number, or at least the project or organisation unit that was
   named. */
static int check_repair(const struct item_place *place, struct err *err)
{
    const struct contact_record *m = place->contact;
    if (need_words(place, "REP-09", err) < 0) return -1;
    if (!legible_is_blank(m->address) || m->project.len > 0 || m->org_unit.len > 0) return 0;
    return err_field(err, "address", "REP-09",
                     "address is missing: where is the repair (for items[%zu])", place->n);
}

static int check_required(const struct item_place *place, struct err *err)
{
    static int (*const by_kind[KINDS])(const struct item_place *, struct err *) = {
        check_inquiry, check_complaint, check_suggestion, check_repair};
    return by_kind[place->kind](place, err);
}

static int check_taxonomy(const struct item_place *place, const struct intake_policy *policy,
                          struct err *err)
{
    const struct contact_item *item = place->item;
    if (item->topic.len > 0 && intake_topic_find(policy, place->kind, item->topic) == NULL)
        return refuse_item(place, "topic", topic_rules[place->kind], "not a topic of its kind",
                           err);
    if (item->category.len > 0 && (place->kind != KIND_SUGGESTION ||
                                   intake_topic_find(policy, place->kind, item->category) == NULL))
        return refuse_item(place, "category", "INT-36", "not a category of suggestions", err);
    if (place->kind != KIND_REPAIR && item->class.len > 0)
        return refuse_item(place, "class", "REP-11", "only a repair has a class", err);
    if (place->kind != KIND_REPAIR && item->danger.len > 0)
        return refuse_item(place, "danger", "REP-11",
                           "only a repair has an answer to the safety question", err);
    if (check_choice(item->class, name_field(place, "class"), "REP-11", classes, err) < 0)
        return -1;
    return check_choice(item->danger, name_field(place, "danger"), "REP-11", dangers, err);
}

/* A time promised during the contact must lie in the future. A contact that is recorded later
   (received_at is given) reports the promise as it was made: imports bring promises that were
   broken from the start. */
static int check_promise(const struct item_place *place, time_us now, struct err *err)
{
    time_us promised = place->item->promised_at;
    if (promised == 0 || place->contact->received_at != 0 || promised > now) return 0;
    return refuse_item(place, "promised_at", "INT-15", "the promised time has passed", err);
}

static int check_answer(const struct item_place *place, struct err *err)
{
    if (place->item->deferred.is && need_contact_method(place, "INT-14", err) < 0) return -1;
    if (legible_is_blank(place->item->answer)) return 0;
    if (place->item->deferred.is)
        return refuse_item(place, "deferred", "INT-14", "an answer was given, so none is put off",
                           err);
    if (place->recorder.len > 0) return 0;
    return err_field(err, "recorder", "SLA-30",
                     "recorder is missing: who gave the answer (of items[%zu])", place->n);
}

static int check_item(struct item_place *place, const struct intake_policy *policy, time_us now,
                      struct err *err)
{
    int kind = intake_index(intake_kinds, place->item->kind);
    if (kind < 0)
        return refuse_item(place, "kind", "INT-34",
                           "must be inquiry, complaint, suggestion or repair", err);
    place->kind = (enum intake_kind)kind;
    if (check_required(place, err) < 0) return -1;
    if (check_taxonomy(place, policy, err) < 0) return -1;
    if (check_promise(place, now, err) < 0) return -1;
    return check_answer(place, err);
}

int check_contact(const struct contact_record *m, text recorder, const struct intake_policy *policy,
                  time_us now, struct err *err)
{
    if (check_origin(m->source, m->source_id, err) < 0) return -1;
    if (check_channel(m->channel, err) < 0) return -1;
    if (m->received_at > now + SKEW_US)
        return err_field(err, "received_at", "SLA-29", "received_at is in the future");
    if (check_codes(m, err) < 0 || check_person(m, err) < 0) return -1;
    if (m->items.n == 0)
        return err_field(err, "items", "INT-10", "items is empty: what is the contact about");
    if (m->items.n > CHECK_ITEMS_MAX)
        return err_field(err, "items", "INT-10", "more than %d items in one contact",
                         CHECK_ITEMS_MAX);
    for (size_t i = 0; i < m->items.n; i++) {
        struct item_place place = {.contact = m,
                                   .item = &LIST(m->items, struct contact_item)[i],
                                   .n = i,
                                   .recorder = recorder};
        if (check_item(&place, policy, now, err) < 0) return -1;
    }
    return 0;
}

text check_class(const struct contact_item *item, const struct intake_policy *policy)
{
    const struct intake_topic *topic = intake_topic_find(policy, KIND_REPAIR, item->topic);
    if (!text_is(item->kind, "repair")) return (text){0};
    if (item->danger.len > 0) return TEXT("emergency");
    if (item->class.len > 0) return item->class;
    return topic == NULL ? TEXT("normal") : topic->class;
}
