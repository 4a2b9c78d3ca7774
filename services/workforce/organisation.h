/*
 * organisation: organisation.yaml compiled, and the questions asked of the tree of units (ORG-01 to
 * ORG-21). Pure.
 */
#ifndef KEFU_WORKFORCE_ORGANISATION_H
#define KEFU_WORKFORCE_ORGANISATION_H

#include "base/arena.h"
#include "policy/bundle.h"
#include "data/shape.h"
#include "workforce_rows.msg.h"

struct organisation;
extern const struct policy_owner organisation_owner;

bool organisation_has_type(const struct organisation *organisation, text type);
/* The canonical name of a role: itself, or the role that has it as an alias (ORG-16). Absent if
   there is none. */
text organisation_role(const struct organisation *organisation, text name);

/* Units as they are: those stored (workforce_unit rows), and those of the policy that nobody has
   changed. */
struct unit_tree {
    const struct organisation *organisation;
    struct list stored;
};
/* NULL if there is none of that code. */
const struct workforce_unit_row *unit_find(const struct unit_tree *tree, text unit);
bool unit_is_stored(const struct unit_tree *tree, text unit);
/* The unit itself or the nearest one above it on the department's level of the tree; absent if
   there is none. */
text unit_department(const struct unit_tree *tree, text unit);
/* Is `below` the unit itself, or under it? */
bool unit_is_under(const struct unit_tree *tree, text below, text unit);

/* Lists of codes as texts joined by commas, and back. */
text codes_join(const text *codes, size_t n, struct arena *arena);
struct list codes_split(text joined, struct arena *arena);
/* 1 to 64 bytes, no blank, no control character, no comma. */
bool code_good(text value);

#endif
