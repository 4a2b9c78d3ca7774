#include "data/pack.h"

#include "data/fill.h"

#include <math.h>
#include <msgpack.h>
#include <string.h>

enum { WIRE_VERSION = 1 };

static const char *const verbs[] = {
    [VERB_COMMAND] = "command", [VERB_QUERY] = "query", [VERB_ANSWER] = "answer",
    [VERB_REFUSED] = "refused", [VERB_RETRY] = "retry", [VERB_HINT] = "hint",
};

#define HEADER_FIELD(name, type, flags, max, member)                                               \
    {                                                                                              \
        name, type, flags, offsetof(struct header, member), NULL, "", 0, max, 0                    \
    }
static const struct field header_fields[] = {
    HEADER_FIELD("id", FIELD_TEXT, FIELD_FILLED, PACK_ID_MAX, id),
    HEADER_FIELD("type", FIELD_TEXT, FIELD_FILLED, 100, type),
    HEADER_FIELD("v", FIELD_INT, FIELD_OPTIONAL, 999, version),
    HEADER_FIELD("key", FIELD_TEXT, FIELD_OPTIONAL, 700, key),
    HEADER_FIELD("time", FIELD_TIME, FIELD_OPTIONAL, 0, time),
    HEADER_FIELD("trace", FIELD_TEXT, FIELD_OPTIONAL, 64, trace),
    HEADER_FIELD("cause", FIELD_TEXT, FIELD_OPTIONAL, 300, cause),
    HEADER_FIELD("deadline", FIELD_TIME, FIELD_OPTIONAL, 0, deadline),
    HEADER_FIELD("actor", FIELD_TEXT, FIELD_OPTIONAL, 64, actor),
};
static const struct shape header_shape = {
    .name = "header",
    .kind = SHAPE_HEADER,
    .size = sizeof(struct header),
    .fields = header_fields,
    .n = COUNT(header_fields),
    .doc = "",
};

static const struct field refusal_fields[] = {
    {"message", FIELD_TEXT, 0, offsetof(struct refusal, message), NULL, .doc = "why, in English"},
    {"field", FIELD_TEXT, FIELD_OPTIONAL, offsetof(struct refusal, field), NULL,
     .doc = "the field at fault"},
    {"rule", FIELD_TEXT, FIELD_OPTIONAL, offsetof(struct refusal, rule), NULL,
     .doc = "the rule that refuses"},
    {"reason", FIELD_TEXT, FIELD_OPTIONAL, offsetof(struct refusal, reason), NULL,
     .doc = "unavailable or deadline_exceeded"},
};
const struct shape refusal_shape = {
    .name = "refusal",
    .size = sizeof(struct refusal),
    .fields = refusal_fields,
    .n = COUNT(refusal_fields),
    .doc = "",
};

/* --- writing --- */

static int add_bytes(void *buf, const char *bytes, size_t len)
{
    buf_add(buf, bytes, len);
    return 0;
}

static void write_text(msgpack_packer *packer, text value)
{
    msgpack_pack_str(packer, value.len);
    if (value.len > 0) msgpack_pack_str_body(packer, value.at, value.len);
}

static void write_packed_value(msgpack_packer *packer, const struct field *field, const void *at)
{
    const text *bytes = at;
    switch (field->type) {
    case FIELD_BOOL:
        *(const bool *)at ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
        break;
    case FIELD_REAL:
        isfinite(*(const double *)at) ? msgpack_pack_double(packer, *(const double *)at)
                                      : msgpack_pack_nil(packer);
        break;
    case FIELD_TEXT: write_text(packer, *bytes); break;
    case FIELD_BYTES:
        msgpack_pack_bin(packer, bytes->len);
        if (bytes->len > 0) msgpack_pack_bin_body(packer, bytes->at, bytes->len);
        break;
    case FIELD_TIME: msgpack_pack_int64(packer, time_clamp(*(const time_us *)at)); break;
    default: msgpack_pack_int64(packer, *(const int64_t *)at); break;
    }
}

static void write_struct(msgpack_packer *packer, const struct shape *shape, const void *body);

static void write_packed_list(msgpack_packer *packer, const struct field *field,
                              const struct list *list)
{
    size_t size = walk_item_size(field);
    msgpack_pack_array(packer, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const char *item = (const char *)list->at + i * size;
        if (field->type == FIELD_STRUCT)
            write_struct(packer, field->of, item);
        else
            write_packed_value(packer, field, item);
    }
}

static void write_struct(msgpack_packer *packer, const struct shape *shape, const void *body)
{
    size_t n = 0;
    for (size_t i = 0; i < shape->n; i++) n += !walk_is_absent(&shape->fields[i], body);
    msgpack_pack_map(packer, n);
    for (size_t i = 0; i < shape->n; i++) {
        const struct field *field = &shape->fields[i];
        const char *at = (const char *)body + field->offset;
        if (walk_is_absent(field, body)) continue;
        write_text(packer, text_of(field->name));
        if ((field->flags & FIELD_LIST) != 0)
            write_packed_list(packer, field, (const struct list *)at);
        else
            write_packed_value(packer, field, at);
    }
}

void pack_write(struct buf *out, const struct shape *shape, const void *body)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, add_bytes);
    write_struct(&packer, shape, body);
}

void pack_envelope(struct buf *out, enum verb verb, const struct header *header, text body)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, add_bytes);
    msgpack_pack_array(&packer, 4);
    msgpack_pack_int(&packer, WIRE_VERSION);
    write_text(&packer, text_of(verbs[verb]));
    write_struct(&packer, &header_shape, header);
    if (body.len == 0)
        msgpack_pack_map(&packer, 0);
    else
        buf_add_text(out, body);
}

/* --- reading --- */

static bool is_packed_map(const void *node)
{
    return ((const msgpack_object *)node)->type == MSGPACK_OBJECT_MAP;
}

static bool is_packed_list(const void *node, size_t *n)
{
    const msgpack_object *object = node;
    *n = object->type == MSGPACK_OBJECT_ARRAY ? object->via.array.size : 0;
    return object->type == MSGPACK_OBJECT_ARRAY;
}

static const void *unless_nil(const msgpack_object *object)
{
    return object->type == MSGPACK_OBJECT_NIL ? NULL : object;
}

static text text_at(const msgpack_object *object)
{
    return (text){object->via.str.ptr, object->via.str.size};
}

static const void *find_packed_member(const void *node, const char *name, size_t *hint)
{
    const msgpack_object_map *map = &((const msgpack_object *)node)->via.map;
    text wanted = text_of(name);
    for (size_t i = 0; i < map->size; i++) {
        size_t at = (*hint + i) % map->size;
        if (map->ptr[at].key.type != MSGPACK_OBJECT_STR ||
            !text_equal(text_at(&map->ptr[at].key), wanted))
            continue;
        *hint = at + 1;
        return unless_nil(&map->ptr[at].val);
    }
    return NULL;
}

static const void *find_packed_item(const void *node, size_t i)
{
    return unless_nil(&((const msgpack_object *)node)->via.array.ptr[i]);
}

static const char *read_int(const msgpack_object *object, int64_t *to)
{
    bool positive = object->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
    if (!positive && object->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return "must be a whole number";
    if (positive && object->via.u64 > INT64_MAX) return "is too large a number";
    *to = positive ? (int64_t)object->via.u64 : object->via.i64;
    return NULL;
}

static const char *read_real(const msgpack_object *object, double *to)
{
    switch (object->type) {
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: return *to = object->via.f64, NULL;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return *to = (double)object->via.u64, NULL;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return *to = (double)object->via.i64, NULL;
    default: return "must be a number";
    }
}

static const char *read_packed_value(const void *node, const struct field *field, void *to,
                                     struct arena *arena)
{
    const msgpack_object *object = node;
    bool bytes = field->type == FIELD_BYTES && object->type == MSGPACK_OBJECT_BIN;
    switch (field->type) {
    case FIELD_BOOL:
        *(bool *)to = object->type == MSGPACK_OBJECT_BOOLEAN && object->via.boolean;
        return object->type == MSGPACK_OBJECT_BOOLEAN ? NULL : "must be true or false";
    case FIELD_REAL: return read_real(object, to);
    case FIELD_TEXT:
    case FIELD_BYTES:
        if (!bytes && object->type != MSGPACK_OBJECT_STR)
            return field->type == FIELD_TEXT ? "must be text" : "must be bytes";
        *(text *)to = arena_text(arena, text_at(object)); /* bin and str lie alike in the union */
        return NULL;
    default: return read_int(object, to);
    }
}

static const struct walk_source source = {
    .is_map = is_packed_map,
    .is_list = is_packed_list,
    .member = find_packed_member,
    .item = find_packed_item,
    .value = read_packed_value,
};

void *pack_read(text bytes, const struct shape *shape, struct arena *arena, struct err *err)
{
    msgpack_unpacked unpacked;
    size_t at = 0;
    void *body = NULL;
    msgpack_unpacked_init(&unpacked);
    if (bytes.len == 0 ||
        msgpack_unpack_next(&unpacked, bytes.at, bytes.len, &at) != MSGPACK_UNPACK_SUCCESS)
        err_set(err, "the body is not MessagePack");
    else if (at != bytes.len)
        err_set(err, "%zu bytes follow the body", bytes.len - at);
    else
        body = walk_read(&source, &unpacked.data, shape, arena, err);
    msgpack_unpacked_destroy(&unpacked);
    return body;
}

/* The envelope's array may be written with a length of 4 bits, 2 bytes or 4 bytes. */
static int open_array(text frame, size_t *at, struct err *err)
{
    static const char *const heads[] = {"\x94", "\xdc\0\4", "\xdd\0\0\0\4"};
    for (size_t i = 0; i < COUNT(heads); i++) {
        *at = 2 * i + 1;
        if (frame.len >= *at && memcmp(frame.at, heads[i], *at) == 0) return 0;
    }
    return err_set(err, "the envelope is not an array of 4: wire version, verb, header, body");
}

static int open_verb(const msgpack_object *object, enum verb *verb, struct err *err)
{
    text name = object->type == MSGPACK_OBJECT_STR ? text_at(object) : (text){NULL, 0};
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (text_is(name, verbs[i])) return *verb = (enum verb)i, 0;
    if (name.at == NULL) return err_set(err, "the verb is not text");
    name = text_cut(name, 40);
    return err_set(err, "verb %.*s is not known", TEXT_ARG(name));
}

static int open_header(const msgpack_object *object, struct arena *arena, struct header *to,
                       struct err *err)
{
    const struct header *header = walk_read(&source, object, &header_shape, arena, err);
    if (header == NULL) return err_prefix(err, "header");
    *to = *header;
    return 0;
}

static int open_part(int part, const msgpack_object *object, struct arena *arena,
                     struct envelope *out, struct err *err)
{
    int64_t version = 0;
    if (part == 1) return open_verb(object, &out->verb, err);
    if (part == 2) return open_header(object, arena, &out->header, err);
    if (read_int(object, &version) != NULL) return err_set(err, "the wire version is not a number");
    if (version == WIRE_VERSION) return 0;
    return err_set(err, "wire version %lld is not known, this side speaks %d", (long long)version,
                   WIRE_VERSION);
}

int pack_open(text frame, struct arena *arena, struct envelope *out, struct err *err)
{
    msgpack_unpacked unpacked;
    size_t at = 0;
    int status = open_array(frame, &at, err);
    *out = (struct envelope){0};
    msgpack_unpacked_init(&unpacked);
    for (int part = 0; part < 3 && status == 0; part++) {
        if (msgpack_unpack_next(&unpacked, frame.at, frame.len, &at) == MSGPACK_UNPACK_SUCCESS)
            status = open_part(part, &unpacked.data, arena, out, err);
        else
            status = err_set(err, "the envelope is not MessagePack");
    }
    msgpack_unpacked_destroy(&unpacked);
    if (status < 0) return -1;
    out->body = (text){frame.at + at, frame.len - at};
    uint8_t lead = at == frame.len ? 0 : (uint8_t)frame.at[at];
    if ((lead & 0xf0) != 0x80 && lead != 0xde && lead != 0xdf)
        return err_set(err, "the body must be a map of fields");
    return 0;
}
