#include "language.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MAX_LINE = 1000, MAX_FILE = 1024 * 1024 };

static const struct kind kinds[] = {
    {"struct", "SHAPE_STRUCT", "", false, false}, {"event", "SHAPE_EVENT", "", true, false},
    {"command", "SHAPE_COMMAND", "", true, true}, {"query", "SHAPE_QUERY", "", true, true},
    {"answer", "SHAPE_ANSWER", "", true, false},  {"row", "SHAPE_ROW", "_row", false, false},
};
static const struct kind *const struct_kind = &kinds[0], *const answer_kind = &kinds[4];

static const struct type types[] = {
    {"bool", "bool", "struct maybe_bool", "FIELD_BOOL", false, false},
    {"int", "int64_t", "struct maybe_int", "FIELD_INT", true, true},
    {"real", "double", "struct maybe_real", "FIELD_REAL", false, false},
    {"text", "text", NULL, "FIELD_TEXT", true, true},
    {"bytes", "text", NULL, "FIELD_BYTES", true, false},
    {"time", "time_us", NULL, "FIELD_TIME", true, true},
    {"id", "int64_t", NULL, "FIELD_ID", true, true},
};

struct block *blocks[MAX_BLOCKS];
int n_blocks;

void language_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

#define FAIL(...) language_fail(b->file, b->line, __VA_ARGS__)

static void *keep(const void *from, size_t size)
{
    void *to = malloc(size);
    if (to == NULL) abort();
    return memcpy(to, from, size);
}

static bool is_reserved(const char *word)
{
    static const char *const words[] = {
        "auto",   "break",    "case",   "char",     "const",  "continue", "default", "do",
        "double", "else",     "enum",   "extern",   "float",  "for",      "goto",    "if",
        "inline", "int",      "long",   "register", "return", "short",    "signed",  "sizeof",
        "static", "struct",   "switch", "typedef",  "union",  "unsigned", "void",    "volatile",
        "while",  "restrict", "bool",   "true",     "false",
    };
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i], word) == 0) return true;
    return false;
}

/* Lower case letters, digits and '_'; with `dotted`, two such words joined by a dot. */
static bool is_name(const char *word, bool dotted)
{
    int dots = 0;
    if (strlen(word) > MAX_NAME || !islower((unsigned char)word[0]) || is_reserved(word))
        return false;
    for (const char *p = word; *p != '\0'; p++) {
        if (*p == '.' && ++dots == 1 && islower((unsigned char)p[1])) continue;
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_') return false;
    }
    return dots == dotted;
}

static char *next_word(char **rest)
{
    char *word = strtok_r(NULL, " \t", rest);
    return word == NULL ? "" : word;
}

const struct block *language_find(int from, const struct kind *kind, const char *name, int version)
{
    const struct block *found = NULL;
    for (int i = from; i < n_blocks; i++) {
        const struct block *b = blocks[i];
        if (b->kind != kind || strcmp(b->name, name) != 0) continue;
        if (version == 0 ? found == NULL || b->version > found->version : b->version == version)
            found = b;
    }
    return found;
}

const struct member *language_member(const struct block *block, const char *name)
{
    for (int i = 0; i < block->n; i++)
        if (strcmp(block->members[i].name, name) == 0) return &block->members[i];
    return NULL;
}

/* proto/intake.msg and services/intake/rows.msg are both of intake. The symbols of rows carry the
   service's name, because two services may have a table of the same name; the header has a short
   name for them. */
static void set_names(struct block *b)
{
    const char *slash = strrchr(b->file, '/'), *start = slash == NULL ? b->file : slash + 1;
    const char *end = start + strcspn(start, ".");
    bool rows = slash != NULL && strcmp(start, "rows.msg") == 0;
    if (rows)
        for (start = end = slash; start > b->file && start[-1] != '/'; start--) continue;
    snprintf(b->service, sizeof(b->service), "%.*s", (int)(end - start), start);
    snprintf(b->c_name, sizeof(b->c_name), "%s%s", b->name, b->kind->suffix);
    if (b->version > 1) snprintf(b->c_name, sizeof(b->c_name), "%s_%d", b->name, b->version);
    if (b->kind->message) *strchr(b->c_name, '.') = '_';
    snprintf(b->symbol, sizeof(b->symbol), "%s%s%s_shape", rows ? b->service : "", rows ? "_" : "",
             b->c_name);
}

static const struct {
    const char *word, *symbol;
} roles[] = {
    {"publisher", "ROLE_PUBLISHER"},
    {"subscriber", "ROLE_SUBSCRIBER"},
    {"service", "ROLE_SERVICE"},
    {"anyone", "ROLE_ANY"},
};

/* for publisher: who may ask, besides operators and gateways. Returns the word behind it. */
static char *read_roles(struct block *b, char **rest)
{
    char *word = next_word(rest);
    for (size_t i = 0; i < COUNT(roles); i++)
        if (strcmp(roles[i].word, word) == 0) b->roles = roles[i].symbol;
    if (b->roles == NULL) FAIL("'%s' is not publisher, subscriber, service or anyone", word);
    return next_word(rest);
}

/* key one two for publisher -> the.answer */
static void read_tail(struct block *b, char **rest)
{
    char *word = next_word(rest);
    if (strcmp(word, "key") == 0) {
        for (word = next_word(rest);
             *word != '\0' && strcmp(word, "->") != 0 && strcmp(word, "for") != 0;
             word = next_word(rest)) {
            if (b->n_keys == MAX_KEYS) FAIL("%s has more than %d key fields", b->name, MAX_KEYS);
            b->keys[b->n_keys++] = word;
        }
        if (b->n_keys == 0) FAIL("no field after key");
    }
    if (b->kind->asks && strcmp(word, "for") == 0) word = read_roles(b, rest);
    if (b->kind->asks) {
        if (strcmp(word, "->") != 0) FAIL("%s %s names no answer (->)", b->kind->word, b->name);
        b->answer_name = next_word(rest);
        word = next_word(rest);
    }
    if (*word != '\0') FAIL("'%s' is not expected here", word);
}

/* event ticket.opened 1 … */
static void read_head(struct block *b, char *line)
{
    char *rest = NULL, *word = strtok_r(line, " \t", &rest);
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].word, word) == 0) b->kind = &kinds[i];
    if (b->kind == NULL) FAIL("'%s' is not struct, event, command, query, answer or row", word);
    b->name = next_word(&rest);
    if (!is_name(b->name, b->kind->message))
        FAIL("'%s' cannot name a block of kind %s", b->name, b->kind->word);
    if (b->kind->message) {
        word = next_word(&rest);
        b->version = strspn(word, "0123456789") == strlen(word) && strlen(word) < 4
                         ? (int)strtol(word, NULL, 10)
                         : 0;
        if (b->version == 0) FAIL("'%s' is not a version (1 to 999)", word);
    }
    read_tail(b, &rest);
    set_names(b);
}

static const struct type *find_type(const char *word, size_t len)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (strlen(types[i].word) == len && strncmp(types[i].word, word, len) == 0)
            return &types[i];
    return NULL;
}

/* "text", "time?", "[id]", "[contact_item]?": structs are looked for from block number `first`
   on. */
static void read_type(const struct block *b, int line, struct member *m, const char *written,
                      int first)
{
    char word[MAX_LINE];
    size_t len = strlen(written);
    m->optional = len > 1 && written[len - 1] == '?';
    len -= m->optional;
    m->list = len > 2 && written[0] == '[' && written[len - 1] == ']';
    snprintf(word, sizeof(word), "%.*s", (int)len - 2 * m->list, written + m->list);
    m->type = find_type(word, strlen(word));
    if (m->type == NULL) m->of = language_find(first, struct_kind, word, 0);
    if (m->type == NULL && (m->of == NULL || m->of == b))
        language_fail(b->file, line, "'%s' is neither a type nor a struct defined above", written);
    if (m->of != NULL && !m->list)
        language_fail(b->file, line, "a struct stands in a list only: [%s]", word);
    if (m->list && m->type != NULL && !m->type->in_list)
        language_fail(b->file, line, "there are no lists of %s", word);
}

static bool is_number(const struct member *m)
{
    return m->type != NULL &&
           (strcmp(m->type->word, "int") == 0 || strcmp(m->type->word, "id") == 0);
}

static bool is_text(const struct member *m)
{
    return m->type != NULL && strcmp(m->type->c, "text") == 0;
}

struct member language_usual(const struct member *member)
{
    struct member m = *member;
    bool id = m.type != NULL && strcmp(m.type->word, "id") == 0;
    m.min = !is_number(&m) ? 0 : id ? 1 : -INT_MAX_EXACT;
    m.max = is_number(&m) ? INT_MAX_EXACT : is_text(&m) ? TEXT_MAX : 0;
    m.items = m.list ? ITEMS_MAX : 0;
    return m;
}

/* One word of limits, such as "max=20000". False if the word is none. */
static bool read_limit(const struct block *b, int line, struct member *m, const char *word)
{
    const char *number = strchr(word, '=');
    size_t len = number == NULL ? 0 : (size_t)(number - word);
    char *end = NULL;
    long long *limit = len == 3 && strncmp(word, "min", 3) == 0     ? &m->min
                       : len == 3 && strncmp(word, "max", 3) == 0   ? &m->max
                       : len == 5 && strncmp(word, "items", 5) == 0 ? &m->items
                                                                    : NULL;
    if (limit == NULL) return false;
    bool fits = limit == &m->min   ? is_number(m)
                : limit == &m->max ? is_number(m) || is_text(m)
                                   : m->list;
    if (!fits) language_fail(b->file, line, "%s has no limit %s", m->name, word);
    *limit = strtoll(number + 1, &end, 10);
    if (*end != '\0' || end == number + 1)
        language_fail(b->file, line, "'%s' is no whole number", number + 1);
    return true;
}

/* "form=words": people write it (legible.h). False if the word is something else. */
static bool read_form(const struct block *b, int line, struct member *m, const char *word)
{
    if (strncmp(word, "form=", 5) != 0) return false;
    bool text = m->type != NULL && strcmp(m->type->word, "text") == 0;
    if (!text || strcmp(word, "form=words") != 0)
        language_fail(b->file, line, "%s cannot have %s", m->name, word);
    m->words = true;
    if (m->max == TEXT_MAX) m->max = WORDS_MAX;
    return true;
}

/* What stands behind the type: form and limits first, then what it means. Returns where that
   begins. */
static char *read_limits(const struct block *b, int line, struct member *m, char *rest)
{
    *m = language_usual(m);
    while (true) {
        rest += strspn(rest, " \t");
        char word[MAX_LINE], *end = rest + strcspn(rest, " \t");
        snprintf(word, sizeof(word), "%.*s", (int)(end - rest), rest);
        if (!read_form(b, line, m, word) && !read_limit(b, line, m, word)) break;
        rest = end;
    }
    if (m->min > m->max || (m->list && m->items < 1) || (is_text(m) && m->max < 1))
        language_fail(b->file, line, "nothing fits the limits of %s", m->name);
    return rest;
}

static void read_member(struct block *b, int line, char *text, int first)
{
    char *rest = NULL, *name = strtok_r(text, " \t", &rest), *type = next_word(&rest);
    if (!is_name(name, false)) language_fail(b->file, line, "'%s' cannot name a field", name);
    if (language_member(b, name) != NULL)
        language_fail(b->file, line, "field %s stands twice", name);
    if (b->n == MAX_FIELDS)
        language_fail(b->file, line, "%s has more than %d fields", b->name, MAX_FIELDS);
    if (*type == '\0') language_fail(b->file, line, "field %s has no type", name);
    struct member *m = &b->members[b->n];
    *m = (struct member){.name = name, .line = line};
    read_type(b, line, m, type, first);
    m->doc = read_limits(b, line, m, rest == NULL ? "" : rest);
    b->n++;
}

/* The first indented line is documentation if it starts like a sentence, or ends like one and is no
   field. */
static bool is_sentence(const char *line)
{
    const char *second = line + strcspn(line, " \t");
    second += strspn(second, " \t");
    if (isupper((unsigned char)line[0])) return true;
    return line[strlen(line) - 1] == '.' && second[0] != '[' &&
           find_type(second, strcspn(second, " \t?")) == NULL;
}

/* What can only be said of a whole file. */
static void check_file(int first)
{
    for (int i = first; i < n_blocks; i++) {
        struct block *b = blocks[i];
        for (int k = 0; k < b->n_keys; k++) {
            const struct member *m = language_member(b, b->keys[k]);
            if (m == NULL) FAIL("key field %s is not a field of %s", b->keys[k], b->name);
            if (m->list || (m->optional && b->kind->message) || !m->type->in_key)
                FAIL("key field %s must be a required int, id, time or text", m->name);
        }
        if (b->answer_name == NULL) continue;
        b->answer = language_find(first, answer_kind, b->answer_name, 0);
        if (b->answer == NULL) FAIL("there is no answer %s in this file", b->answer_name);
    }
}

static struct block *add_block(const char *file, int line, char *text, int unique)
{
    struct block *b = keep(&(struct block){.file = file, .line = line, .doc = ""}, sizeof(*b));
    read_head(b, text);
    for (int i = unique; i < n_blocks; i++)
        if (strcmp(blocks[i]->symbol, b->symbol) == 0)
            FAIL("%s is already at %s:%d", b->symbol, blocks[i]->file, blocks[i]->line);
    if (n_blocks == MAX_BLOCKS) FAIL("more than %d blocks", MAX_BLOCKS);
    return blocks[n_blocks++] = b;
}

/* A regular file of bounded size: without waiting for whoever may write to a FIFO. */
static FILE *open_input(const char *file)
{
    struct stat status;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (in == NULL || fstat(fd, &status) != 0) language_fail(file, 0, "cannot be opened");
    if (!S_ISREG(status.st_mode)) language_fail(file, 0, "is not a regular file");
    if (status.st_size > MAX_FILE) language_fail(file, 0, "is larger than %d KiB", MAX_FILE / 1024);
    return in;
}

void language_read(const char *file, int unique)
{
    char text[MAX_LINE];
    struct block *b = NULL;
    int first = n_blocks, line = 0;
    bool fresh = false;
    FILE *in = open_input(file);
    while (fgets(text, sizeof(text), in) != NULL) {
        size_t len = strlen(text), margin = strspn(text, " \t");
        line++;
        if (len == 0 || (text[len - 1] != '\n' && !feof(in)))
            language_fail(file, line, "a line of more than %zu bytes, or a zero byte",
                          sizeof(text) - 2);
        while (len > margin && isspace((unsigned char)text[len - 1])) text[--len] = '\0';
        if (len == margin || text[margin] == '#') continue;
        if (strstr(text, "/*") != NULL || strstr(text, "*/") != NULL)
            language_fail(file, line, "a comment mark of C");
        char *kept = (char *)keep(text, len + 1) + margin;
        if (margin > 0 && b == NULL)
            language_fail(file, line, "an indented line before the first block");
        if (margin == 0)
            b = add_block(file, line, kept, unique);
        else if (fresh && is_sentence(kept))
            b->doc = kept;
        else
            read_member(b, line, kept, first);
        fresh = margin == 0;
    }
    (void)fclose(in);
    check_file(first);
}
