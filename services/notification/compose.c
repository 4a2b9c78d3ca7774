#include "compose.h"

#include "channels.h"
#include "time/date.h"
#include "notification.msg.h"
#include "store.h"

#include <inttypes.h>

enum { TOLD_ROOM = 64 };

struct post post_open(struct plan *plan, const struct notice *notice, const struct facts *facts)
{
    struct post post = {
        .plan = plan,
        .rules = plan->policy,
        .notice = notice,
        .company = {.people = facts_all(facts, &person_read),
                    .units = facts_all(facts, &unit_read),
                    .rules = plan->policy},
        .keys = facts_all(facts, &message_keys),
        .told = ARENA_ARRAY(plan->arena, text, TOLD_ROOM),
        .told_room = TOLD_ROOM,
    };
    return post;
}

/* --- values of placeholders --- */

/* "2026-11-22 14:05" on the wall of the ticket's unit. */
static text local_time(const struct post *post, time_us at)
{
    if (at == 0) return (text){NULL, 0};
    int64_t seconds = at / SECOND_US;
    seconds += zone_era(rules_zone(post->rules, post->notice->ticket.org_unit), seconds).offset;
    int64_t day = date_day_of(seconds), second = seconds - day * DATE_DAY_SECONDS;
    struct date date = date_of(day);
    return arena_printf(post->plan->arena, "%04d-%02d-%02d %02d:%02d", date.year, date.month,
                        date.day, (int)(second / 3600), (int)(second / 60 % 60));
}

static text number(const struct post *post, int64_t n)
{
    return n == 0 ? (text){NULL, 0} : arena_printf(post->plan->arena, "%" PRId64, n);
}

static text name_of(const struct post *post, text staff)
{
    const struct person_row *person = recipients_person(&post->company, staff);
    return person == NULL ? staff : person->name;
}

static struct values values_of(const struct post *post, text locale)
{
    const struct notify_rules *rules = post->rules;
    const struct notice *notice = post->notice;
    const struct ticket_copy_row *ticket = &notice->ticket;
    return (struct values){{
        [VALUE_TICKET] = number(post, ticket->ticket),
        [VALUE_KIND] = rules_word(rules, "kinds", ticket->kind, locale),
        [VALUE_TOPIC] = rules_word(rules, "topics", ticket->topic, locale),
        [VALUE_STATE] = rules_word(rules, "states", ticket->state, locale),
        [VALUE_CLASS] = rules_word(rules, "classes", ticket->class, locale),
        [VALUE_PROJECT] = ticket->project,
        [VALUE_DEPARTMENT] = rules_word(rules, "departments", ticket->department, locale),
        [VALUE_LABEL] = ticket->label,
        [VALUE_OWNER_NAME] = name_of(post, ticket->owner),
        [VALUE_HANDLER_NAME] = name_of(post, ticket->handler),
        [VALUE_ROUND] = number(post, ticket->round),
        [VALUE_RECEIVED_AT] = local_time(post, ticket->received_at),
        [VALUE_PROMISED_AT] = local_time(post, notice->promised_at),
        [VALUE_DUE_AT] = local_time(post, notice->due_at),
        [VALUE_REASON] = rules_word(rules, "reasons", notice->reason, locale),
        [VALUE_QUEUE] = notice->queue,
        [VALUE_CLOCK] = number(post, notice->clock),
        [VALUE_CLOCK_NAME] = rules_word(rules, "clocks", notice->clock_name, locale),
        [VALUE_LEVEL] = notice->level,
        [VALUE_SHARE] = number(post, notice->share),
        [VALUE_SEQ] =
            arena_printf(post->plan->arena, "%" PRId64 "%.*s", notice->at, TEXT_ARG(notice->step)),
        [VALUE_PURPOSE] = rules_word(rules, "purposes", notice->purpose, locale),
    }};
}

/* --- one message --- */

static bool told_already(struct post *post, text key)
{
    for (size_t i = 0; i < post->keys.n; i++)
        if (text_equal(LIST(post->keys, struct message_key_row)[i].key, key)) return true;
    for (size_t i = 0; i < post->told_n; i++)
        if (text_equal(post->told[i], key)) return true;
    if (post->told_n < post->told_room) post->told[post->told_n++] = key;
    return false;
}

static time_us when_to_send(struct post *post, const struct wish *wish, bool *held)
{
    time_us now = post->plan->now;
    time_us at = wish->not_before > now ? wish->not_before : now;
    *held = false;
    if (!rules_quiet_channel(post->rules, wish->channel) || wish->urgency.len > 0) return at;
    time_us allowed =
        quiet_plan_call(&post->rules->quiet, rules_zone(post->rules, post->notice->ticket.org_unit),
                        now, at, post->notice->ticket.promised_at);
    *held = allowed > at;
    return allowed;
}

static void say_planned(struct plan *plan, const struct message_row *row)
{
    plan_say(plan, &message_planned_shape,
             &(struct message_planned){.ticket = row->ticket,
                                       .message = row->id,
                                       .template = row->template,
                                       .channel = row->channel,
                                       .audience = row->audience,
                                       .to = row->recipient,
                                       .send_at = row->send_at,
                                       .held = text_is(row->state, "held"),
                                       .cause = row->cause});
}

void post_job(struct plan *plan, const struct message_row *row)
{
    int64_t *notes = ARENA_ARRAY(plan->arena, int64_t, row->notes.len / 2 + 1);
    size_t n = 0;
    for (text rest = row->notes; rest.len > 0;)
        if (text_to_int(text_take(&rest, ','), &notes[n]) && notes[n] > 0) n++;
    plan_job(plan, &message_due_shape, row->send_at,
             &(struct message_due){.message = row->id,
                                   .ticket = row->ticket,
                                   .template = row->template,
                                   .channel = row->channel,
                                   .audience = row->audience,
                                   .recipient = row->recipient,
                                   .address = row->address,
                                   .subject = row->subject,
                                   .body = row->body,
                                   .notes = {notes, n}});
}

static void keep_message(struct plan *plan, const struct message_row *row)
{
    assert(text_is(row->state, "suppressed") == (row->key.len == 0));
    assert(text_is(row->audience, "staff") || row->address.len == 0);
    plan_write(plan, &message_insert, row);
}

/* A message that will not be sent, and why. */
static void keep_unsent(struct plan *plan, struct message_row *row, const char *state,
                        const char *reason)
{
    row->state = text_of(state);
    row->reason = text_of(reason);
    keep_message(plan, row);
}

static struct message_row draft(struct post *post, const struct wish *wish)
{
    const struct person_row *to = wish->to;
    const struct ticket_copy_row *ticket = &post->notice->ticket;
    text locale = to != NULL ? to->locale : ticket->locale;
    const struct template *template = rules_template(post->rules, wish->template, locale);
    assert(template != NULL); /* checked with the policy */
    struct values values = values_of(post, template->locale);
    text subject = template_render(template->subject, &values, post->plan->arena);
    text body = template_render(template->body, &values, post->plan->arena);
    text recipient = to == NULL ? TEXT("customer") : to->staff;
    return (struct message_row){
        .id = plan_new_id(post->plan),
        .ticket = ticket->ticket,
        .cause = wish->cause,
        .template = template->id,
        .version = template->version,
        .channel = wish->channel,
        .audience = to == NULL ? TEXT("customer") : TEXT("staff"),
        .recipient = recipient,
        .address = to == NULL ? (text){NULL, 0} : channels_address(wish->channel, to),
        .subject = subject,
        .body = body,
        .notes = template_has_mark(body) ? post->notice->notes : (text){NULL, 0},
        .person = wish->person,
        .gives = wish->gives,
        .next_at = wish->next_at,
        .planned_at = post->plan->now,
        .send_at = post->plan->now,
        .key = arena_printf(post->plan->arena, "%.*s:%.*s:%.*s", TEXT_ARG(wish->template),
                            TEXT_ARG(wish->cause), TEXT_ARG(recipient)),
    };
}

int64_t post_message(struct post *post, const struct wish *wish, time_us *send_at)
{
    struct message_row row = draft(post, wish);
    bool held;
    bool told = told_already(post, row.key);
    bool unreachable = wish->to == NULL && !post->notice->ticket.reachable;
    if (told || unreachable) {
        row.key = (text){NULL, 0};
        keep_unsent(post->plan, &row, "suppressed", told ? "told_already" : "unreachable");
        return 0;
    }
    row.send_at = when_to_send(post, wish, &held);
    row.state = held ? TEXT("held") : TEXT("planned");
    if (send_at != NULL) *send_at = row.send_at;
    keep_message(post->plan, &row);
    post_job(post->plan, &row);
    say_planned(post->plan, &row);
    return row.id;
}

struct call_row post_call(struct post *post, const struct wish *wish, text purpose)
{
    struct call_row call = {
        .ticket = post->notice->ticket.ticket,
        .caller = wish->to->staff,
        .purpose = purpose,
        .cause = wish->cause,
        .urgency = wish->urgency,
        .state = TEXT("planned"),
        .planned_at = post->plan->now,
    };
    call.id = post_message(post, wish, &call.call_at);
    if (call.id != 0) plan_write(post->plan, &call_write, &call);
    return call;
}

/* --- rules --- */

static bool rule_allows(const struct yaml_texts *allowed, text value)
{
    return allowed->n == 0 || rules_have(allowed, value);
}

static bool rule_fits(const struct notify_rule *rule, const struct notice *notice)
{
    return rule->on == notice->fact && rule_allows(&rule->kinds, notice->ticket.kind) &&
           rule_allows(&rule->steps, notice->step) &&
           rule_allows(&rule->clocks, notice->clock_name) &&
           rule_allows(&rule->levels, notice->level) && rule_allows(&rule->how, notice->how) &&
           notice->ticket.round >= rule->round_from &&
           (rule->breached == EITHER || rule->breached == notice->breached) &&
           !(rule->unless_answered && notice->answered);
}

static bool left_out(const struct post *post, const struct notify_rule *rule,
                     const struct person_row *person)
{
    text other = {NULL, 0};
    if (text_is(rule->not_to, "actor"))
        other = post->notice->actor;
    else if (text_is(rule->not_to, "owner"))
        other = post->notice->ticket.owner;
    else if (text_is(rule->not_to, "handler"))
        other = post->notice->ticket.handler;
    return other.len > 0 && text_equal(other, person->staff);
}

/* The role has no holder, nor any above it: a dead message, for everybody to see. */
static void tell_nobody(struct post *post, struct wish wish, text role)
{
    const struct person_row nobody = {.staff = role, .locale = text_of(rules_locale)};
    wish.to = &nobody;
    struct message_row row = draft(post, &wish);
    if (told_already(post, row.key)) return;
    keep_unsent(post->plan, &row, "dead", "no_recipient");
    plan_say(post->plan, &message_failed_shape,
             &(struct message_failed){.ticket = row.ticket,
                                      .message = row.id,
                                      .template = row.template,
                                      .channel = row.channel,
                                      .audience = row.audience,
                                      .to = role,
                                      .reason = TEXT("no_recipient")});
}

static void tell_person(struct post *post, const struct notify_rule *rule, struct wish wish,
                        const struct person_row *person)
{
    wish.to = person;
    wish.channel = channels_choose(&rule->channels, person);
    if (text_is(wish.channel, "call"))
        post_call(post, &wish, rule->purpose);
    else
        post_message(post, &wish, NULL);
}

static const struct person_row *find_person(struct post *post, text role)
{
    if (text_is(role, "actor")) return recipients_person(&post->company, post->notice->actor);
    return recipients_find(&post->company, &post->notice->ticket, role);
}

/* One message to each person, however many of the roles one has. */
static void tell_roles(struct post *post, const struct notify_rule *rule, const struct wish *wish,
                       struct list roles)
{
    const struct person_row **told =
        ARENA_ARRAY(post->plan->arena, const struct person_row *, roles.n + 1);
    for (size_t i = 0; i < roles.n; i++) {
        text role = LIST(roles, text)[i];
        const struct person_row *person = find_person(post, role);
        bool again = false;
        for (size_t k = 0; k < i; k++) again = again || told[k] == person;
        told[i] = person;
        if (person == NULL && !recipients_optional(&post->company, role) && !text_is(role, "actor"))
            tell_nobody(post, *wish, role);
        if (person == NULL || again || left_out(post, rule, person)) continue;
        tell_person(post, rule, *wish, person);
    }
}

static void apply_rule(struct post *post, const struct notify_rule *rule)
{
    struct values values = values_of(post, text_of(rules_locale));
    bool urgent_repair = text_is(post->notice->ticket.class, "emergency");
    struct wish wish = {
        .template = rule->template,
        .cause = template_render(rule->cause, &values, post->plan->arena),
        .urgency = rule->urgent.len > 0 ? rule->urgent
                   : urgent_repair      ? TEXT("emergency_repair")
                                        : (text){NULL, 0},
        .channel = channels_choose(&rule->channels, NULL),
    };
    struct list one = {&rule->to, 1};
    if (text_is(rule->to, "customer"))
        post_message(post, &wish, NULL);
    else
        tell_roles(post, rule, &wish, text_is(rule->to, "roles") ? post->notice->roles : one);
}

void post_notice(struct plan *plan, const struct notice *notice, const struct facts *facts)
{
    struct post post = post_open(plan, notice, facts);
    for (size_t i = 0; i < post.rules->n; i++) {
        const struct notify_rule *rule = &post.rules->at[i];
        if (!rule_fits(rule, notice)) continue;
        struct notice dated = *notice;
        if (rule->due != 0) dated.due_at = time_add(notice->ticket.received_at, rule->due);
        post.notice = &dated;
        apply_rule(&post, rule);
    }
}
