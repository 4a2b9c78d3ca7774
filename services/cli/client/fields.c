#include "fields.h"

#include "base/legible.h"
#include "data/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 32, GAP = 2 };

const struct shape *words_find(const char *name, enum shape_kind kind)
{
    const struct shape *found = NULL;
    for (size_t i = 0; i < shape_all_n; i++) {
        const struct shape *shape = shape_all[i];
        if (shape->kind != kind || strcmp(shape->name, name) != 0) continue;
        if (found == NULL || shape->version > found->version) found = shape;
    }
    return found;
}

/* --- words to JSON --- */

/* The fault of the value; NULL: none that shows here. */
static const char *fault_of(const struct field *field, text value)
{
    int64_t number;
    time_us time;
    char *end;
    switch (field->type) {
    case FIELD_BOOL:
        return text_is(value, "true") || text_is(value, "false") ? NULL : "neither true nor false";
    case FIELD_INT:
    case FIELD_ID: return text_to_int(value, &number) ? NULL : "not a whole number";
    case FIELD_REAL:
        (void)strtod(value.at, &end);
        return value.len > 0 && end == value.at + value.len ? NULL : "not a number";
    case FIELD_TIME:
        return text_to_int(value, &number) || json_time(value, &time)
                   ? NULL
                   : "not a time such as 2026-03-18T09:00:00+08:00";
    default: return NULL;
    }
}

static int add_scalar(struct buf *json, const struct field *field, text value, struct err *err)
{
    int64_t number;
    const char *fault = fault_of(field, value);
    if (fault != NULL)
        return err_field(err, field->name, NULL, "%s: '%.*s' is %s", field->name, TEXT_ARG(value),
                         fault);
    bool quoted = field->type == FIELD_TEXT || field->type == FIELD_BYTES ||
                  (field->type == FIELD_TIME && !text_to_int(value, &number));
    if (quoted)
        json_quote(json, value);
    else
        buf_add_text(json, value);
    return 0;
}

static int add_value(struct buf *json, const struct field *field, text value, struct arena *arena,
                     struct err *err)
{
    int bad = 0;
    if (!(field->flags & FIELD_LIST)) return add_scalar(json, field, value, err);
    if (field->type == FIELD_STRUCT) {
        buf_add_text(json, value);
        return 0;
    }
    buf_add_char(json, '[');
    for (bool first = true; value.len > 0 && bad == 0; first = false) {
        if (!first) buf_add_char(json, ',');
        bad = add_scalar(json, field, arena_text(arena, text_take(&value, ',')), err);
    }
    buf_add_char(json, ']');
    return bad;
}

static int add_word(struct buf *json, const struct shape *shape, const char *word,
                    struct arena *arena, struct err *err)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL) return err_set(err, "'%s' is not FIELD=VALUE", word);
    text name = {word, (size_t)(equals - word)};
    const struct field *field = shape_field(shape, name);
    if (field == NULL) return err_set(err, "%s has no field %.*s", shape->name, TEXT_ARG(name));
    if (json->len > 1) buf_add_char(json, ',');
    json_quote(json, name);
    buf_add_char(json, ':');
    return add_value(json, field, text_of(equals + 1), arena, err);
}

void *words_read(char *const *words, int n, const struct shape *shape, struct arena *arena,
                 struct err *err)
{
    struct buf json = {0};
    void *body = NULL;
    buf_add_char(&json, '{');
    int bad = 0;
    for (int i = 0; i < n && bad == 0; i++) {
        size_t name = strcspn(words[i], "=");
        for (int k = 0; k < i && bad == 0; k++)
            if (strncmp(words[i], words[k], name + 1) == 0)
                bad = err_set(err, "%.*s is given twice", (int)name, words[i]);
        if (bad == 0) bad = add_word(&json, shape, words[i], arena, err);
    }
    buf_add_char(&json, '}');
    if (bad == 0) body = json_read(buf_text(&json), shape, arena, err);
    buf_finish(&json);
    return body;
}

/* --- to the screen --- */

size_t words_width(text value)
{
    size_t width = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c & 0xc0) == 0x80) continue;
        width += c >= 0xe3 && c < 0xf5 ? 2 : 1; /* CJK and beyond: from U+3000 on */
    }
    return width;
}

static void add_number(struct buf *out, const struct field *field, int64_t value)
{
    if (field->type == FIELD_TIME) {
        if (value != 0) json_add_time(out, value);
    } else {
        buf_printf(out, "%" PRId64, value);
    }
}

static void add_list(struct buf *out, const struct field *field, struct list list)
{
    for (size_t i = 0; i < list.n; i++) {
        if (i > 0) buf_add_char(out, ' ');
        if (field->type == FIELD_TEXT)
            legible_show(out, LIST(list, text)[i], LEGIBLE_LINE);
        else if (field->type == FIELD_STRUCT)
            json_write(out, field->of, (const char *)list.at + i * field->of->size);
        else
            add_number(out, field, LIST(list, int64_t)[i]);
    }
}

static void add_field(struct buf *out, const struct field *field, const void *body)
{
    const char *at = (const char *)body + field->offset;
    if (field->flags & FIELD_LIST) {
        struct list list;
        memcpy(&list, at, sizeof(list));
        add_list(out, field, list);
        return;
    }
    if ((field->flags & FIELD_MAYBE) != 0 && !shape_given(field, body)) return;
    switch (field->type) {
    case FIELD_BOOL: buf_printf(out, "%s", *(const bool *)at ? "yes" : "no"); return;
    case FIELD_REAL: buf_printf(out, "%g", *(const double *)at); return;
    case FIELD_TEXT: legible_show(out, *(const text *)at, LEGIBLE_LINE); return;
    case FIELD_BYTES: buf_printf(out, "(%zu bytes)", ((const text *)at)->len); return;
    default: break;
    }
    int64_t value = shape_int(field, body);
    bool absent = value == 0 && (field->flags & (FIELD_OPTIONAL | FIELD_MAYBE)) == FIELD_OPTIONAL;
    if (!absent) add_number(out, field, value);
}

static void add_padded(struct buf *out, text cell, size_t width, bool right)
{
    size_t taken = words_width(cell), pad = taken < width ? width - taken : 0;
    if (!right) buf_add_text(out, cell);
    for (size_t i = 0; i < pad; i++) buf_add_char(out, ' ');
    if (right) buf_add_text(out, cell);
}

static bool is_number(const struct field *field)
{
    return (field->type == FIELD_INT || field->type == FIELD_REAL) && !(field->flags & FIELD_LIST);
}

void words_table(struct buf *out, const struct shape *of, struct list rows)
{
    size_t n = of->n < COLUMNS_MAX ? of->n : COLUMNS_MAX, widths[COLUMNS_MAX];
    struct buf cell = {0};
    for (size_t c = 0; c < n; c++) {
        widths[c] = strlen(of->fields[c].name);
        for (size_t r = 0; r < rows.n; r++) {
            buf_clear(&cell);
            add_field(&cell, &of->fields[c], (const char *)rows.at + r * of->size);
            if (words_width(buf_text(&cell)) > widths[c]) widths[c] = words_width(buf_text(&cell));
        }
    }
    for (size_t r = 0; r <= rows.n; r++) {
        for (size_t c = 0; c < n; c++) {
            buf_clear(&cell);
            if (r == 0)
                buf_printf(&cell, "%s", of->fields[c].name);
            else
                add_field(&cell, &of->fields[c], (const char *)rows.at + (r - 1) * of->size);
            bool right = is_number(&of->fields[c]);
            add_padded(out, buf_text(&cell), c + 1 < n || right ? widths[c] : 0, right);
            if (c + 1 < n) buf_printf(out, "%*s", GAP, "");
        }
        buf_add_char(out, '\n');
    }
    buf_finish(&cell);
}

void words_write(struct buf *out, const struct shape *shape, const void *body)
{
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        if (field->type == FIELD_STRUCT && (field->flags & FIELD_LIST)) {
            struct list rows;
            memcpy(&rows, (const char *)body + field->offset, sizeof(rows));
            buf_printf(out, "%s: %zu\n", field->name, rows.n);
            if (rows.n > 0) words_table(out, field->of, rows);
            continue;
        }
        struct buf value = {0};
        add_field(&value, field, body);
        if (value.len > 0) buf_printf(out, "%s: %s\n", field->name, value.at);
        buf_finish(&value);
    }
}
