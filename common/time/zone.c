#include "time/zone.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_DIRECTORY "/usr/share/zoneinfo"

enum {
    NAME_MAX_LENGTH = 64,
    FILE_MAX = 64 * KIB,
    HEADER_SIZE = 44,
    TYPE_SIZE = 6,
    CHANGES_MAX = 4096,
    TYPES_MAX = 256,
    OFFSET_LEAST = -25 * 3600, /* RFC 8536: offsets lie strictly between */
    OFFSET_MAX = 26 * 3600,
};

struct change {
    int64_t at;
    int32_t offset; /* from then on */
};

struct zone {
    int32_t first_offset; /* before the first change */
    bool has_rule;        /* after the last change */
    struct zone_rule rule;
    size_t n;
    struct change changes[];
};

/* The counts of one header, in the order of the file. */
struct counts {
    uint32_t utc_marks, standard_marks, leaps, changes, types, characters;
};

static uint32_t read_u32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t read_time(const char *at, size_t width)
{
    if (width == 4) return (int32_t)read_u32(at);
    return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4));
}

static text skip(text from, uint64_t n)
{
    assert(n <= from.len);
    return (text){from.at + n, from.len - (size_t)n};
}

static uint64_t block_size(const struct counts *c, size_t width)
{
    return c->changes * (uint64_t)(width + 1) + c->types * (uint64_t)TYPE_SIZE + c->characters +
           c->leaps * (uint64_t)(width + 4) + c->standard_marks + c->utc_marks;
}

/* Read a header and check that the block it announces is there and of a sane size. */
static int read_zone_header(text bytes, size_t width, struct counts *counts, struct err *err)
{
    if (bytes.len < HEADER_SIZE || memcmp(bytes.at, "TZif", 4) != 0)
        return err_set(err, "not a time zone file");
    const char *at = bytes.at + 20;
    *counts = (struct counts){read_u32(at),      read_u32(at + 4),  read_u32(at + 8),
                              read_u32(at + 12), read_u32(at + 16), read_u32(at + 20)};
    if (counts->changes > CHANGES_MAX || counts->types > TYPES_MAX)
        return err_set(err, "time zone file with %u changes and %u types", counts->changes,
                       counts->types);
    if (HEADER_SIZE + block_size(counts, width) > bytes.len)
        return err_set(err, "time zone file is cut short");
    return 0;
}

static int read_offset(const char *types, uint32_t n, unsigned type, int32_t *offset,
                       struct err *err)
{
    if (type >= n) return err_set(err, "time zone file names type %u of %u", type, n);
    *offset = (int32_t)read_u32(types + (size_t)type * TYPE_SIZE);
    if (*offset <= OFFSET_LEAST || *offset >= OFFSET_MAX)
        return err_set(err, "time zone file has an offset of %d s", *offset);
    return 0;
}

static int read_changes(text block, const struct counts *counts, size_t width, struct zone *zone,
                        struct err *err)
{
    const char *indexes = block.at + counts->changes * width;
    const char *types = indexes + counts->changes;
    if (read_offset(types, counts->types, 0, &zone->first_offset, err) < 0) return -1;
    for (uint32_t i = 0; i < counts->changes; i++) {
        struct change *change = &zone->changes[zone->n++];
        change->at = read_time(block.at + i * width, width);
        if (i > 0 && change->at <= change[-1].at)
            return err_set(err, "time zone file is not in order");
        if (read_offset(types, counts->types, (unsigned char)indexes[i], &change->offset, err) < 0)
            return -1;
    }
    return 0;
}

/* "\n<rule>\n"; an empty rule means that nobody knows, so the last offset stays. */
static int read_footer(text footer, struct zone *zone, struct err *err)
{
    if (footer.len < 2 || footer.at[0] != '\n')
        return err_set(err, "time zone file without a footer");
    const char *end = memchr(footer.at + 1, '\n', footer.len - 1);
    if (end == NULL) return err_set(err, "time zone file without a footer");
    text rule = {footer.at + 1, (size_t)(end - footer.at - 1)};
    zone->has_rule = rule.len > 0;
    return zone->has_rule ? zone_rule_read(rule, &zone->rule, err) : 0;
}

struct zone *zone_parse(text bytes, struct err *err)
{
    struct counts counts;
    size_t width = 4;
    if (read_zone_header(bytes, width, &counts, err) < 0) return NULL;
    bool modern = bytes.at[4] >= '2'; /* then the same again follows in 64 bits, and the footer */
    if (modern) {
        bytes = skip(bytes, HEADER_SIZE + block_size(&counts, width));
        width = 8;
        if (read_zone_header(bytes, width, &counts, err) < 0) return NULL;
    }
    if (counts.leaps > 0) {
        (void)err_set(err, "time zone file counts leap seconds");
        return NULL;
    }
    struct zone *zone = mem_alloc(sizeof(*zone) + counts.changes * sizeof(struct change));
    bytes = skip(bytes, HEADER_SIZE);
    if (read_changes(bytes, &counts, width, zone, err) < 0 ||
        (modern && read_footer(skip(bytes, block_size(&counts, width)), zone, err) < 0)) {
        zone_destroy(zone);
        return NULL;
    }
    return zone;
}

bool zone_name_is_safe(text name)
{
    if (name.len == 0 || name.len > NAME_MAX_LENGTH || name.at[0] == '/') return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '+' || c == '-' || c == '/';
        if (!fine) /* no dots: no way up */
            return false;
    }
    return true;
}

struct zone *zone_load(text name, struct err *err)
{
    if (!zone_name_is_safe(name)) {
        (void)err_set(err, "not the name of a time zone: \"%.*s\"", TEXT_ARG(name));
        return NULL;
    }
    char path[sizeof(ZONE_DIRECTORY) + NAME_MAX_LENGTH + 2];
    snprintf(path, sizeof(path), "%s/%.*s", ZONE_DIRECTORY, TEXT_ARG(name));
    struct buf bytes = {0};
    struct zone *zone = NULL;
    if (file_read(path, FILE_MAX, &bytes, NULL, NULL) < 0)
        (void)err_set(err, "no such time zone: \"%.*s\"", TEXT_ARG(name));
    else if ((zone = zone_parse(buf_text(&bytes), err)) == NULL)
        (void)err_prefix(err, "%.*s", TEXT_ARG(name));
    buf_finish(&bytes);
    return zone;
}

void zone_destroy(struct zone *zone)
{
    free(zone);
}

/* How many changes lie at or before the instant. */
static size_t count_past(const struct zone *zone, int64_t seconds)
{
    size_t low = 0, high = zone->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct zone_era zone_era(const struct zone *zone, int64_t seconds)
{
    size_t past = count_past(zone, seconds);
    struct zone_era era = {INT64_MIN, INT64_MAX, zone->first_offset};
    if (past == zone->n && zone->has_rule)
        era = zone_rule_era(&zone->rule, seconds);
    else if (past > 0)
        era.offset = zone->changes[past - 1].offset;
    if (past > 0 && era.from < zone->changes[past - 1].at) era.from = zone->changes[past - 1].at;
    if (past < zone->n) era.until = zone->changes[past].at;
    return era;
}
