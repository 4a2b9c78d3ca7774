/* The tree of units (ORG-01). */
#include "handlers.h"

#include "say.h"
#include "store.h"
#include "workforce.msg.h"

static bool unit_good(struct plan *plan, const struct unit_set *m, const struct unit_tree *tree)
{
    if (!code_good(m->unit))
        plan_refuse(plan, "unit", "ORG-01", "unit must be a code without blanks and commas");
    if (!organisation_has_type(tree->organisation, m->type))
        plan_refuse(plan, "type", "ORG-01", "type is none of organisation.yaml");
    if (m->name_zh.len == 0) plan_refuse(plan, "name_zh", "ORG-01", "name_zh is missing");
    if (m->name_en.len == 0) plan_refuse(plan, "name_en", "ORG-01", "name_en is missing");
    if (m->parent.len > 0 && unit_find(tree, m->parent) == NULL)
        plan_refuse(plan, "parent", "ORG-01", "parent is not known");
    if (m->parent.len > 0 &&
        (text_equal(m->parent, m->unit) || unit_is_under(tree, m->parent, m->unit)))
        plan_refuse(plan, "parent", "ORG-01", "parent is the unit itself or under it");
    return !plan_refused(plan);
}

static bool same_unit(const struct workforce_unit_row *a, const struct workforce_unit_row *b)
{
    return text_equal(a->parent, b->parent) && text_equal(a->type, b->type) &&
           text_equal(a->name_zh, b->name_zh) && text_equal(a->name_en, b->name_en);
}

/* The tree with one unit changed. */
static struct unit_tree change_tree(const struct unit_tree *tree,
                                    const struct workforce_unit_row *row, struct arena *arena)
{
    struct workforce_unit_row *rows =
        ARENA_ARRAY(arena, struct workforce_unit_row, tree->stored.n + 1);
    size_t n = 0;
    rows[n++] = *row; /* found before the old one */
    for (size_t i = 0; i < tree->stored.n; i++)
        rows[n++] = LIST(tree->stored, struct workforce_unit_row)[i];
    return (struct unit_tree){tree->organisation, {rows, n}};
}

/* Others know each person's department: whose department changed with the tree is told anew. */
static void tell_staff(struct plan *plan, const struct unit_tree *before,
                       const struct unit_tree *after, struct list staff)
{
    for (size_t i = 0; i < staff.n; i++) {
        const struct workforce_staff_row *row = &LIST(staff, struct workforce_staff_row)[i];
        if (!text_equal(unit_department(before, row->unit), unit_department(after, row->unit)))
            say_staff(plan, after, row);
    }
}

void on_unit_set(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct unit_set *m = message;
    struct unit_tree tree = {plan->policy, facts_all(facts, &units_read)};
    struct workforce_unit_row row = {m->unit, m->parent, m->type, m->name_zh, m->name_en};
    if (!workforce_may_change(plan) || !unit_good(plan, m, &tree)) return;
    plan_answer(plan, &(struct unit_stored){m->unit});
    const struct workforce_unit_row *old = unit_find(&tree, m->unit);
    if (unit_is_stored(&tree, m->unit) && same_unit(old, &row)) return;
    struct unit_tree changed = change_tree(&tree, &row, plan->arena);
    say_units_above(plan, &tree, m->parent);
    plan_write(plan, &unit_write, &row);
    say_unit(plan, &row);
    tell_staff(plan, &tree, &changed, facts_all(facts, &staff_read));
}
