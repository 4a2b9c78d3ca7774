#include "desk.h"

#include "codes.h"
#include "store.h"

#include <string.h>
#include <time.h>

static const struct unit_row *find_unit(struct list units, text unit)
{
    for (size_t i = 0; i < units.n; i++)
        if (text_equal(LIST(units, struct unit_row)[i].unit, unit))
            return &LIST(units, struct unit_row)[i];
    return NULL;
}

enum { TREE_DEPTH = 16 };

static bool in_unit(const void *ctx, text unit)
{
    const struct desk *desk = ctx;
    text at = desk->ticket.org_unit;
    for (int depth = 0; depth < TREE_DEPTH && at.len > 0; depth++) {
        if (text_equal(at, unit)) return true;
        const struct unit_row *row = find_unit(desk->company.units, at);
        at = row == NULL ? (text){NULL, 0} : row->parent;
    }
    return false;
}

static bool of_type(const void *ctx, text type)
{
    const struct desk *desk = ctx;
    const struct unit_row *row = find_unit(desk->company.units, desk->ticket.org_unit);
    for (int depth = 0; depth < TREE_DEPTH && row != NULL; depth++) {
        if (text_equal(row->type, type)) return true;
        row = find_unit(desk->company.units, row->parent);
    }
    return false;
}

const struct routing_case *desk_case(struct desk *desk)
{
    const struct ticket_row *ticket = &desk->ticket;
    desk->which = (struct routing_case){
        ticket->kind, ticket->topic, ticket->department, ticket->flags, in_unit, of_type, desk};
    return &desk->which;
}

struct flow_at desk_at(struct desk *desk)
{
    const struct ticket_row *ticket = &desk->ticket;
    return (struct flow_at){ticket->state, ticket->round, ticket->refusals, ticket->attempts,
                            names_split(ticket->flags, desk->plan->arena)};
}

bool desk_entry(text entry, text *key, text *value)
{
    const char *equals = memchr(entry.at, '=', entry.len);
    if (equals == NULL) return false;
    *key = (text){entry.at, (size_t)(equals - entry.at)};
    *value = (text){equals + 1, entry.len - key->len - 1};
    return true;
}

static struct yaml_texts steps_taken(struct desk *desk, text staff)
{
    text taken = {NULL, 0}, entry, step, by;
    for (text rest = desk->ticket.took; names_next(&rest, &entry);)
        if (desk_entry(entry, &step, &by) && text_equal(by, staff))
            taken = names_add(taken, step, desk->plan->arena);
    return names_split(taken, desk->plan->arena);
}

/* Away: the deputy acts (ORG-71). */
static bool is_deputy(struct desk *desk, text of, text staff)
{
    for (size_t i = 0; i < desk->company.people.n; i++) {
        const struct person_row *person = &LIST(desk->company.people, struct person_row)[i];
        if (text_equal(person->staff, of))
            return text_equal(person->deputy, staff) && !(person->on_duty && person->active);
    }
    return false;
}

static text roles_of(struct desk *desk, const struct person_row *actor)
{
    text roles = actor->roles, role;
    for (size_t i = 0; i < desk->company.people.n; i++) {
        const struct person_row *person = &LIST(desk->company.people, struct person_row)[i];
        if (!text_equal(person->deputy, actor->staff) || (person->on_duty && person->active))
            continue;
        for (text rest = person->roles; names_next(&rest, &role);)
            roles = names_add(roles, role, desk->plan->arena);
    }
    return roles;
}

struct flow_actor desk_actor(struct desk *desk, const struct person_row *person)
{
    const struct ticket_row *ticket = &desk->ticket;
    return (struct flow_actor){
        .roles =
            routing_roles(desk->policy, desk_case(desk), roles_of(desk, person), desk->plan->arena),
        .owner = text_equal(ticket->owner, person->staff) ||
                 is_deputy(desk, ticket->owner, person->staff),
        .handler = text_equal(ticket->handler, person->staff),
        .took = steps_taken(desk, person->staff),
    };
}

bool desk_find_flow(struct desk *desk)
{
    const struct ticket_row *ticket = &desk->ticket;
    desk->policy = plan_policy(desk->plan, ticket->policy);
    desk->flow = desk->policy == NULL ? NULL : flow_find(desk->policy->flows, ticket->kind);
    if (desk->flow == NULL)
        plan_refuse(desk->plan, "kind", "ORG-21", "there is no flow %.*s in policy version %lld",
                    TEXT_ARG(ticket->kind), (long long)ticket->policy);
    return desk->flow != NULL;
}

bool desk_load(struct desk *desk, struct plan *plan, const struct ticket_row *ticket,
               const struct company *company)
{
    *desk = (struct desk){.plan = plan,
                          .company = *company,
                          .ticket = *ticket,
                          .handler_before = ticket->handler,
                          .queue_before = ticket->queue};
    return desk_find_flow(desk);
}

struct list desk_list(struct yaml_texts texts)
{
    return (struct list){texts.at, texts.n};
}

struct company company_of(const struct facts *facts)
{
    return (struct company){facts_all(facts, &person_read), facts_all(facts, &unit_read),
                            facts_all(facts, &queue_line_read)};
}

enum { SERIAL = 1000000000 }; /* a number is yymmdd and nine digits */

static int64_t day_of(time_us at)
{
    time_t seconds = at / SECOND_US;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return (tm.tm_year % 100 * 100 + tm.tm_mon + 1) * 100 + tm.tm_mday;
}

void desk_missing(struct plan *plan, int64_t ticket)
{
    int64_t day = ticket / SERIAL;
    if (day == day_of(plan->now) || day == day_of(plan->now - DAY_US))
        plan_retry(plan, "ticket %lld is not known yet", (long long)ticket);
    else
        plan_refuse(plan, "ticket", NULL, "there is no ticket %lld", (long long)ticket);
}
