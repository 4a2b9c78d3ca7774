#include "data/shape.h"

#include "base/arena.h"

const struct field *shape_field(const struct shape *shape, text name)
{
    for (size_t i = 0; i < shape->n; i++)
        if (text_is(name, shape->fields[i].name)) return &shape->fields[i];
    return NULL;
}

/* Where a maybe keeps whether it is given: behind its value. */
static size_t given_offset(const struct field *field)
{
    return field->offset + (field->type == FIELD_BOOL   ? offsetof(struct maybe_bool, given)
                            : field->type == FIELD_REAL ? offsetof(struct maybe_real, given)
                                                        : offsetof(struct maybe_int, given));
}

bool shape_given(const struct field *field, const void *body)
{
    return *((const bool *)body + given_offset(field));
}

void shape_give(const struct field *field, void *body)
{
    *((bool *)body + given_offset(field)) = true;
}

size_t shape_field_size(const struct field *field)
{
    bool maybe = (field->flags & FIELD_MAYBE) != 0;
    if ((field->flags & FIELD_LIST) != 0) return sizeof(struct list);
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES: return sizeof(text);
    case FIELD_BOOL: return maybe ? sizeof(struct maybe_bool) : sizeof(bool);
    case FIELD_REAL: return maybe ? sizeof(struct maybe_real) : sizeof(double);
    default: return maybe ? sizeof(struct maybe_int) : sizeof(int64_t);
    }
}

int64_t shape_int(const struct field *field, const void *body)
{
    const char *at = (const char *)body + field->offset;
    assert((field->flags & FIELD_LIST) == 0);
    if (field->type == FIELD_BOOL) return *(const bool *)at;
    assert(field->type == FIELD_INT || field->type == FIELD_ID || field->type == FIELD_TIME);
    return *(const int64_t *)at;
}

text shape_text(const struct field *field, const void *body)
{
    assert((field->flags & FIELD_LIST) == 0);
    assert(field->type == FIELD_TEXT || field->type == FIELD_BYTES);
    return *(const text *)((const char *)body + field->offset);
}

static text key_part(const struct field *field, const void *body, struct arena *arena)
{
    if (field->type == FIELD_TEXT) return shape_text(field, body);
    return arena_int(arena, shape_int(field, body));
}

text shape_key(const struct shape *shape, const void *body, struct arena *arena)
{
    if (shape->key[0] == NULL) return (text){NULL, 0};
    text key = key_part(shape->key[0], body, arena);
    for (size_t i = 1; i < SHAPE_KEYS && shape->key[i] != NULL; i++) {
        text part = key_part(shape->key[i], body, arena);
        key = arena_printf(arena, "%.*s/%.*s", TEXT_ARG(key), TEXT_ARG(part));
    }
    return key;
}

const struct shape *shape_find(text name, int version)
{
    for (size_t i = 0; i < shape_all_n; i++)
        if (shape_all[i]->version == version && text_is(name, shape_all[i]->name))
            return shape_all[i];
    return NULL;
}
