#include "data/yaml.h"

/* libyaml's header has the name of ours, which comes first on the include path; this detour reaches
   the system's. */
#include <../include/yaml.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree {
    yaml_parser_t parser;
    struct arena *arena;
    struct err *err;
    const char *file;
    size_t nodes;
};

static int fail_at(struct tree *tree, size_t line, const char *what)
{
    return err_set(tree->err, "%s:%zu: %s", tree->file, line + 1, what);
}

/* The next event; the caller deletes it. */
static int next_event(struct tree *tree, yaml_event_t *event)
{
    if (yaml_parser_parse(&tree->parser, event)) return 0;
    const char *problem = tree->parser.problem;
    return fail_at(tree, tree->parser.problem_mark.line,
                   problem == NULL ? "is not readable YAML" : problem);
}

static bool is_null(const yaml_event_t *event)
{
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    const char *value = (const char *)event->data.scalar.value;
    return value[0] == '\0' || strcmp(value, "~") == 0 || strcmp(value, "null") == 0;
}

static int fill_scalar(struct tree *tree, const yaml_event_t *event, struct yaml *node)
{
    text value = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (value.len > 0 && memchr(value.at, '\0', value.len) != NULL)
        return fail_at(tree, event->start_mark.line, "a NUL character is not allowed");
    node->kind = is_null(event) ? YAML_NULL : YAML_SCALAR;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->value = arena_text(tree->arena, node->kind == YAML_NULL ? TEXT("") : value);
    return 0;
}

/* Anchors, aliases and tags make one text mean several things: refused, whatever the event. */
static int check_plain(struct tree *tree, const yaml_event_t *event)
{
    bool anchor = event->type == YAML_ALIAS_EVENT, tag = false;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor != NULL;
        tag = event->data.scalar.tag != NULL;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor != NULL;
        tag = event->data.sequence_start.tag != NULL;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor != NULL;
        tag = event->data.mapping_start.tag != NULL;
    }
    if (anchor)
        return fail_at(tree, event->start_mark.line,
                       "anchors and aliases are not allowed: write it out");
    if (tag) return fail_at(tree, event->start_mark.line, "tags (!…) are not allowed");
    return 0;
}

static struct yaml *build_node(struct tree *tree, const yaml_event_t *event, int depth);

/* Append to the parent's children; `last` points at the link to fill. */
static const struct yaml **link_child(struct yaml *parent, const struct yaml **last,
                                      struct yaml *child)
{
    *last = child;
    parent->n++;
    return &child->next;
}

static int fill_list(struct tree *tree, struct yaml *list, int depth)
{
    const struct yaml **last = &list->first;
    for (;;) {
        yaml_event_t event;
        if (next_event(tree, &event) < 0) return -1;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        struct yaml *item = end ? NULL : build_node(tree, &event, depth + 1);
        yaml_event_delete(&event);
        if (end) return 0;
        if (item == NULL) return -1;
        last = link_child(list, last, item);
    }
}

static int check_entry_key(struct tree *tree, const struct yaml *map, const struct yaml *key)
{
    size_t line = (size_t)key->line - 1;
    if (key->kind != YAML_SCALAR) return fail_at(tree, line, "a key must be a word");
    if (map->n >= YAML_KEYS) return fail_at(tree, line, "too many keys in one map");
    YAML_EACH(entry, map)
    {
        if (text_equal(entry->key, key->value))
            return err_set(tree->err, "%s:%d: %.100s: stands twice (first on line %d)", tree->file,
                           key->line, key->value.at, entry->line);
    }
    return 0;
}

static struct yaml *build_value(struct tree *tree, int depth)
{
    yaml_event_t event;
    if (next_event(tree, &event) < 0) return NULL;
    struct yaml *value = build_node(tree, &event, depth);
    yaml_event_delete(&event);
    return value;
}

static int fill_map(struct tree *tree, struct yaml *map, int depth)
{
    const struct yaml **last = &map->first;
    for (;;) {
        yaml_event_t event;
        if (next_event(tree, &event) < 0) return -1;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        struct yaml *key = end ? NULL : build_node(tree, &event, depth + 1);
        yaml_event_delete(&event);
        if (end) return 0;
        if (key == NULL || check_entry_key(tree, map, key) < 0) return -1;
        struct yaml *value = build_value(tree, depth + 1);
        if (value == NULL) return -1;
        value->key = key->value;
        value->line = value->kind == YAML_MAP || value->kind == YAML_LIST ? key->line : value->line;
        last = link_child(map, last, value);
    }
}

static int fill_node(struct tree *tree, const yaml_event_t *event, struct yaml *node, int depth)
{
    if (check_plain(tree, event) < 0) return -1;
    if (event->type == YAML_SCALAR_EVENT) return fill_scalar(tree, event, node);
    if (depth >= YAML_DEPTH) return fail_at(tree, event->start_mark.line, "nested too deeply");
    node->kind = event->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST;
    return node->kind == YAML_MAP ? fill_map(tree, node, depth) : fill_list(tree, node, depth);
}

static struct yaml *build_node(struct tree *tree, const yaml_event_t *event, int depth)
{
    if (++tree->nodes > YAML_NODES) {
        fail_at(tree, event->start_mark.line, "too many values in one file");
        return NULL;
    }
    struct yaml *node = ARENA_NEW(tree->arena, struct yaml);
    node->line = (int)event->start_mark.line + 1;
    node->file = tree->file;
    return fill_node(tree, event, node, depth) < 0 ? NULL : node;
}

/* The stream and document events that frame the one node. */
static int expect_event(struct tree *tree, yaml_event_type_t type, const char *otherwise)
{
    yaml_event_t event;
    if (next_event(tree, &event) < 0) return -1;
    bool right = event.type == type;
    size_t line = event.start_mark.line;
    yaml_event_delete(&event);
    return right ? 0 : fail_at(tree, line, otherwise);
}

static struct yaml *build_tree(struct tree *tree)
{
    if (expect_event(tree, YAML_STREAM_START_EVENT, "is not readable YAML") < 0) return NULL;
    if (expect_event(tree, YAML_DOCUMENT_START_EVENT, "the file is empty") < 0) return NULL;
    struct yaml *top = build_value(tree, 0);
    if (top == NULL) return NULL;
    if (expect_event(tree, YAML_DOCUMENT_END_EVENT, "is not readable YAML") < 0) return NULL;
    if (expect_event(tree, YAML_STREAM_END_EVENT, "more than one document in the file") < 0)
        return NULL;
    return top;
}

const struct yaml *yaml_read(text body, const char *file, struct arena *arena, struct err *err)
{
    struct tree tree = {.arena = arena, .err = err, .file = arena_text(arena, text_of(file)).at};
    if (body.len > YAML_BYTES) {
        err_set(err, "%s:1: larger than %d KiB", file, YAML_BYTES / 1024);
        return NULL;
    }
    if (!text_is_utf8(body)) {
        err_set(err, "%s:1: is not UTF-8", file);
        return NULL;
    }
    if (!yaml_parser_initialize(&tree.parser)) fatal(NULL, "out of memory: YAML parser");
    yaml_parser_set_encoding(&tree.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&tree.parser, (const unsigned char *)(body.len > 0 ? body.at : ""),
                                 body.len);
    struct yaml *top = build_tree(&tree);
    yaml_parser_delete(&tree.parser);
    return top;
}

size_t yaml_count(const struct yaml *node)
{
    return node == NULL ? 0 : node->n;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP) return NULL;
    YAML_EACH(entry, map)
    {
        if (text_is(entry->key, key)) return entry->kind == YAML_NULL ? NULL : entry;
    }
    return NULL;
}

int yaml_fail(struct yaml_reader *reader, const struct yaml *node, const char *format, ...)
{
    if (reader->failed) return -1;
    reader->failed = true;
    char what[300];
    va_list args;
    va_start(args, format);
    text_vformat(what, sizeof(what), format, args);
    va_end(args);
    if (node == NULL) return err_set(reader->err, "%s", what);
    if (node->key.len == 0) return err_set(reader->err, "%s:%d: %s", node->file, node->line, what);
    return err_set(reader->err, "%s:%d: %.60s: %s", node->file, node->line, node->key.at, what);
}

void yaml_only(struct yaml_reader *reader, const struct yaml *map, const char *const *keys)
{
    if (map == NULL) return;
    if (map->kind != YAML_MAP) {
        yaml_fail(reader, map, "must be a map of names and values");
        return;
    }
    YAML_EACH(entry, map)
    {
        size_t i = 0;
        while (keys[i] != NULL && !text_is(entry->key, keys[i])) i++;
        if (keys[i] == NULL) yaml_fail(reader, entry, "is not a known key here");
    }
}

/* The value under the key, which must be there and of that kind. */
static const struct yaml *need(struct yaml_reader *reader, const struct yaml *map, const char *key,
                               enum yaml_kind kind)
{
    static const char *const kinds[] = {"nothing", "one value", "a list",
                                        "a map of names and values"};
    if (reader->failed || map == NULL) return NULL;
    const struct yaml *node = yaml_get(map, key);
    if (node == NULL) {
        yaml_fail(reader, map, "%s is missing", key);
        return NULL;
    }
    if (node->kind == kind) return node;
    yaml_fail(reader, node, "must be %s", kinds[kind]);
    return NULL;
}

const struct yaml *yaml_map(struct yaml_reader *reader, const struct yaml *map, const char *key)
{
    return need(reader, map, key, YAML_MAP);
}

const struct yaml *yaml_list(struct yaml_reader *reader, const struct yaml *map, const char *key)
{
    return need(reader, map, key, YAML_LIST);
}

text yaml_text(struct yaml_reader *reader, const struct yaml *map, const char *key)
{
    const struct yaml *node = need(reader, map, key, YAML_SCALAR);
    if (node == NULL) return (text){0};
    if (node->value.len == 0) yaml_fail(reader, node, "must not be empty");
    return node->value;
}

int64_t yaml_int(struct yaml_reader *reader, const struct yaml *map, const char *key, int64_t least,
                 int64_t most)
{
    const struct yaml *node = need(reader, map, key, YAML_SCALAR);
    int64_t value = 0;
    if (node == NULL) return 0;
    if (text_to_int(node->value, &value) && value >= least && value <= most) return value;
    yaml_fail(reader, node, "must be a whole number from %lld to %lld", (long long)least,
              (long long)most);
    return 0;
}

double yaml_real(struct yaml_reader *reader, const struct yaml *map, const char *key)
{
    const struct yaml *node = need(reader, map, key, YAML_SCALAR);
    if (node == NULL) return 0;
    char *end = NULL;
    double value = strtod(node->value.at, &end);
    bool plain = strspn(node->value.at, "+-.0123456789") == node->value.len;
    if (plain && node->value.len > 0 && *end == '\0') return value;
    yaml_fail(reader, node, "must be a number");
    return 0;
}

int yaml_choice(struct yaml_reader *reader, const struct yaml *map, const char *key,
                const char *const *names)
{
    const struct yaml *node = need(reader, map, key, YAML_SCALAR);
    if (node == NULL) return 0;
    char all[200] = "";
    size_t used = 0;
    for (int i = 0; names[i] != NULL; i++) {
        if (text_is(node->value, names[i])) return i;
        if (used < sizeof(all))
            used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i == 0 ? "" : ", ",
                                     names[i]);
    }
    yaml_fail(reader, node, "%.60s is none of: %s", node->value.at, all);
    return 0;
}

text yaml_text_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                  const char *fallback)
{
    return yaml_get(map, key) == NULL ? text_of(fallback) : yaml_text(reader, map, key);
}

int64_t yaml_int_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                    int64_t least, int64_t most, int64_t fallback)
{
    return yaml_get(map, key) == NULL ? fallback : yaml_int(reader, map, key, least, most);
}

int yaml_choice_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                   const char *const *names, int fallback)
{
    return yaml_get(map, key) == NULL ? fallback : yaml_choice(reader, map, key, names);
}

bool yaml_bool_or(struct yaml_reader *reader, const struct yaml *map, const char *key,
                  bool fallback)
{
    static const char *const words[] = {"false", "true", NULL};
    return yaml_choice_or(reader, map, key, words, fallback) == 1;
}

text yaml_value(struct yaml_reader *reader, const struct yaml *node)
{
    if (node == NULL) return (text){0};
    if (node->kind != YAML_SCALAR || node->value.len == 0)
        yaml_fail(reader, node, "must be one value");
    return node->value;
}

struct yaml_texts yaml_texts(struct yaml_reader *reader, const struct yaml *map, const char *key,
                             struct arena *arena)
{
    const struct yaml *node = yaml_get(map, key);
    if (node == NULL) return (struct yaml_texts){0};
    bool list = node->kind == YAML_LIST;
    size_t n = list ? node->n : 1, i = 0;
    text *texts = ARENA_ARRAY(arena, text, n);
    if (!list) texts[0] = yaml_value(reader, node);
    if (list) {
        YAML_EACH(item, node) texts[i++] = yaml_value(reader, item);
    }
    return (struct yaml_texts){texts, n};
}

static const char *const suffixes[] = {"", "s", "min", "h", "d", "wh", "wd"};

bool span_parse(text from, struct span *out)
{
    size_t digits = 0;
    int64_t n = 0;
    while (digits < from.len && from.at[digits] >= '0' && from.at[digits] <= '9') digits++;
    if (!text_to_int((text){from.at, digits}, &n) || n < 1 || n > 100000) return false;
    for (size_t unit = SPAN_SECONDS; unit < COUNT(suffixes); unit++) {
        if (!text_is((text){from.at + digits, from.len - digits}, suffixes[unit])) continue;
        *out = (struct span){n, (enum span_unit)unit};
        return true;
    }
    return false;
}

const char *span_suffix(enum span_unit unit)
{
    return suffixes[unit];
}

time_us span_natural(struct span span)
{
    static const time_us lengths[] = {0, SECOND_US, MINUTE_US, HOUR_US, DAY_US, 0, 0};
    return span.n * lengths[span.unit];
}

struct span yaml_span(struct yaml_reader *reader, const struct yaml *map, const char *key)
{
    struct span span = {0};
    const struct yaml *node = need(reader, map, key, YAML_SCALAR);
    if (node == NULL || span_parse(node->value, &span)) return span;
    yaml_fail(reader, node, "must be a length of time such as 15min, 24h, 7d, 4wh or 3wd");
    return span;
}
