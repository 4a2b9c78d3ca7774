/*
 * protogen: turns .msg files (see README.md) into structs and field tables, and guards what was
 * published.
 *
 *   protogen IN.msg OUTBASE                write OUTBASE.h and OUTBASE.c
 *   protogen --all OUT.c IN.msg...         write shape_all[], the tables of all of them
 *   protogen --check PUBLISHED IN.msg...   fail if a published message changed or is not recorded
 *   protogen --publish PUBLISHED IN.msg... record everything, unless a published message changed
 */
#include "published.h"

#include "language.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static FILE *open_output(const char *base, const char *end)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s%s", base, end);
    FILE *out = fopen(path, "w");
    if (out == NULL) language_fail(path, 0, "cannot be written");
    return out;
}

static void close_output(FILE *out, const char *base)
{
    bool bad = ferror(out) != 0;
    if (fclose(out) != 0 || bad) language_fail(base, 0, "cannot be written");
}

static void write_string(FILE *out, const char *string)
{
    fputc('"', out);
    for (; *string != '\0'; string++) {
        if (*string == '"' || *string == '\\') fputc('\\', out);
        fputc(*string, out);
    }
    fputc('"', out);
}

static const char *colon(const char *doc)
{
    return *doc == '\0' ? "" : ": ";
}

/* Optional, and its zero is a value like any other. */
static bool is_maybe(const struct member *m)
{
    return m->optional && !m->list && m->type->maybe != NULL;
}

static void write_struct(FILE *out, const struct block *b)
{
    fprintf(out, "\n/* %s %s%s%s */\nstruct %s {\n", b->kind->word, b->name, colon(b->doc), b->doc,
            b->c_name);
    for (int i = 0; i < b->n; i++) {
        const struct member *m = &b->members[i];
        const char *c = m->list ? "struct list" : is_maybe(m) ? m->type->maybe : m->type->c;
        fprintf(out, "    %s %s;", c, m->name);
        if (m->of != NULL)
            fprintf(out, " /* of struct %s%s%s */", m->of->c_name, colon(m->doc), m->doc);
        else if (m->list)
            fprintf(out, " /* of %s%s%s */", m->type->c, colon(m->doc), m->doc);
        else if (*m->doc != '\0')
            fprintf(out, " /* %s */", m->doc);
        fputc('\n', out);
    }
    if (b->n == 0) fprintf(out, "    char nothing; /* C wants a member */\n");
    fprintf(out, "};\nextern const struct shape %s;\n", b->symbol);
    if (strncmp(b->symbol, b->c_name, strlen(b->c_name)) != 0)
        fprintf(out, "#define %s_shape %s\n", b->c_name, b->symbol);
}

static void write_header(const char *in, const char *base)
{
    FILE *out = open_output(base, ".h");
    char guard[100];
    snprintf(guard, sizeof(guard), "KEFU_GEN_%s_H", base_name(base));
    for (char *p = guard; *p != '\0'; p++)
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    fprintf(out, "/* Made from %s by protogen: do not edit. */\n", in);
    fprintf(out, "#ifndef %s\n#define %s\n\n#include \"data/shape.h\"\n", guard, guard);
    for (int i = 0; i < n_blocks; i++) write_struct(out, blocks[i]);
    fprintf(out, "\n#endif\n");
    close_output(out, base);
}

/* A text that is part of a message's key (it is required, and no list). */
static bool names_message(const struct block *b, const struct member *m)
{
    for (int k = 0; k < b->n_keys; k++)
        if (b->kind->message && m->type != NULL && strcmp(m->type->word, "text") == 0 &&
            strcmp(b->keys[k], m->name) == 0)
            return true;
    return false;
}

static void write_members(FILE *out, const struct block *b)
{
    if (b->n == 0) return;
    fprintf(out, "\nstatic const struct field %s_fields[] = {\n", b->c_name);
    for (int i = 0; i < b->n; i++) {
        const struct member *m = &b->members[i];
        static const char *const flags[] = {"0", "FIELD_OPTIONAL", "FIELD_LIST",
                                            "FIELD_OPTIONAL | FIELD_LIST"};
        const char *words = m->words ? " | FIELD_WORDS" : "";
        const char *filled = names_message(b, m) ? " | FIELD_FILLED" : "";
        const char *maybe = is_maybe(m) ? " | FIELD_MAYBE" : "";
        fprintf(out, "    {\"%s\", %s, %s%s%s%s, ", m->name,
                m->type == NULL ? "FIELD_STRUCT" : m->type->symbol,
                flags[m->optional + 2 * m->list], words, filled, maybe);
        fprintf(out, "offsetof(struct %s, %s), ", b->c_name, m->name);
        fprintf(out, m->of != NULL ? "&%s, " : "NULL, ", m->of != NULL ? m->of->symbol : "");
        write_string(out, m->doc);
        fprintf(out, ", %lldLL, %lldLL, %lld},\n", m->min, m->max, m->items);
    }
    fprintf(out, "};\n");
}

static void write_shape(FILE *out, const struct block *b)
{
    write_members(out, b);
    fprintf(out, "\nconst struct shape %s = {\n    .name = \"%s\",\n", b->symbol, b->name);
    fprintf(out, "    .kind = %s, .version = %d, .service = \"%s\",\n", b->kind->symbol, b->version,
            b->service);
    fprintf(out, "    .size = sizeof(struct %s), .n = %d,\n", b->c_name, b->n);
    if (b->n > 0) fprintf(out, "    .fields = %s_fields,\n", b->c_name);
    fprintf(out, "    .doc = ");
    write_string(out, b->doc);
    fprintf(out, ",\n");
    if (b->n_keys > 0) fprintf(out, "    .key = {");
    for (int k = 0; k < b->n_keys; k++)
        fprintf(out, "&%s_fields[%td]%s", b->c_name, language_member(b, b->keys[k]) - b->members,
                k + 1 < b->n_keys ? ", " : "},\n");
    if (b->answer != NULL) fprintf(out, "    .answer = &%s,\n", b->answer->symbol);
    if (b->roles != NULL) fprintf(out, "    .roles = %s,\n", b->roles);
    fprintf(out, "};\n");
}

static void write_source(const char *in, const char *base)
{
    FILE *out = open_output(base, ".c");
    fprintf(out, "/* Made from %s by protogen: do not edit. */\n#include \"%s.h\"\n", in,
            base_name(base));
    for (int i = 0; i < n_blocks; i++) write_shape(out, blocks[i]);
    close_output(out, base);
}

static void write_all(const char *path)
{
    FILE *out = open_output(path, "");
    fprintf(out, "/* Made by protogen: do not edit. */\n#include \"data/shape.h\"\n\n");
    for (int i = 0; i < n_blocks; i++)
        fprintf(out, "extern const struct shape %s;\n", blocks[i]->symbol);
    fprintf(out, "\nconst struct shape *const shape_all[] = {\n");
    for (int i = 0; i < n_blocks; i++) fprintf(out, "    &%s,\n", blocks[i]->symbol);
    fprintf(out, "    NULL,\n};\nconst size_t shape_all_n = %d;\n", n_blocks);
    close_output(out, path);
}

static int usage(void)
{
    fprintf(stderr, "usage: protogen IN.msg OUTBASE\n"
                    "       protogen --all OUT.c IN.msg...\n"
                    "       protogen --check|--publish PUBLISHED IN.msg...\n");
    return 2;
}

int main(int n, char **args)
{
    const char *mode = n >= 4 ? args[1] : "";
    if (n == 3) {
        language_read(args[1], 0);
        write_header(args[1], args[2]);
        write_source(args[1], args[2]);
    } else if (strcmp(mode, "--all") == 0) {
        for (int i = 3; i < n; i++) language_read(args[i], 0);
        write_all(args[2]);
    } else if (strcmp(mode, "--check") == 0 || strcmp(mode, "--publish") == 0) {
        language_read(args[2], 0);
        int first = n_blocks;
        for (int i = 3; i < n; i++) language_read(args[i], first);
        published_check(first, mode[2] == 'c');
        if (mode[2] == 'p') published_write(args[2], first);
    } else {
        return usage();
    }
    return 0;
}
