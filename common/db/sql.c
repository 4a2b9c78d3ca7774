#include "db/sql.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMS_MAX = 48, ROW_COLUMNS_MAX = 48 };

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_VARCHAR = 1043,
    OID_TIMESTAMPTZ = 1184
};

/* How each field type looks in PostgreSQL. */
static const struct column_type {
    const char *name;
    uint32_t oid;
} types[] = {
    [FIELD_BOOL] = {"boolean", OID_BOOL},
    [FIELD_INT] = {"bigint", OID_INT8},
    [FIELD_REAL] = {"double precision", OID_FLOAT8},
    [FIELD_TEXT] = {"text", OID_TEXT},
    [FIELD_BYTES] = {"bytea", OID_BYTEA},
    [FIELD_TIME] = {"timestamptz", OID_TIMESTAMPTZ},
    [FIELD_ID] = {"bigint", OID_INT8},
};

enum param_kind { PARAM_KEYS, PARAM_COLUMN, PARAM_SCALAR };

struct param {
    enum param_kind kind;
    const struct field *field;
};

struct sql {
    const struct statement *statement;
    const struct shape *message;
    const struct field *by;
    struct pg_statement prepared;
    struct pg_statement single; /* of a WRITE or ADD: the same for one row, without arrays */
    struct param params[PARAMS_MAX];
    int params_n;
    bool mapped;
    const struct field *columns[ROW_COLUMNS_MAX]; /* result column -> field */
    int columns_n;
    struct buf scratch[PARAMS_MAX];
    const struct field *whole_by; /* of what is whole: `by` in rows that are written … */
    const struct field *from[ROW_COLUMNS_MAX]; /* … and each field of the row … */
    const struct field *order[2];              /* … and its order within a key */
};

static bool is_words(const struct field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_BYTES;
}

/* --- compiling --- */

static int add_param(struct sql *sql, enum param_kind kind, const struct field *field)
{
    for (int i = 0; i < sql->params_n; i++)
        if (sql->params[i].kind == kind && sql->params[i].field == field) return i + 1;
    assert(sql->params_n < PARAMS_MAX);
    sql->params[sql->params_n] = (struct param){kind, field};
    return ++sql->params_n;
}

static void write_many_rows(struct sql *sql, struct buf *out)
{
    const struct shape *row = sql->statement->row;
    buf_printf(out, "unnest(");
    for (size_t i = 0; i < row->n; i++) {
        const struct field *field = &row->fields[i];
        assert(!(field->flags & FIELD_LIST));
        buf_printf(out, "%s$%d::%s[]", i == 0 ? "" : ", ", add_param(sql, PARAM_COLUMN, field),
                   types[field->type].name);
    }
    buf_printf(out, ") AS rows(");
    for (size_t i = 0; i < row->n; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", row->fields[i].name);
    buf_printf(out, ")");
}

/* The planner dissolves it: a lone row costs half of what it costs through arrays, and less the
   more columns there are. */
static void write_one_row(struct sql *sql, struct buf *out)
{
    const struct shape *row = sql->statement->row;
    buf_printf(out, "(SELECT ");
    for (size_t i = 0; i < row->n; i++)
        buf_printf(out, "%s$%d::%s AS %s", i == 0 ? "" : ", ",
                   add_param(sql, PARAM_COLUMN, &row->fields[i]), types[row->fields[i].type].name,
                   row->fields[i].name);
    buf_printf(out, ") AS rows");
}

enum form { MANY_ROWS, ONE_ROW };

static void write_param(struct sql *sql, struct buf *out, text name, enum form form)
{
    if (text_is(name, "rows")) {
        if (form == ONE_ROW)
            write_one_row(sql, out);
        else
            write_many_rows(sql, out);
    } else if (text_is(name, "keys")) {
        if (sql->by == NULL)
            fatal(NULL, "statement over :keys without `by`: %s", sql->statement->sql);
        buf_printf(out, "$%d::%s[]", add_param(sql, PARAM_KEYS, sql->by),
                   types[sql->by->type].name);
    } else {
        const struct field *field = sql->message == NULL ? NULL : shape_field(sql->message, name);
        if (field == NULL)
            fatal(NULL, "unknown parameter :%.*s in: %s", TEXT_ARG(name), sql->statement->sql);
        if (field->flags & FIELD_LIST)
            buf_printf(out, "$%d::%s[]", add_param(sql, PARAM_SCALAR, field),
                       types[field->type].name);
        else
            buf_printf(out, "$%d::%s", add_param(sql, PARAM_SCALAR, field),
                       types[field->type].name);
    }
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static void translate(struct sql *sql, struct buf *out, enum form form)
{
    bool quoted = false;
    for (const char *at = sql->statement->sql; *at != '\0'; at++) {
        if (*at == '\'') quoted = !quoted;
        bool starts = !quoted && at[0] == ':' && at[1] >= 'a' && at[1] <= 'z' &&
                      (at == sql->statement->sql || at[-1] != ':');
        if (!starts) {
            buf_add_char(out, *at);
            continue;
        }
        size_t len = 0;
        while (is_name(at[1 + len])) len++;
        write_param(sql, out, (text){at + 1, len}, form);
        at += len;
    }
}

static struct pg_statement make_statement(struct sql *sql, enum form form)
{
    static int count;
    struct buf out = {0}, name = {0};
    translate(sql, &out, form);
    buf_printf(&name, "q%d", count++);
    return (struct pg_statement){name.at, out.at};
}

static const struct field *same_field(const struct statement *statement, const struct field *field)
{
    const struct field *found = shape_field(statement->whole, text_of(field->name));
    if (found == NULL || found->type != field->type ||
        (found->flags & FIELD_MAYBE) != (field->flags & FIELD_MAYBE))
        fatal(NULL, "whole: %s has no %s such as %s has", statement->whole->name, field->name,
              statement->row->name);
    return found;
}

static void compile_whole(struct sql *sql)
{
    const struct statement *statement = sql->statement;
    if (statement->whole == NULL) return;
    if (statement->by == NULL || statement->whole->key[0] == NULL || statement->row->key[0] == NULL)
        fatal(NULL, "whole: %s and %s need keys, and the statement a `by`", statement->whole->name,
              statement->row->name);
    sql->whole_by = same_field(statement, sql->by);
    assert(statement->row->n <= ROW_COLUMNS_MAX);
    for (size_t i = 0; i < statement->row->n; i++)
        sql->from[i] = same_field(statement, &statement->row->fields[i]);
    for (size_t i = 0; i < COUNT(statement->order) && statement->order[i] != NULL; i++) {
        sql->order[i] = shape_field(statement->row, text_of(statement->order[i]));
        if (sql->order[i] == NULL)
            fatal(NULL, "order: %s has no %s", statement->row->name, statement->order[i]);
    }
}

struct sql *sql_compile(const struct statement *statement, const struct shape *message)
{
    struct sql *sql = mem_alloc(sizeof(*sql));
    sql->statement = statement;
    sql->message = message;
    sql->by = statement->by == NULL ? NULL : shape_field(statement->row, text_of(statement->by));
    if (statement->by != NULL && sql->by == NULL)
        fatal(NULL, "row %s has no field %s", statement->row->name, statement->by);
    compile_whole(sql);
    sql->prepared = make_statement(sql, MANY_ROWS);
    if (statement->kind == STATEMENT_WRITE || statement->kind == STATEMENT_ADD)
        sql->single = make_statement(sql, ONE_ROW);
    return sql;
}

const struct statement *sql_statement(const struct sql *sql)
{
    return sql->statement;
}

bool sql_keys_are_numbers(const struct sql *sql)
{
    return sql->by != NULL && (sql->by->type == FIELD_ID || sql->by->type == FIELD_INT);
}

/* --- parameters --- */

static void array_head(struct buf *out, uint32_t oid, size_t n)
{
    buf_add_u32(out, n > 0 ? 1 : 0);
    buf_add_u32(out, 1); /* may have NULLs */
    buf_add_u32(out, oid);
    if (n == 0) return;
    buf_add_u32(out, (uint32_t)n);
    buf_add_u32(out, 1);
}

static void add_number(struct buf *out, int64_t value)
{
    buf_add_u32(out, 8);
    buf_add_u64(out, (uint64_t)value);
}

static void add_words(struct buf *out, text value)
{
    buf_add_u32(out, (uint32_t)value.len);
    buf_add(out, value.at, value.len);
}

/* One value as length and bytes; an absent one is NULL. */
static void add_parameter(struct buf *out, const struct field *field, const char *at)
{
    bool optional = field->flags & FIELD_OPTIONAL, maybe = field->flags & FIELD_MAYBE;
    int64_t number = 0;
    if (maybe && !shape_given(field, at - field->offset)) {
        buf_add_u32(out, UINT32_MAX);
        return;
    }
    if (is_words(field)) {
        text value = *(const text *)at;
        if (optional && value.at == NULL)
            buf_add_u32(out, UINT32_MAX);
        else
            add_words(out, value);
        return;
    }
    if (field->type == FIELD_BOOL) {
        buf_add_u32(out, 1);
        buf_add_char(out, *(const bool *)at);
        return;
    }
    memcpy(&number, at, sizeof(number));
    if (optional && !maybe && number == 0) {
        buf_add_u32(out, UINT32_MAX);
        return;
    }
    add_number(out, field->type == FIELD_TIME ? time_clamp(number) - PG_EPOCH_US : number);
}

static void pack_keys(struct buf *out, const struct sql *sql, const struct sql_key *keys, size_t n)
{
    bool numbers = sql_keys_are_numbers(sql);
    array_head(out, numbers ? OID_INT8 : OID_TEXT, n);
    for (size_t i = 0; i < n; i++) {
        if (numbers)
            add_number(out, keys[i].number);
        else
            add_words(out, keys[i].word);
    }
}

static void pack_list(struct buf *out, const struct field *field, const char *at)
{
    struct field item = *field;
    struct list list = *(const struct list *)at;
    item.flags = 0;
    size_t size = is_words(field) ? sizeof(text) : sizeof(int64_t);
    array_head(out, types[field->type].oid, list.n);
    for (size_t i = 0; i < list.n; i++) add_parameter(out, &item, (const char *)list.at + i * size);
}

static struct pg_param finish_param(const struct buf *buf)
{
    return (struct pg_param){buf->at, (int)buf->len};
}

/* A scalar's buffer holds its length first; -1 there means NULL. */
static struct pg_param finish_scalar(const struct buf *buf)
{
    if (pg_from_be(buf->at, 4) == -1) return (struct pg_param){NULL, 0};
    return (struct pg_param){buf->at + 4, (int)buf->len - 4};
}

int sql_add_keys(struct pg *pg, struct sql *sql, const struct sql_key *keys, size_t n,
                 const void *message)
{
    struct pg_param params[PARAMS_MAX];
    for (int i = 0; i < sql->params_n; i++) {
        const struct param *param = &sql->params[i];
        struct buf *out = &sql->scratch[i];
        buf_clear(out);
        if (param->kind == PARAM_KEYS) {
            pack_keys(out, sql, keys, n);
            params[i] = finish_param(out);
        } else if (param->field->flags & FIELD_LIST) {
            pack_list(out, param->field, (const char *)message + param->field->offset);
            params[i] = finish_param(out);
        } else {
            add_parameter(out, param->field, (const char *)message + param->field->offset);
            params[i] = finish_scalar(out);
        }
    }
    return pg_add(pg, &sql->prepared, params, sql->params_n);
}

static int add_one_row(struct pg *pg, struct sql *sql, const char *row)
{
    struct pg_param params[PARAMS_MAX];
    for (int i = 0; i < sql->params_n; i++) {
        const struct field *field = sql->params[i].field;
        struct buf *out = &sql->scratch[i];
        assert(sql->params[i].kind == PARAM_COLUMN);
        buf_clear(out);
        add_parameter(out, field, row + field->offset);
        params[i] = finish_scalar(out);
    }
    return pg_add(pg, &sql->single, params, sql->params_n);
}

int sql_add_rows(struct pg *pg, struct sql *sql, const void *const *rows, size_t n)
{
    struct pg_param params[PARAMS_MAX];
    if (n == 1) return add_one_row(pg, sql, rows[0]);
    for (int i = 0; i < sql->params_n; i++) {
        const struct field *field = sql->params[i].field;
        struct buf *out = &sql->scratch[i];
        assert(sql->params[i].kind == PARAM_COLUMN);
        buf_clear(out);
        array_head(out, types[field->type].oid, n);
        for (size_t k = 0; k < n; k++)
            add_parameter(out, field, (const char *)rows[k] + field->offset);
        params[i] = finish_param(out);
    }
    return pg_add(pg, &sql->prepared, params, sql->params_n);
}

/* --- results --- */

static bool oid_fits(enum field_type type, Oid oid)
{
    switch (type) {
    case FIELD_BOOL: return oid == OID_BOOL;
    case FIELD_INT:
    case FIELD_ID: return oid == OID_INT8 || oid == OID_INT4 || oid == OID_INT2;
    case FIELD_REAL: return oid == OID_FLOAT8;
    case FIELD_TEXT: return oid == OID_TEXT || oid == OID_VARCHAR;
    case FIELD_BYTES: return oid == OID_BYTEA;
    case FIELD_TIME: return oid == OID_TIMESTAMPTZ;
    case FIELD_STRUCT: return false;
    }
    return false;
}

static int map_columns(struct sql *sql, const PGresult *result, struct err *err)
{
    const struct shape *row = sql->statement->row;
    int n = PQnfields(result);
    if (n > ROW_COLUMNS_MAX) return err_set(err, "statement on %s gives %d columns", row->name, n);
    for (int i = 0; i < n; i++) {
        const struct field *field = shape_field(row, text_of(PQfname(result, i)));
        if (field == NULL)
            return err_set(err, "row %s has no field for column %s", row->name, PQfname(result, i));
        if (!oid_fits(field->type, PQftype(result, i)))
            return err_set(err, "column %s.%s has type oid %u", row->name, field->name,
                           PQftype(result, i));
        sql->columns[i] = field;
    }
    for (size_t k = 0; k < row->n; k++)
        if (!(row->fields[k].flags & FIELD_OPTIONAL) && PQfnumber(result, row->fields[k].name) < 0)
            return err_set(err, "statement on %s lacks column %s", row->name, row->fields[k].name);
    sql->columns_n = n;
    sql->mapped = true;
    return 0;
}

static void read_column(const struct field *field, char *to, const PGresult *result, int row,
                        int column, struct arena *arena)
{
    if (PQgetisnull(result, row, column)) return;
    const char *bytes = PQgetvalue(result, row, column);
    int len = PQgetlength(result, row, column);
    if (is_words(field)) {
        *(text *)to = arena_text(arena, (text){bytes, (size_t)len});
    } else if (field->type == FIELD_BOOL) {
        *(bool *)to = bytes[0] != 0;
    } else {
        int64_t value = pg_from_be(bytes, len);
        if (field->type == FIELD_TIME) value = pg_time_of(value);
        memcpy(to, &value, sizeof(value));
    }
    if ((field->flags & FIELD_MAYBE) != 0) shape_give(field, to - field->offset);
}

int sql_read(struct sql *sql, const PGresult *result, struct arena *arena, struct list *out,
             struct err *err)
{
    const struct shape *row = sql->statement->row;
    size_t n = (size_t)PQntuples(result);
    if (!sql->mapped && map_columns(sql, result, err) < 0) return -1;
    char *rows = n == 0 ? NULL : arena_alloc(arena, row->size * n);
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < sql->columns_n; k++)
            read_column(sql->columns[k], rows + i * row->size + sql->columns[k]->offset, result,
                        (int)i, k, arena);
    *out = (struct list){rows, n};
    return 0;
}

/* --- keys --- */

static int compare_field(const struct field *field, const void *a, const void *b)
{
    if (is_words(field)) return text_compare(shape_text(field, a), shape_text(field, b));
    int64_t left = shape_int(field, a), right = shape_int(field, b);
    return (left > right) - (left < right);
}

int sql_compare(const struct shape *shape, const void *a, const void *b)
{
    for (int i = 0; i < SHAPE_KEYS && shape->key[i] != NULL; i++) {
        int order = compare_field(shape->key[i], a, b);
        if (order != 0) return order;
    }
    return 0;
}

int sql_key_compare(const struct sql *sql, const struct sql_key *a, const struct sql_key *b)
{
    if (sql_keys_are_numbers(sql)) return (a->number > b->number) - (a->number < b->number);
    return text_compare(a->word, b->word);
}

struct sql_key sql_key_of(const struct sql *sql, const void *row)
{
    if (sql_keys_are_numbers(sql)) return (struct sql_key){.number = shape_int(sql->by, row)};
    return (struct sql_key){.word = shape_text(sql->by, row)};
}

struct sql_key sql_written_key(const struct sql *sql, const void *written)
{
    if (sql_keys_are_numbers(sql))
        return (struct sql_key){.number = shape_int(sql->whole_by, written)};
    return (struct sql_key){.word = shape_text(sql->whole_by, written)};
}

const void *sql_written_row(const struct sql *sql, const void *written, struct arena *arena)
{
    const struct shape *shape = sql->statement->row;
    if (sql->statement->whole == shape) return written;
    char *row = arena_alloc(arena, shape->size);
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        const char *from = (const char *)written + sql->from[i]->offset;
        memcpy(row + field->offset, from, shape_field_size(field));
        bool needed = is_words(field) && !(field->flags & FIELD_OPTIONAL);
        if (needed && shape_text(field, row).at == NULL) return NULL;
    }
    return row;
}

int sql_order(const struct sql *sql, const void *a, const void *b)
{
    for (size_t i = 0; i < COUNT(sql->order) && sql->order[i] != NULL; i++) {
        int order = compare_field(sql->order[i], a, b);
        if (order != 0) return order;
    }
    return 0;
}

static bool is_key(const struct shape *shape, const struct field *field)
{
    for (int i = 0; i < SHAPE_KEYS && shape->key[i] != NULL; i++)
        if (shape->key[i] == field) return true;
    return false;
}

void sql_sum(const struct shape *shape, void *to, const void *from)
{
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        char *target = (char *)to + field->offset;
        const char *source = (const char *)from + field->offset;
        if (is_key(shape, field)) continue;
        if (field->type == FIELD_INT) *(int64_t *)target += *(const int64_t *)source;
        if (field->type == FIELD_REAL) *(double *)target += *(const double *)source;
        if ((field->flags & FIELD_MAYBE) != 0 && shape_given(field, from)) shape_give(field, to);
    }
}
