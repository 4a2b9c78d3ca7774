#include "fill.h"

#include "data/fill.h"

#include <string.h>

static const char *const texts[] = {
    "",
    "a",
    "卡夫",
    "O'Brien \"quoted\" \\ back",
    "thirty-one bytes of plain text.",
    "a text long enough to need a length of its own in front: more than thirty-one bytes",
    "line\nbreak\ttab", /* last: in words only */
};
static const int64_t numbers[] = {0,     1,     127,        128,        255,       256,
                                  65535, 65536, 4294967295, 4294967296, INT64_MAX, -1,
                                  -32,   -33,   -128,       -129,       -32769,    INT64_MIN};

uint64_t fill_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = (*state ^ *state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static text random_bytes(uint64_t *state, struct arena *arena)
{
    size_t len = fill_random(state) % 300;
    char *bytes = arena_alloc(arena, len + 1);
    for (size_t i = 0; i < len; i++) bytes[i] = (char)fill_random(state);
    return (text){bytes, len};
}

static void fill_value(const struct field *field, void *at, uint64_t *state, struct arena *arena)
{
    uint64_t random = fill_random(state);
    size_t texts_n = COUNT(texts) - !(field->flags & FIELD_WORDS);
    int64_t number = numbers[random % COUNT(numbers)];
    bool limited = field->max > field->min && (field->type == FIELD_INT || field->type == FIELD_ID);
    if (limited && (number < field->min || number > field->max))
        number = field->min + (int64_t)(random >> 12) % (field->max - field->min + 1);
    switch (field->type) {
    case FIELD_BOOL: *(bool *)at = random & 1; break;
    case FIELD_REAL: *(double *)at = (double)(int64_t)random / (double)(1 + random % 1000); break;
    case FIELD_TEXT:
        *(text *)at = text_of((field->flags & FIELD_FILLED) != 0 ? texts[1 + random % 3]
                                                                 : texts[random % texts_n]);
        break;
    case FIELD_BYTES: *(text *)at = random_bytes(state, arena); break;
    case FIELD_TIME: *(int64_t *)at = 1 + (int64_t)(random % (uint64_t)(TIME_END - 1)); break;
    case FIELD_ID: *(int64_t *)at = number > 0 ? number : (int64_t)(random >> 12) + 1; break;
    default: *(int64_t *)at = number; break;
    }
}

static void fill_list(const struct field *field, struct list *list, uint64_t *state,
                      struct arena *arena)
{
    size_t n = fill_random(state) % 20;
    size_t size = walk_item_size(field);
    char *items = arena_alloc(arena, n * size);
    for (size_t i = 0; i < n; i++) {
        if (field->type == FIELD_STRUCT)
            memcpy(items + i * size, fill_body(field->of, state, arena), size);
        else
            fill_value(field, items + i * size, state, arena);
    }
    *list = (struct list){items, n};
}

void *fill_body(const struct shape *shape, uint64_t *state, struct arena *arena)
{
    char *body = arena_alloc(arena, shape->size);
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        void *at = body + field->offset;
        if ((field->flags & FIELD_OPTIONAL) != 0 && fill_random(state) % 3 == 0) continue;
        if ((field->flags & FIELD_MAYBE) != 0) shape_give(field, body);
        if ((field->flags & FIELD_LIST) != 0)
            fill_list(field, at, state, arena);
        else
            fill_value(field, at, state, arena);
    }
    return body;
}

static bool is_same(const struct field *field, const void *a, const void *b)
{
    switch (field->type) {
    case FIELD_BOOL: return *(const bool *)a == *(const bool *)b;
    case FIELD_REAL: return *(const double *)a == *(const double *)b;
    case FIELD_TEXT:
    case FIELD_BYTES: return text_equal(*(const text *)a, *(const text *)b);
    case FIELD_STRUCT: return fill_difference(field->of, a, b) == NULL;
    default: return *(const int64_t *)a == *(const int64_t *)b;
    }
}

static bool is_same_list(const struct field *field, const struct list *a, const struct list *b)
{
    size_t size = walk_item_size(field);
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++)
        if (!is_same(field, (const char *)a->at + i * size, (const char *)b->at + i * size))
            return false;
    return true;
}

const char *fill_difference(const struct shape *shape, const void *a, const void *b)
{
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        const char *at_a = (const char *)a + field->offset, *at_b = (const char *)b + field->offset;
        bool maybe = (field->flags & FIELD_MAYBE) != 0;
        bool same = (field->flags & FIELD_LIST) != 0
                        ? is_same_list(field, (const struct list *)at_a, (const struct list *)at_b)
                        : is_same(field, at_a, at_b);
        if (maybe) same = same && shape_given(field, a) == shape_given(field, b);
        if (!same) return field->name;
    }
    return NULL;
}
