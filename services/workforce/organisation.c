#include "organisation.h"

#include "data/yaml.h"

enum { CODE_MAX = 64, DEPARTMENT_LEVEL = 4, DEPTH_MAX = 32 };

struct unit_type {
    text name;
    int64_t level;
};

struct role {
    text name;
    struct yaml_texts aliases;
};

struct organisation {
    struct unit_type *types;
    size_t types_n;
    struct role *roles;
    size_t roles_n;
    struct workforce_unit_row *units;
    size_t units_n;
};

/* --- compiling --- */

struct compiler {
    struct yaml_reader reader;
    struct arena *arena;
    struct organisation *out;
};

static void compile_types(struct compiler *c, const struct yaml *types)
{
    c->out->types = ARENA_ARRAY(c->arena, struct unit_type, yaml_count(types) + 1);
    YAML_EACH(type, types)
    c->out->types[c->out->types_n++] =
        (struct unit_type){type->key, yaml_int(&c->reader, type, "level", 1, 9)};
    c->out->types[c->out->types_n++] =
        (struct unit_type){TEXT("skill_group"), DEPARTMENT_LEVEL + 1};
}

static void compile_roles(struct compiler *c, const struct yaml *roles)
{
    c->out->roles = ARENA_ARRAY(c->arena, struct role, yaml_count(roles));
    YAML_EACH(role, roles)
    {
        struct role *new = &c->out->roles[c->out->roles_n];
        *new = (struct role){role->key, yaml_texts(&c->reader, role, "aliases", c->arena)};
        for (size_t i = 0; i < new->aliases.n; i++) {
            text other = organisation_role(c->out, new->aliases.at[i]);
            if (other.len > 0)
                yaml_fail(&c->reader, role, "alias %s belongs to %s already", new->aliases.at[i].at,
                          other.at);
        }
        if (organisation_role(c->out, role->key).len > 0)
            yaml_fail(&c->reader, role, "the name is an alias of another role");
        c->out->roles_n++;
    }
}

static void compile_units(struct compiler *c, const struct yaml *units)
{
    struct unit_tree tree = {.organisation = c->out};
    c->out->units = ARENA_ARRAY(c->arena, struct workforce_unit_row, yaml_count(units));
    YAML_EACH(unit, units)
    {
        struct workforce_unit_row row = {.unit = yaml_text(&c->reader, unit, "id"),
                                         .type = yaml_text(&c->reader, unit, "type"),
                                         .parent = yaml_text_or(&c->reader, unit, "under", NULL),
                                         .name_zh = yaml_text(&c->reader, unit, "zh"),
                                         .name_en = yaml_text(&c->reader, unit, "en")};
        if (c->reader.failed) return;
        if (!organisation_has_type(c->out, row.type))
            yaml_fail(&c->reader, unit, "unknown type %s", row.type.at);
        if (unit_find(&tree, row.unit) != NULL)
            yaml_fail(&c->reader, unit, "unit %s stands there twice", row.unit.at);
        if (row.parent.len > 0 && unit_find(&tree, row.parent) == NULL)
            yaml_fail(&c->reader, unit, "unit %s is under %s, which is not above it in the file",
                      row.unit.at, row.parent.at);
        c->out->units[c->out->units_n++] = row;
    }
}

static const void *compile_organisation(const struct policy_files *files, struct arena *arena,
                                        struct err *err)
{
    struct compiler c = {
        .reader = {.err = err}, .arena = arena, .out = ARENA_NEW(arena, struct organisation)};
    const struct policy_file *file = policy_find(files, "organisation.yaml");
    if (file == NULL) {
        err_set(err, "the policy lacks organisation.yaml");
        return NULL;
    }
    const struct yaml *top = yaml_read(file->body, "organisation.yaml", arena, err);
    if (top == NULL) return NULL;
    compile_types(&c, yaml_map(&c.reader, top, "unit_types"));
    compile_roles(&c, yaml_map(&c.reader, top, "roles"));
    compile_units(&c, yaml_list(&c.reader, top, "units"));
    return c.reader.failed ? NULL : c.out;
}

static const char *const owned[] = {"organisation.yaml", NULL};
const struct policy_owner organisation_owner = {.files = owned, .compile = compile_organisation};

/* --- types and roles --- */

static int64_t type_level(const struct organisation *organisation, text type)
{
    for (size_t i = 0; i < organisation->types_n; i++)
        if (text_equal(organisation->types[i].name, type)) return organisation->types[i].level;
    return 0;
}

bool organisation_has_type(const struct organisation *organisation, text type)
{
    return type_level(organisation, type) > 0;
}

static bool role_is_called(const struct role *role, text name)
{
    if (text_equal(role->name, name)) return true;
    for (size_t i = 0; i < role->aliases.n; i++)
        if (text_equal(role->aliases.at[i], name)) return true;
    return false;
}

text organisation_role(const struct organisation *organisation, text name)
{
    for (size_t i = 0; i < organisation->roles_n; i++)
        if (role_is_called(&organisation->roles[i], name)) return organisation->roles[i].name;
    return (text){0};
}

/* --- the tree --- */

static const struct workforce_unit_row *find_unit_type(const struct workforce_unit_row *rows,
                                                       size_t n, text unit)
{
    for (size_t i = 0; i < n; i++)
        if (text_equal(rows[i].unit, unit)) return &rows[i];
    return NULL;
}

bool unit_is_stored(const struct unit_tree *tree, text unit)
{
    return find_unit_type(tree->stored.at, tree->stored.n, unit) != NULL;
}

const struct workforce_unit_row *unit_find(const struct unit_tree *tree, text unit)
{
    const struct workforce_unit_row *row = find_unit_type(tree->stored.at, tree->stored.n, unit);
    return row != NULL
               ? row
               : find_unit_type(tree->organisation->units, tree->organisation->units_n, unit);
}

/* The depth is bounded: two changes at once in two lanes could tie a loop. */
text unit_department(const struct unit_tree *tree, text unit)
{
    const struct workforce_unit_row *row = unit_find(tree, unit);
    for (int depth = 0; row != NULL && depth < DEPTH_MAX;
         depth++, row = unit_find(tree, row->parent))
        if (type_level(tree->organisation, row->type) == DEPARTMENT_LEVEL) return row->unit;
    return (text){0};
}

bool unit_is_under(const struct unit_tree *tree, text below, text unit)
{
    const struct workforce_unit_row *row = unit_find(tree, below);
    for (int depth = 0; row != NULL && depth < DEPTH_MAX;
         depth++, row = unit_find(tree, row->parent))
        if (text_equal(row->unit, unit)) return true;
    return false;
}

/* --- codes --- */

bool code_good(text value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.at[i] <= ' ' || value.at[i] == 0x7f || value.at[i] == ',')
            return false;
    return value.len > 0 && value.len <= CODE_MAX;
}

text codes_join(const text *codes, size_t n, struct arena *arena)
{
    text joined = {0};
    for (size_t i = 0; i < n; i++)
        joined = arena_printf(arena, "%.*s%s%.*s", TEXT_ARG(joined), i == 0 ? "" : ",",
                              TEXT_ARG(codes[i]));
    return joined;
}

struct list codes_split(text joined, struct arena *arena)
{
    text *codes = ARENA_ARRAY(arena, text, joined.len + 1);
    size_t n = 0;
    while (joined.len > 0) codes[n++] = text_take(&joined, ',');
    return (struct list){codes, n};
}
