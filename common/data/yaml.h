/*
 * yaml: policy files as a tree of nodes in an arena. The one door to libyaml. Every node knows its
 * file and line, so that whoever reads policy can say "clocks.yaml:12: limit: …". Refused:
 * duplicate keys, anchors, aliases, tags, more than one document, too large, too deep. Scalars are
 * text; nothing is guessed (`on`, `no` and 2026-01-01 are just words).
 *
 * A reader latches: the first fault is kept, later calls give zeroes, and one check at the end is
 * enough.
 *
 *     struct yaml_reader reader = {.err = err};
 *     const struct yaml *top = yaml_read(file->body, "quiet.yaml", arena, err);
 *     if (top == NULL) return NULL;
 *     yaml_only(&reader, top, (const char *[]){"max_attempts", "windows", NULL});
 *     quiet->attempts = yaml_int(&reader, top, "max_attempts", 1, 10);
 *     const struct yaml *windows = yaml_list(&reader, top, "windows");
 *     quiet->n = yaml_count(windows);
 *     quiet->at = ARENA_ARRAY(arena, struct window, quiet->n);
 *     size_t i = 0;
 *     YAML_EACH (window, windows) {
 *         quiet->at[i].from = yaml_text(&reader, window, "from");
 *         if (!valid(quiet->at[i++].from)) yaml_fail(&reader, yaml_get(window, "from"), "must be"
                                                                                         " HH:MM");
 *     }
 *     return reader.failed ? NULL : quiet;
 */
#ifndef KEFU_YAML_H
#define KEFU_YAML_H

#include "base/arena.h"
#include "base/err.h"

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
    enum yaml_kind kind;
    bool quoted;      /* a scalar in quotes */
    int line;         /* from 1 */
    const char *file; /* as given to yaml_read */
    text key;         /* of an entry of a map; NUL-terminated */
    text value;       /* of a scalar; NUL-terminated, "" of a null */
    size_t n;         /* items of a list, entries of a map */
    const struct yaml *first;
    const struct yaml *next; /* its neighbour in the list or map */
};

enum { YAML_BYTES = 512 * 1024, YAML_DEPTH = 16, YAML_NODES = 50000, YAML_KEYS = 2000 };

/* The tree lives in the arena and borrows nothing from `body`; `file` is copied. NULL on failure,
   err says file:line. */
MUST_CHECK const struct yaml *yaml_read(text body, const char *file, struct arena *arena,
                                        struct err *err);

/* for each item of a list or entry of a map; a NULL node has none. */
#define YAML_EACH(item, node)                                                                      \
    for (const struct yaml *item = (node) == NULL ? NULL : (node)->first; item != NULL;            \
         item = item->next)

size_t yaml_count(const struct yaml *node); /* 0 of NULL */
/* The value under the key; NULL if absent, or if `map` is NULL or no map. A value written as null
   counts as absent. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);

struct yaml_reader {
    struct err *err;
    bool failed;
};

/* Keep "file:line: key: message" unless a fault is kept already. `node` may be NULL (then no place
   is named). -1. */
int yaml_fail(struct yaml_reader *reader, const struct yaml *node, const char *format, ...)
    PRINTF(3, 4);
/* A fault unless the node is a map with no other keys than these (ends with NULL). */
void yaml_only(struct yaml_reader *reader, const struct yaml *map, const char *const *keys);

/* The value under a key that must be there. A fault gives a zero of the type. */
const struct yaml *yaml_map(struct yaml_reader *reader, const struct yaml *map, const char *key);
const struct yaml *yaml_list(struct yaml_reader *reader, const struct yaml *map, const char *key);
text yaml_text(struct yaml_reader *reader, const struct yaml *map, const char *key); /* not empty */
int64_t yaml_int(struct yaml_reader *reader, const struct yaml *map, const char *key, int64_t least,
                 int64_t most);
double yaml_real(struct yaml_reader *reader, const struct yaml *map, const char *key);
/* The index of the value in `names` (ends with NULL). */
int yaml_choice(struct yaml_reader *reader, const struct yaml *map, const char *key,
                const char *const *names);

/* The same where the key may be absent. */
text yaml_text_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                  const char *fallback);
int64_t yaml_int_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                    int64_t least, int64_t most, int64_t fallback);
bool yaml_bool_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                  bool fallback); /* true, false */
int yaml_choice_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                   const char *const *names, int fallback);
/* A list, or one scalar standing for a list of one, or absent: then no texts. Items must be
   scalars. */
struct yaml_texts {
    const text *at;
    size_t n;
};
struct yaml_texts yaml_texts(struct yaml_reader *reader, const struct yaml *map, const char *key,
                             struct arena *arena);
/* A scalar node's text, for items of lists. */
text yaml_value(struct yaml_reader *reader, const struct yaml *node);

/* A length of time as policy writes it: "30s", "15min", "24h", "7d", and on the business calendar
   "4wh", "3wd". */
enum span_unit {
    SPAN_NONE,
    SPAN_SECONDS,
    SPAN_MINUTES,
    SPAN_HOURS,
    SPAN_DAYS,
    SPAN_WORKING_HOURS,
    SPAN_WORKING_DAYS
};

struct span {
    int64_t n;
    enum span_unit unit;
};

/* False unless the text is a span of 1 to 100,000 of a unit. */
bool span_parse(text from, struct span *out);
const char *span_suffix(enum span_unit unit); /* "wd"; "" of SPAN_NONE */
/* The length of a span in natural units; 0 for working hours and days, which need a calendar. */
time_us span_natural(struct span span);
struct span yaml_span(struct yaml_reader *reader, const struct yaml *map, const char *key);

#endif
