#include "data/fill.h"

#include "base/legible.h"
#include "data/limits.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct walk {
    const struct walk_source *source;
    struct arena *arena;
    struct err *err;
    bool outside; /* a command, query or header: limits hold, and its texts are legible */
};

/* Where the walk is: a field, or an item of a list field (index >= 0), within what is above it. */
struct place {
    const struct place *up;
    const char *name;
    int64_t index;
};

size_t walk_item_size(const struct field *field)
{
    if (field->type == FIELD_STRUCT) return field->of->size;
    return field->type == FIELD_TEXT || field->type == FIELD_BYTES ? sizeof(text) : sizeof(int64_t);
}

bool walk_is_absent(const struct field *field, const void *body)
{
    const char *at = (const char *)body + field->offset;
    if ((field->flags & FIELD_OPTIONAL) == 0) return false;
    if ((field->flags & FIELD_LIST) != 0) return ((const struct list *)at)->n == 0;
    if ((field->flags & FIELD_MAYBE) != 0)
        return !shape_given(field, body) ||
               (field->type == FIELD_REAL && !isfinite(*(const double *)at));
    switch (field->type) {
    case FIELD_BOOL: return !*(const bool *)at;
    case FIELD_REAL: return *(const double *)at == 0 || !isfinite(*(const double *)at);
    case FIELD_TEXT:
    case FIELD_BYTES: return ((const text *)at)->len == 0;
    default: return *(const int64_t *)at == 0;
    }
}

static size_t write_place(const struct place *place, char *to, size_t size)
{
    size_t len = place->up == NULL ? 0 : write_place(place->up, to, size);
    len += text_format(to + len, size - len, "%s%s", len > 0 ? "." : "", place->name);
    if (place->index < 0) return len;
    return len + text_format(to + len, size - len, "[%" PRId64 "]", place->index);
}

static int fail_rule(const struct walk *walk, const struct place *place, const char *rule,
                     const char *what)
{
    char path[sizeof(walk->err->field)];
    if (place == NULL) return err_set(walk->err, "the body %s", what);
    write_place(place, path, sizeof(path));
    return err_field(walk->err, path, rule, "field %s %s", path, what);
}

static int fail(const struct walk *walk, const struct place *place, const char *what)
{
    return fail_rule(walk, place, NULL, what);
}

/* Checks for values of every source. */
static const char *check_value(const struct field *field, void *at)
{
    text *words = at;
    if (field->type == FIELD_ID && *(int64_t *)at <= 0) return "must be a positive number";
    if (field->type == FIELD_REAL && !isfinite(*(double *)at)) return "must be a finite number";
    if (field->type != FIELD_TEXT && field->type != FIELD_BYTES) return NULL;
    if (field->type == FIELD_TEXT && words->len > 0 && memchr(words->at, '\0', words->len) != NULL)
        return "must not hold a NUL character";
    if (words->len == 0 && (field->flags & (FIELD_OPTIONAL | FIELD_LIST)) == FIELD_OPTIONAL)
        *words = (text){NULL, 0};
    return NULL;
}

/* Texts are shown to people later: no character may hide or reorder the others. */
static int check_text(const struct walk *walk, const struct field *field, const struct place *place,
                      text value)
{
    uint32_t fault;
    char what[60];
    bool words = field->flags & FIELD_WORDS;
    if (legible_is(value, words ? LEGIBLE_WORDS : LEGIBLE_LINE, &fault)) return 0;
    text_format(what, sizeof(what), "must not hold U+%04" PRIX32 ": %s", fault,
                words ? "a control character" : "it controls or hides text");
    return fail(walk, place, what);
}

static int fill_value(struct walk *walk, const void *node, const struct field *field,
                      const struct place *place, void *to)
{
    const char *wrong = walk->source->value(node, field, to, walk->arena);
    if (wrong == NULL) wrong = check_value(field, to);
    if (wrong != NULL) return fail(walk, place, wrong);
    char limit[LIMITS_TEXT];
    if (walk->outside) wrong = limits_check(field, to, limit);
    if (wrong != NULL) return fail_rule(walk, place, LIMITS_RULE, wrong);
    if (field->type == FIELD_TIME) *(time_us *)to = time_clamp(*(time_us *)to);
    return walk->outside && field->type == FIELD_TEXT ? check_text(walk, field, place, *(text *)to)
                                                      : 0;
}

static int read_struct(struct walk *walk, const void *node, const struct shape *shape,
                       const struct place *up, void *body);

static int read_list(struct walk *walk, const void *node, const struct field *field,
                     struct place *place, struct list *to)
{
    size_t n, size = walk_item_size(field);
    if (!walk->source->is_list(node, &n)) return fail(walk, place, "must be a list");
    char limit[LIMITS_TEXT];
    const char *wrong = walk->outside ? limits_check_items(field, n, limit) : NULL;
    if (wrong != NULL) return fail_rule(walk, place, LIMITS_RULE, wrong);
    char *items = n == 0 ? NULL : arena_alloc(walk->arena, n * size);
    *to = (struct list){items, n};
    for (size_t i = 0; i < n; i++) {
        place->index = (int64_t)i;
        const void *item = walk->source->item(node, i);
        if (item == NULL) return fail(walk, place, "is missing");
        int status = field->type == FIELD_STRUCT
                         ? read_struct(walk, item, field->of, place, items + i * size)
                         : fill_value(walk, item, field, place, items + i * size);
        if (status < 0) return -1;
    }
    return 0;
}

static int read_struct(struct walk *walk, const void *node, const struct shape *shape,
                       const struct place *up, void *body)
{
    size_t hint = 0;
    if (!walk->source->is_map(node)) return fail(walk, up, "must be a map of fields");
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        struct place place = {up, field->name, -1};
        void *to = (char *)body + field->offset;
        const void *child = walk->source->member(node, field->name, &hint);
        if (child == NULL && (field->flags & FIELD_OPTIONAL) != 0) continue;
        if (child == NULL) return fail(walk, &place, "is missing");
        int status = (field->flags & FIELD_LIST) != 0 ? read_list(walk, child, field, &place, to)
                                                      : fill_value(walk, child, field, &place, to);
        if (status < 0) return -1;
        if ((field->flags & FIELD_MAYBE) != 0) shape_give(field, body);
    }
    const char *unknown = walk->source->unknown == NULL ? NULL : walk->source->unknown(node, shape);
    return unknown == NULL ? 0 : fail(walk, &(struct place){up, unknown, -1}, "is not known");
}

void *walk_read(const struct walk_source *source, const void *node, const struct shape *shape,
                struct arena *arena, struct err *err)
{
    struct walk walk = {source, arena, err, limits_hold(shape)};
    void *body = arena_alloc(arena, shape->size);
    return read_struct(&walk, node, shape, NULL, body) < 0 ? NULL : body;
}
