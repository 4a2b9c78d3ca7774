/*
 * shape: the description of a struct as data. protogen writes one for every message and every table
 * row; the codec, JSON, SQL parameters and result reading all walk the same tables.
 *
 * Absent: an optional field that is absent holds the zero of its type (0, {NULL, 0}, no items, or
 * of numbers and truths one that is not given), and such a field is not written. Required fields
 * are always written and must be there when read.
 */
#ifndef KEFU_SHAPE_H
#define KEFU_SHAPE_H

#include "base/base.h"

enum field_type {
    FIELD_BOOL,  /* bool */
    FIELD_INT,   /* int64_t */
    FIELD_REAL,  /* double */
    FIELD_TEXT,  /* text, UTF-8 */
    FIELD_BYTES, /* text, any bytes */
    FIELD_TIME,  /* time_us; on the wire an integer of microseconds, in JSON ISO 8601 in UTC */
    FIELD_ID,    /* int64_t > 0, a number drawn by plan_new_id() */
    FIELD_STRUCT /* a nested struct (lists only) */
};

enum {
    FIELD_OPTIONAL = 1,
    FIELD_LIST = 2,
    FIELD_WORDS = 4,  /* of legible.h: words, not a line */
    FIELD_FILLED = 8, /* a text that may not be empty: part of a message's key */
    FIELD_MAYBE = 16  /* optional, and a maybe_int, maybe_real or maybe_bool */
};

/* Optional numbers and truths: zero and false are values like any other. Optional texts, times, ids
   and lists need none: empty, 0 and no items are no values of theirs. */
struct maybe_int {
    int64_t is; /* 0 unless given */
    bool given;
};
struct maybe_real {
    double is;
    bool given;
};
struct maybe_bool {
    bool is;
    bool given;
};
static inline struct maybe_int given_int(int64_t is)
{
    return (struct maybe_int){is, true};
}
static inline struct maybe_real given_real(double is)
{
    return (struct maybe_real){is, true};
}
static inline struct maybe_bool given_bool(bool is)
{
    return (struct maybe_bool){is, true};
}

/* A list field is this in the struct: the items lie side by side (structs, texts or int64_t). */
struct list {
    const void *at;
    size_t n;
};

/* items of a list: LIST(m->items, struct contact_item)[i] */
#define LIST(list, type) ((const type *)(list).at)

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    size_t offset;
    const struct shape *of; /* of FIELD_STRUCT */
    const char *doc;
    int64_t min, max; /* of an int or id, max also bytes of a text; 0: no limit (limits.h) */
    size_t items;     /* of a list, at most; 0: no limit */
};

enum shape_kind {
    SHAPE_STRUCT,
    SHAPE_EVENT,
    SHAPE_COMMAND,
    SHAPE_QUERY,
    SHAPE_ANSWER,
    SHAPE_ROW,
    SHAPE_HEADER /* of the envelope (pack.h) */
};

enum { SHAPE_KEYS = 3 };

/* Roles that may send a command or query. Operators and gateways may send all; others only those
   whose block in the .msg file names them. */
enum {
    ROLE_SERVICE = 1,
    ROLE_PUBLISHER = 2,
    ROLE_SUBSCRIBER = 4,
    ROLE_GATEWAY = 8,
    ROLE_OPERATOR = 16,
    ROLE_ANY = 31
};

/* Rights of a publisher's key beyond its own contacts and tickets; keys of other roles have all. */
enum {
    RIGHT_TICKETS = 1,   /* add to the tickets of others */
    RIGHT_CUSTOMERS = 2, /* change what is on file of a customer */
    RIGHT_RECORDERS = 4, /* say which person took a contact */
    RIGHTS_ALL = 7
};

struct shape {
    const char *name; /* "ticket.opened"; of a row: the table's name */
    enum shape_kind kind;
    int version;
    const char *service; /* whose .msg file it stands in */
    size_t size;
    const struct field *fields;
    size_t n;
    const char *doc;
    const struct field *key[SHAPE_KEYS]; /* what makes the key of a message (its partition), or the
                                            primary key of a row */
    const struct shape *answer;          /* of a command or query: what comes back */
    unsigned roles; /* of a command or query: who may ask it besides operators and gateways */
};

/* NULL if there is none of that name. */
const struct field *shape_field(const struct shape *shape, text name);
/* The key of a message: its key fields' values joined by '/'. Absent text if the shape names no
   key. */
struct arena;
text shape_key(const struct shape *shape, const void *body, struct arena *arena);
/* Of a field with FIELD_MAYBE. */
bool shape_given(const struct field *field, const void *body);
void shape_give(const struct field *field, void *body);
/* Bytes of the field in the struct. */
size_t shape_field_size(const struct field *field);
/* Field access by description. */
int64_t shape_int(const struct field *field, const void *body);
text shape_text(const struct field *field, const void *body);

/* Every shape that protogen knows (build/gen/all.msg.c), for look-ups by name. */
extern const struct shape *const shape_all[];
extern const size_t shape_all_n;
const struct shape *shape_find(text name, int version);

#endif
