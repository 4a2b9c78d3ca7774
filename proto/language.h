/*
 * language: reads .msg files (see README.md) into blocks. Bad input ends the program with
 * "file:line: what is wrong". Nothing is given back before the exit.
 */
#ifndef KEFU_LANGUAGE_H
#define KEFU_LANGUAGE_H

#include <stdbool.h>

enum { MAX_BLOCKS = 4096, MAX_FIELDS = 64, MAX_KEYS = 3, MAX_NAME = 47 };

/* What a field from outside may hold unless its line says otherwise: bytes of a text, items of a
   list, and whole numbers that every language has exactly. */
enum { TEXT_MAX = 200, WORDS_MAX = 20000, ITEMS_MAX = 100 };
#define INT_MAX_EXACT (1LL << 53)

/* The first word of a block. */
struct kind {
    const char *word, *symbol, *suffix; /* "row", "SHAPE_ROW", what follows its name in C: "_row" */
    bool message;                       /* has a version, and one dot in its name */
    bool asks;                          /* has an answer */
};

struct type {
    const char *word, *c; /* "id", "int64_t" */
    const char *maybe;    /* in C where it is optional; NULL: the same, its zero is no value */
    const char *symbol;   /* "FIELD_ID" */
    bool in_list, in_key;
};

struct member {
    const char *name, *doc;
    const struct type *type; /* NULL: a list of structs */
    const struct block *of;
    bool list, optional;
    bool words;         /* a text that people write */
    long long min, max; /* of an int or id; max: bytes of a text, too. 0: it has no such limit */
    long long items;    /* of a list, at most */
    int line;
};

struct block {
    const char *file;
    int line, version; /* 0 unless a message */
    const struct kind *kind;
    const char *name, *doc, *answer_name, *keys[MAX_KEYS];
    const struct block *answer;
    const char *roles; /* "ROLE_PUBLISHER"; NULL: none is named */
    int n_keys, n;
    char service[MAX_NAME + 1];
    char c_name[MAX_NAME * 2];     /* of the struct: ticket_opened, ticket_opened_2, ticket_row */
    char symbol[MAX_NAME * 3 + 9]; /* of the table: ticket_opened_shape, intake_ticket_row_shape */
    struct member members[MAX_FIELDS];
};

extern struct block *blocks[MAX_BLOCKS];
extern int n_blocks;

/* Append the blocks of a file. Their tables' names must be unique from block number `unique` on. */
void language_read(const char *file, int unique);
/* The block of that kind, name and version (0: the newest) at or after block number `from`, or
   NULL. */
const struct block *language_find(int from, const struct kind *kind, const char *name, int version);
const struct member *language_member(const struct block *block, const char *name);
/* The same field with the limits that it would have if its line named none; of words those of any
   text: published.txt does not tell them apart. */
struct member language_usual(const struct member *member);
void language_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

#endif
