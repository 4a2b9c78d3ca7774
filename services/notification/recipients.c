#include "recipients.h"

enum { FAR = 100, LEVELS = 6, DEPTH = 32 };

bool recipients_listed(text list, text name)
{
    while (list.len > 0)
        if (text_equal(text_take(&list, ','), name)) return true;
    return false;
}

const struct person_row *recipients_person(const struct company *company, text staff)
{
    for (size_t i = 0; i < company->people.n; i++) {
        const struct person_row *person = &LIST(company->people, struct person_row)[i];
        if (text_equal(person->staff, staff)) return person->active ? person : NULL;
    }
    return NULL;
}

static const struct unit_row *find_unit(const struct company *company, text unit)
{
    for (size_t i = 0; i < company->units.n; i++) {
        const struct unit_row *row = &LIST(company->units, struct unit_row)[i];
        if (text_equal(row->unit, unit)) return row;
    }
    return NULL;
}

/* Steps up the tree from `below` to `above`; FAR if it is not above. */
static int steps_up(const struct company *company, text below, text above)
{
    for (int steps = 0; steps < DEPTH && below.len > 0; steps++) {
        if (text_equal(below, above)) return steps;
        const struct unit_row *row = find_unit(company, below);
        if (row == NULL) return FAR;
        below = row->parent;
    }
    return FAR;
}

static int distance(const struct company *company, const struct ticket_copy_row *ticket,
                    const struct person_row *person)
{
    int up = steps_up(company, ticket->org_unit, person->unit);
    int down = steps_up(company, person->unit, ticket->org_unit); /* in a team of the unit */
    if (text_equal(person->department, ticket->org_unit) && down > 1) down = 1;
    return up < down ? up : down;
}

/* The nearest active holder; if `on_duty`, only holders on duty count. */
static const struct person_row *nearest(const struct company *company,
                                        const struct ticket_copy_row *ticket, text role,
                                        bool on_duty)
{
    const struct person_row *best = NULL;
    int least = FAR + 1;
    for (size_t i = 0; i < company->people.n; i++) {
        const struct person_row *person = &LIST(company->people, struct person_row)[i];
        if (!person->active || (on_duty && !person->on_duty) ||
            !recipients_listed(person->roles, role))
            continue;
        int far = distance(company, ticket, person);
        if (far >= least) continue;
        least = far;
        best = person;
    }
    return best;
}

static const struct person_row *deputy_of(const struct company *company,
                                          const struct person_row *holder)
{
    const struct person_row *deputy =
        holder == NULL ? NULL : recipients_person(company, holder->deputy);
    return deputy != NULL && deputy->on_duty ? deputy : NULL;
}

static const struct up *next_up(const struct company *company, text role)
{
    for (size_t i = 0; i < company->rules->ups_n; i++)
        if (text_equal(company->rules->ups[i].role, role)) return &company->rules->ups[i];
    return NULL;
}

/* On duty: a holder, a deputy, or somebody further up. */
static const struct person_row *on_duty_for(const struct company *company,
                                            const struct ticket_copy_row *ticket, text role,
                                            int levels)
{
    const struct person_row *found = nearest(company, ticket, role, true);
    if (found == NULL) found = deputy_of(company, nearest(company, ticket, role, false));
    const struct up *up = found != NULL || levels == 0 ? NULL : next_up(company, role);
    for (size_t i = 0; up != NULL && i < up->next.n && found == NULL; i++)
        found = on_duty_for(company, ticket, up->next.at[i], levels - 1);
    return found;
}

/* The same, whether on duty or not. */
static const struct person_row *holder_for(const struct company *company,
                                           const struct ticket_copy_row *ticket, text role,
                                           int levels)
{
    const struct person_row *found = nearest(company, ticket, role, false);
    const struct up *up = found != NULL || levels == 0 ? NULL : next_up(company, role);
    for (size_t i = 0; up != NULL && i < up->next.n && found == NULL; i++)
        found = holder_for(company, ticket, up->next.at[i], levels - 1);
    return found;
}

static text acting_role(const struct company *company, const struct ticket_copy_row *ticket,
                        text role)
{
    if (!text_is(role, "supervisor")) return role;
    const struct unit_row *unit = find_unit(company, ticket->org_unit);
    if (ticket->important) return TEXT("manager");
    if (unit != NULL && text_is(unit->type, "property_department") &&
        nearest(company, ticket, TEXT("assistant_manager"), false) != NULL)
        return TEXT("assistant_manager");
    return role;
}

bool recipients_optional(const struct company *company, text role)
{
    return rules_have(&company->rules->optional, role);
}

const struct person_row *recipients_find(const struct company *company,
                                         const struct ticket_copy_row *ticket, text role)
{
    if (text_is(role, "owner") || text_is(role, "handler")) {
        const struct person_row *person =
            text_is(role, "owner") ? recipients_person(company, ticket->owner) : NULL;
        if (person == NULL) person = recipients_person(company, ticket->handler);
        if (person != NULL) return person;
        role = TEXT("supervisor");
    }
    role = acting_role(company, ticket, role);
    if (recipients_optional(company, role)) return nearest(company, ticket, role, false);
    const struct person_row *found = on_duty_for(company, ticket, role, LEVELS);
    return found != NULL ? found : holder_for(company, ticket, role, LEVELS);
}
