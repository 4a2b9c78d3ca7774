#include "data/pack_scan.h"

#include <inttypes.h>
#include <string.h>

/* The deepest that any limit may ask for, and the most keys of one map: both bound the memory on
   the stack. */
enum { SCAN_DEPTH = 16, SCAN_KEYS = 64 };

const struct pack_limits pack_limits_outside = {.bytes = 262144, .depth = 8, .items = 10000};
const struct pack_limits pack_limits_inside = {.bytes = 8388608, .depth = 8, .items = 200000};

enum item_kind {
    ITEM_BAD,
    ITEM_EXTENSION,
    ITEM_PLAIN,
    ITEM_BYTES,
    ITEM_TEXT,
    ITEM_ARRAY,
    ITEM_MAP
};

/* A value without its children: `n` bytes of payload, or `n` elements or pairs. */
struct item {
    enum item_kind kind;
    size_t n;
    const char *at;
};

struct level {
    size_t left; /* values still to come: two for each pair of a map */
    bool map;
    size_t n_keys; /* read so far */
    text keys[SCAN_KEYS];
};

struct scan {
    text bytes;
    size_t at;
    const struct pack_limits *limits;
    size_t items;
    int depth;
    struct level levels[SCAN_DEPTH];
};

/* By the first byte, from 0xc0 to 0xdf: what it is, and how many bytes of payload or length
   follow. */
static const struct {
    enum item_kind kind;
    uint8_t width;
} leads[32] = {
    {ITEM_PLAIN, 0},     {ITEM_BAD, 0},       {ITEM_PLAIN, 0},     {ITEM_PLAIN, 0},
    {ITEM_BYTES, 1},     {ITEM_BYTES, 2},     {ITEM_BYTES, 4},     {ITEM_EXTENSION, 0},
    {ITEM_EXTENSION, 0}, {ITEM_EXTENSION, 0}, {ITEM_PLAIN, 4},     {ITEM_PLAIN, 8},
    {ITEM_PLAIN, 1},     {ITEM_PLAIN, 2},     {ITEM_PLAIN, 4},     {ITEM_PLAIN, 8},
    {ITEM_PLAIN, 1},     {ITEM_PLAIN, 2},     {ITEM_PLAIN, 4},     {ITEM_PLAIN, 8},
    {ITEM_EXTENSION, 0}, {ITEM_EXTENSION, 0}, {ITEM_EXTENSION, 0}, {ITEM_EXTENSION, 0},
    {ITEM_EXTENSION, 0}, {ITEM_TEXT, 1},      {ITEM_TEXT, 2},      {ITEM_TEXT, 4},
    {ITEM_ARRAY, 2},     {ITEM_ARRAY, 4},     {ITEM_MAP, 2},       {ITEM_MAP, 4},
};

static int fail_cut(const struct scan *scan, struct err *err)
{
    return err_set(err, "the message is cut off after %zu bytes", scan->bytes.len);
}

/* Kind and size from the first byte and the length behind it. */
static int read_lead(struct scan *scan, struct item *item, struct err *err)
{
    if (scan->at == scan->bytes.len) return fail_cut(scan, err);
    uint8_t lead = (uint8_t)scan->bytes.at[scan->at++];
    *item = (struct item){.kind = ITEM_PLAIN};
    if (lead < 0x80 || lead >= 0xe0) return 0;
    if (lead < 0xc0) {
        item->kind = lead < 0x90 ? ITEM_MAP : lead < 0xa0 ? ITEM_ARRAY : ITEM_TEXT;
        item->n = lead < 0xa0 ? lead & 0x0f : lead & 0x1f;
        return 0;
    }
    item->kind = leads[lead - 0xc0].kind;
    size_t width = leads[lead - 0xc0].width;
    if (item->kind == ITEM_PLAIN) {
        item->n = width;
        return 0;
    }
    if (width > scan->bytes.len - scan->at) return fail_cut(scan, err);
    for (; width > 0; width--) item->n = item->n << 8 | (uint8_t)scan->bytes.at[scan->at++];
    return 0;
}

static int read_payload(struct scan *scan, struct item *item, struct err *err)
{
    if (item->n > scan->bytes.len - scan->at) return fail_cut(scan, err);
    item->at = scan->bytes.at + scan->at;
    scan->at += item->n;
    if (item->kind == ITEM_TEXT && !text_is_utf8((text){item->at, item->n}))
        return err_set(err, "the text at byte %zu is not UTF-8", scan->at - item->n);
    return 0;
}

static int open_level(struct scan *scan, const struct item *item, struct err *err)
{
    size_t values = item->kind == ITEM_MAP ? item->n * 2 : item->n,
           left = scan->bytes.len - scan->at;
    const char *kind = item->kind == ITEM_MAP ? "a map" : "an array";
    if (scan->depth == scan->limits->depth)
        return err_set(err, "the message is nested deeper than %d levels", scan->limits->depth);
    if (values > left)
        return err_set(err, "%s claims %zu elements, %zu bytes are left", kind, item->n, left);
    if (item->kind == ITEM_MAP && item->n > SCAN_KEYS)
        return err_set(err, "a map has %zu keys, at most %d are allowed", item->n, SCAN_KEYS);
    scan->items += item->n;
    if (scan->items > scan->limits->items)
        return err_set(err, "the message has more than %zu elements", scan->limits->items);
    struct level *level = &scan->levels[scan->depth++];
    level->left = values;
    level->map = item->kind == ITEM_MAP;
    level->n_keys = 0;
    return 0;
}

static int check_map_key(struct level *level, const struct item *item, struct err *err)
{
    text key = {item->at, item->n};
    if (item->kind != ITEM_TEXT) return err_set(err, "a key of a map is not text");
    for (size_t i = 0; i < level->n_keys; i++) {
        if (!text_equal(level->keys[i], key)) continue;
        text shown = text_cut(key, 60);
        return err_set(err, "key %.*s stands twice in a map", TEXT_ARG(shown));
    }
    level->keys[level->n_keys++] = key;
    return 0;
}

static int scan_item(struct scan *scan, struct err *err)
{
    struct item item = {0};
    struct level *level = scan->depth == 0 ? NULL : &scan->levels[scan->depth - 1];
    if (read_lead(scan, &item, err) < 0) return -1;
    bool opens = item.kind == ITEM_ARRAY || item.kind == ITEM_MAP;
    if (item.kind == ITEM_BAD) return err_set(err, "byte %zu is not MessagePack", scan->at - 1);
    if (item.kind == ITEM_EXTENSION)
        return err_set(err, "extension type at byte %zu", scan->at - 1);
    if (!opens && read_payload(scan, &item, err) < 0) return -1;
    if (level != NULL && level->map && level->left % 2 == 0 && check_map_key(level, &item, err) < 0)
        return -1;
    if (level != NULL) level->left--;
    return opens ? open_level(scan, &item, err) : 0;
}

/* Past one value and all that is in it. False if it is cut off or no MessagePack. */
static bool skip_value(struct scan *scan)
{
    struct item item;
    for (size_t left = 1; left > 0; left--) {
        if (read_lead(scan, &item, NULL) < 0 || item.kind <= ITEM_EXTENSION) return false;
        size_t room = scan->bytes.len - scan->at;
        if (item.n > room) return false;
        if (item.kind == ITEM_ARRAY || item.kind == ITEM_MAP)
            left += item.kind == ITEM_MAP ? 2 * item.n : item.n;
        else
            scan->at += item.n;
        if (left > scan->bytes.len - scan->at + 1) return false;
    }
    return true;
}

/* A text, which must be UTF-8; else absent. */
static text read_text(struct scan *scan)
{
    struct item item;
    bool good = read_lead(scan, &item, NULL) == 0 && item.kind == ITEM_TEXT &&
                read_payload(scan, &item, NULL) == 0;
    return good ? (text){item.at, item.n} : (text){NULL, 0};
}

text pack_find_id(text frame)
{
    struct scan scan;
    struct item item;
    const text none = {NULL, 0};
    scan.bytes = frame;
    scan.at = 0;
    if (read_lead(&scan, &item, NULL) < 0 || item.kind != ITEM_ARRAY || item.n < 3) return none;
    if (!skip_value(&scan) || !skip_value(&scan)) return none; /* wire version, verb */
    if (read_lead(&scan, &item, NULL) < 0 || item.kind != ITEM_MAP) return none;
    for (size_t pairs = item.n; pairs > 0; pairs--) {
        text key = read_text(&scan);
        if (key.at == NULL) return none;
        if (!text_is(key, "id")) {
            if (!skip_value(&scan)) return none;
            continue;
        }
        text id = read_text(&scan);
        return id.len > 0 && id.len <= PACK_ID_READABLE ? id : none;
    }
    return none;
}

int pack_scan(text bytes, const struct pack_limits *limits, struct err *err)
{
    /* its levels are set as they open: clearing them all would cost more than a small message */
    struct scan scan;
    assert(limits->depth <= SCAN_DEPTH);
    if (bytes.len > limits->bytes)
        return err_set(err, "the message has %zu bytes, at most %zu are allowed", bytes.len,
                       limits->bytes);
    scan.bytes = bytes;
    scan.at = scan.items = 0;
    scan.limits = limits;
    scan.depth = 0;
    do {
        if (scan_item(&scan, err) < 0) return -1;
        while (scan.depth > 0 && scan.levels[scan.depth - 1].left == 0) scan.depth--;
    } while (scan.depth > 0);
    if (scan.at < bytes.len)
        return err_set(err, "%zu bytes follow the message", bytes.len - scan.at);
    return 0;
}
