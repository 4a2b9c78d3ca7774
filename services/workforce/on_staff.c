/* People: who they are and what they may and can do. */
#include "handlers.h"

#include "base/address.h"
#include "say.h"
#include "store.h"
#include "workforce.msg.h"

enum { LINE_MAX = 64 };

/* --- is it good? --- */

static struct list canonical_roles(struct plan *plan, struct list roles)
{
    text *out = ARENA_ARRAY(plan->arena, text, roles.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < roles.n && !plan_refused(plan); i++) {
        text name = LIST(roles, text)[i], role = organisation_role(plan->policy, name);
        size_t seen = 0;
        if (role.len == 0)
            plan_refuse(plan, "roles", "ORG-16", "role %.*s is none of organisation.yaml",
                        TEXT_ARG(name));
        while (seen < n && !text_equal(out[seen], role)) seen++;
        if (seen == n) out[n++] = role;
    }
    return (struct list){out, n};
}

static void check_codes(struct plan *plan, const struct staff_set *m)
{
    if (!code_good(m->staff))
        plan_refuse(plan, "staff", NULL, "staff must be a code without blanks and commas");
    if (m->name.len == 0) plan_refuse(plan, "name", NULL, "name is missing");
    if (m->roles.n == 0) plan_refuse(plan, "roles", "ORG-16", "a person has a role");
    for (size_t i = 0; i < m->skills.n; i++)
        if (!code_good(LIST(m->skills, text)[i]))
            plan_refuse(plan, "skills", NULL, "a skill is a code without blanks and commas");
    if (m->locale.len > 0 && !text_is(m->locale, "zh-CN") && !text_is(m->locale, "en"))
        plan_refuse(plan, "locale", NULL, "locale is zh-CN or en");
}

static void check_ways(struct plan *plan, const struct staff_set *m)
{
    const char *email = m->email.len > 0 ? address_mail_fault(m->email) : NULL;
    const char *webhook = m->webhook.len > 0 ? address_web_fault(m->webhook) : NULL;
    if (email != NULL) plan_refuse(plan, "email", NULL, "email %s", email);
    if (webhook != NULL) plan_refuse(plan, "webhook", NULL, "webhook %s", webhook);
}

static text superior_of(struct list staff, text code)
{
    for (size_t i = 0; i < staff.n; i++)
        if (text_equal(LIST(staff, struct workforce_staff_row)[i].staff, code))
            return LIST(staff, struct workforce_staff_row)[i].superior;
    return (text){0};
}

/* People are sent in any order, and two may be each other's deputies: a superior or deputy may be
   somebody who is still to come. What cannot be is a circle of superiors (ORG-11): escalation would
   never end. */
static void check_line(struct plan *plan, const struct staff_set *m, struct list staff)
{
    text above = m->superior;
    if (m->superior.len > 0 && !code_good(m->superior))
        plan_refuse(plan, "superior", "ORG-11", "superior must be a staff code");
    if (m->deputy.len > 0 && !code_good(m->deputy))
        plan_refuse(plan, "deputy", "ORG-71", "deputy must be a staff code");
    if (m->deputy.len > 0 && text_equal(m->deputy, m->staff))
        plan_refuse(plan, "deputy", "ORG-71", "nobody is the own deputy");
    for (int i = 0; i < LINE_MAX && above.len > 0; i++, above = superior_of(staff, above))
        if (text_equal(above, m->staff))
            plan_refuse(plan, "superior", "ORG-11",
                        "superior is the person or reports to the person");
}

/* --- what changes --- */

static bool same_staff(const struct workforce_staff_row *a, const struct workforce_staff_row *b)
{
    return text_equal(a->name, b->name) && text_equal(a->unit, b->unit) &&
           text_equal(a->roles, b->roles) && text_equal(a->skills, b->skills) &&
           text_equal(a->superior, b->superior) && text_equal(a->deputy, b->deputy) &&
           text_equal(a->email, b->email) && text_equal(a->webhook, b->webhook) &&
           text_equal(a->locale, b->locale) && a->most_open.given == b->most_open.given &&
           a->most_open.is == b->most_open.is && a->active == b->active;
}

static struct workforce_staff_row row_of(struct plan *plan, const struct staff_set *m,
                                         struct list roles, bool active)
{
    return (struct workforce_staff_row){.staff = m->staff,
                                        .name = m->name,
                                        .unit = m->unit,
                                        .roles = codes_join(roles.at, roles.n, plan->arena),
                                        .skills =
                                            codes_join(m->skills.at, m->skills.n, plan->arena),
                                        .superior = m->superior,
                                        .deputy = m->deputy,
                                        .email = m->email,
                                        .webhook = m->webhook,
                                        .locale = m->locale.len > 0 ? m->locale : TEXT("zh-CN"),
                                        .most_open = m->most_open,
                                        .active = active};
}

void on_staff_set(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct staff_set *m = message;
    const struct workforce_staff_row *old = facts_one(facts, &staff_lock);
    const struct workforce_duty_row *duty = facts_one(facts, &duty_lock);
    struct unit_tree tree = {plan->policy, facts_all(facts, &units_read)};
    if (!workforce_may_change(plan)) return;
    check_codes(plan, m);
    check_ways(plan, m);
    check_line(plan, m, facts_all(facts, &staff_read));
    if (unit_find(&tree, m->unit) == NULL) plan_refuse(plan, "unit", "ORG-01", "unit is not known");
    bool active = m->active.given ? m->active.is : old != NULL && old->active;
    if (old == NULL && !active) plan_refuse(plan, "active", NULL, "a new person must be active");
    struct list roles = canonical_roles(plan, m->roles);
    if (plan_refused(plan)) return;
    struct workforce_staff_row row = row_of(plan, m, roles, active);
    plan_answer(plan, &(struct staff_stored){m->staff});
    say_units_above(plan, &tree, m->unit);
    if (old != NULL && same_staff(old, &row)) return;
    plan_write(plan, &staff_write, &row);
    say_staff(plan, &tree, &row);
    if (!active && duty != NULL) say_duty_end(plan, duty);
}

void on_staff_list(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list rows = facts_all(facts, &lines_asked);
    struct staff_line *lines = ARENA_ARRAY(plan->arena, struct staff_line, rows.n);
    (void)message;
    for (size_t i = 0; i < rows.n; i++) {
        const struct workforce_line_row *row = &LIST(rows, struct workforce_line_row)[i];
        lines[i] = (struct staff_line){row->staff,  row->name,    row->unit, row->roles,
                                       row->skills, row->on_duty, row->since};
    }
    plan_answer(plan, &(struct staff_page){.rows = {lines, rows.n}});
}
