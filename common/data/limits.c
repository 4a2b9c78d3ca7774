#include "data/limits.h"

bool limits_hold(const struct shape *shape)
{
    return shape->kind == SHAPE_COMMAND || shape->kind == SHAPE_QUERY ||
           shape->kind == SHAPE_HEADER;
}

static const char *check_length(const struct field *field, text value, char wrong[LIMITS_TEXT])
{
    if (field->max > 0 && value.len > (size_t)field->max) {
        text_format(wrong, LIMITS_TEXT, "is longer than %lld bytes", (long long)field->max);
        return wrong;
    }
    return value.len == 0 && (field->flags & FIELD_FILLED) != 0 ? "is empty" : NULL;
}

const char *limits_check(const struct field *field, const void *value, char wrong[LIMITS_TEXT])
{
    int64_t number;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES: return check_length(field, *(const text *)value, wrong);
    case FIELD_TIME:
        return time_is_good(*(const time_us *)value) ? NULL : "must be " TIME_RANGE_TEXT;
    case FIELD_INT:
    case FIELD_ID: break;
    default: return NULL;
    }
    number = *(const int64_t *)value;
    if ((field->min == 0 && field->max == 0) || (number >= field->min && number <= field->max))
        return NULL;
    text_format(wrong, LIMITS_TEXT, "must be from %lld to %lld", (long long)field->min,
                (long long)field->max);
    return wrong;
}

const char *limits_check_items(const struct field *field, size_t n, char wrong[LIMITS_TEXT])
{
    if (field->items == 0 || n <= field->items) return NULL;
    text_format(wrong, LIMITS_TEXT, "has more than %zu items", field->items);
    return wrong;
}
