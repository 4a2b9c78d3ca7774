#include "data/json.h"

#include "data/fill.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Times that ISO 8601 can say with four digits of a year: 0001-01-01 up to, not including,
   10000-01-01. */
#define FIRST_TIME (INT64_C(-62135596800) * SECOND_US)
#define LAST_TIME (INT64_C(253402300800) * SECOND_US)

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* --- writing --- */

void json_quote(struct buf *out, text value)
{
    size_t from = 0;
    buf_add_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        buf_add(out, value.at + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_printf(out, "\\n");
        else
            buf_printf(out, "\\u%04x", c);
    }
    if (value.len > 0) buf_add(out, value.at + from, value.len - from);
    buf_add_char(out, '"');
}

static void write_base64(struct buf *out, text bytes)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) bits = bits << 8 | (k < n ? (uint8_t)bytes.at[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_add_char(out, k <= n ? base64_digits[bits >> (18 - 6 * k) & 63] : '=');
    }
    buf_add_char(out, '"');
}

/* The shortest decimal that reads as the same number. */
static void write_real(struct buf *out, double value)
{
    char digits[40];
    if (!isfinite(value)) {
        buf_add_text(out, TEXT("null"));
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    buf_add_text(out, text_of(digits));
}

static void write_json_value(struct buf *out, const struct field *field, const void *at)
{
    int64_t number;
    switch (field->type) {
    case FIELD_BOOL: buf_add_text(out, *(const bool *)at ? TEXT("true") : TEXT("false")); return;
    case FIELD_REAL: write_real(out, *(const double *)at); return;
    case FIELD_TEXT: json_quote(out, *(const text *)at); return;
    case FIELD_BYTES: write_base64(out, *(const text *)at); return;
    default: number = *(const int64_t *)at; break;
    }
    if (field->type != FIELD_TIME || number < FIRST_TIME || number >= LAST_TIME) {
        buf_printf(out, "%" PRId64, number);
        return;
    }
    buf_add_char(out, '"');
    json_add_time(out, number);
    buf_add_char(out, '"');
}

static void write_json_list(struct buf *out, const struct field *field, const struct list *list)
{
    size_t size = walk_item_size(field);
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->n; i++) {
        const char *item = (const char *)list->at + i * size;
        if (i > 0) buf_add_char(out, ',');
        if (field->type == FIELD_STRUCT)
            json_write(out, field->of, item);
        else
            write_json_value(out, field, item);
    }
    buf_add_char(out, ']');
}

void json_write(struct buf *out, const struct shape *shape, const void *body)
{
    bool first = true;
    buf_add_char(out, '{');
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        const char *at = (const char *)body + field->offset;
        if (walk_is_absent(field, body)) continue;
        buf_printf(out, "%s\"%s\":", first ? "" : ",", field->name);
        first = false;
        if ((field->flags & FIELD_LIST) != 0)
            write_json_list(out, field, (const struct list *)at);
        else
            write_json_value(out, field, at);
    }
    buf_add_char(out, '}');
}

/* --- reading --- */

static bool is_json_map(const void *node)
{
    return json_is_object((const json_t *)node);
}

static bool is_json_list(const void *node, size_t *n)
{
    *n = json_array_size(node);
    return json_is_array((const json_t *)node);
}

static const void *unless_null(const json_t *node)
{
    return json_is_null(node) ? NULL : node;
}

static const void *find_json_member(const void *node, const char *name, size_t *hint)
{
    (void)hint;
    return unless_null(json_object_get(node, name));
}

static const void *find_json_item(const void *node, size_t i)
{
    return unless_null(json_array_get(node, i));
}

static const char *read_base64(text from, text *to, struct arena *arena)
{
    static const char wrong[] = "must be base64";
    size_t padding = 0, n = 0;
    uint32_t bits = 0;
    if (from.len % 4 != 0) return wrong;
    while (padding < 2 && padding < from.len && from.at[from.len - 1 - padding] == '=') padding++;
    char *bytes = arena_alloc(arena, from.len / 4 * 3 + 1);
    for (size_t i = 0; i < from.len; i++) {
        const char *digit =
            i < from.len - padding ? memchr(base64_digits, from.at[i], 64) : base64_digits;
        if (digit == NULL) return wrong;
        bits = bits << 6 | (uint32_t)(digit - base64_digits);
        if (i % 4 != 3) continue;
        for (int shift = 16; shift >= 0; shift -= 8) bytes[n++] = (char)(bits >> shift & 0xff);
    }
    *to = (text){bytes, n - padding};
    for (size_t i = n - padding; i < n; i++)
        if (bytes[i] != 0) return wrong;
    return NULL;
}

static const char *read_json_number(const json_t *node, enum field_type type, void *to)
{
    const char *iso = json_string_value(node);
    if (type == FIELD_REAL) {
        if (!json_is_number(node)) return "must be a number";
        *(double *)to = json_number_value(node);
        return NULL;
    }
    if (type == FIELD_TIME && iso != NULL)
        return json_time((text){iso, json_string_length(node)}, to)
                   ? NULL
                   : "must be a time such as 2026-11-22T03:04:05Z";
    if (!json_is_integer(node))
        return type == FIELD_TIME ? "must be a time" : "must be a whole number";
    *(int64_t *)to = json_integer_value(node);
    return NULL;
}

static const char *read_json_value(const void *at, const struct field *field, void *to,
                                   struct arena *arena)
{
    const json_t *node = at;
    text string = {json_string_value(node), json_string_length(node)};
    switch (field->type) {
    case FIELD_BOOL:
        *(bool *)to = json_is_true(node);
        return json_is_boolean(node) ? NULL : "must be true or false";
    case FIELD_TEXT:
        *(text *)to = arena_text(arena, string);
        return string.at != NULL ? NULL : "must be text";
    case FIELD_BYTES: return string.at != NULL ? read_base64(string, to, arena) : "must be base64";
    default: return read_json_number(node, field->type, to);
    }
}

static const char *find_unknown(const void *node, const struct shape *shape)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)node, name,
                        value) if (shape_field(shape, text_of(name)) == NULL) return name;
    return NULL;
}

static const struct walk_source source = {
    .is_map = is_json_map,
    .is_list = is_json_list,
    .member = find_json_member,
    .item = find_json_item,
    .value = read_json_value,
    .unknown = find_unknown,
};

void *json_read(text json, const struct shape *shape, struct arena *arena, struct err *err)
{
    json_error_t error;
    json_t *root =
        json_loadb(json.len == 0 ? "" : json.at, json.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        err_set(err, "not JSON: line %d, column %d: %s", error.line, error.column, error.text);
        return NULL;
    }
    void *body = walk_read(&source, root, shape, arena, err);
    json_decref(root);
    return body;
}
