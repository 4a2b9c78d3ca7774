#include "data/pack.h"

#include "fill.h"
#include "intake.msg.h"
#include "probe.msg.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(literal) ((text){(literal), sizeof(literal) - 1})

/* A copy of exactly the size, so that the sanitizer sees every byte read behind it. */
static text exact_copy(text from)
{
    char *copy = malloc(from.len);
    if (from.len > 0) memcpy(copy, from.at, from.len);
    return (text){copy, from.len};
}

static void read_fixture(const char *name, struct buf *out)
{
    char path[200];
    unsigned byte;
    snprintf(path, sizeof(path), "tests/unit/fixtures/%s.hex", name);
    FILE *in = fopen(path, "r");
    if (!CHECK_ROW(in != NULL, "%s cannot be opened", path)) return;
    while (fscanf(in, "%2x", &byte) == 1) buf_add_char(out, (char)byte);
    fclose(in);
}

static const text two_notes[] = {{"one", 3}, {"", 0}};
static const struct {
    const char *fixture;
    const struct shape *shape;
    const void *body;
} golden_bodies[] = {
    {"probe_heard", &probe_heard_shape, &(struct probe_heard){{"k1", 2}, 300, {"水管漏水", 12}}},
    {"probe_heard_bare", &probe_heard_shape, &(struct probe_heard){{"k1", 2}, 0, {NULL, 0}}},
    {"probe_poked", &probe_poked_shape, &(struct probe_poked){{"k2", 2}, -5}},
    {"probe_say", &probe_say_shape,
     &(struct probe_say){.key = {"k3", 2},
                         .n = 65536,
                         .note = {"a note that is longer than thirty-one bytes", 43},
                         .fail = {"refuse", 6}}},
    {"probe_said", &probe_said_shape, &(struct probe_said){{"k3", 2}, 65536, 4294967296}},
    {"probe_get", &probe_get_shape, &(struct probe_get){{"k4", 2}}},
    {"probe_state", &probe_state_shape, &(struct probe_state){{"k4", 2}, 2, 127, {two_notes, 2}}},
    {"refusal", &refusal_shape,
     &(struct refusal){{"field n is missing", 18}, {"n", 1}, {"INT-03", 6}, {0}}},
};

TEST(bodies_are_byte_for_byte_the_fixtures)
{
    for (size_t i = 0; i < COUNT(golden_bodies); i++) {
        struct buf want = {0}, got = {0};
        struct arena *arena = arena_create();
        struct err err = {0};
        test_row(golden_bodies[i].fixture);
        read_fixture(golden_bodies[i].fixture, &want);
        pack_write(&got, golden_bodies[i].shape, golden_bodies[i].body);
        CHECK(want.len > 0 && text_equal(buf_text(&got), buf_text(&want)));
        void *body = pack_read(buf_text(&want), golden_bodies[i].shape, arena, &err);
        if (CHECK(body != NULL))
            CHECK(fill_difference(golden_bodies[i].shape, body, golden_bodies[i].body) == NULL);
        arena_destroy(arena);
        buf_finish(&want);
        buf_finish(&got);
    }
}

static const struct header bare_header = {.id = {"i1", 2}, .type = {"probe.get", 9}};
static const struct header full_header = {
    .id = {"0192-a", 6},
    .type = {"probe.say", 9},
    .version = 1,
    .key = {"k3", 2},
    .time = INT64_C(1795316645000000),
    .trace = {"0af7651916cd43dd8448eb211c80319c", 32},
    .cause = {"intake/17/4711", 14},
    .deadline = INT64_C(1795316650000000),
    .actor = {"sp01", 4},
};
static const struct {
    const char *fixture;
    enum verb verb;
    const struct header *header;
    text body;
} golden_envelopes[] = {
    {"envelope_command", VERB_COMMAND, &full_header, {"\x82\xa3key\xa2k3\xa1n\x07", 11}},
    {"envelope_query", VERB_QUERY, &bare_header, {NULL, 0}},
    {"envelope_answer", VERB_ANSWER, &bare_header, {NULL, 0}},
    {"envelope_refused", VERB_REFUSED, &bare_header, {NULL, 0}},
    {"envelope_retry", VERB_RETRY, &bare_header, {NULL, 0}},
    {"envelope_hint", VERB_HINT, &bare_header, {NULL, 0}},
};

static void check_header(const struct header *got, const struct header *want)
{
    CHECK(text_equal(got->id, want->id) && text_equal(got->type, want->type));
    CHECK(text_equal(got->key, want->key) && text_equal(got->trace, want->trace));
    CHECK(text_equal(got->cause, want->cause) && text_equal(got->actor, want->actor));
    CHECK_INT(got->version, want->version);
    CHECK_INT(got->time, want->time);
    CHECK_INT(got->deadline, want->deadline);
}

TEST(envelopes_are_byte_for_byte_the_fixtures)
{
    for (size_t i = 0; i < COUNT(golden_envelopes); i++) {
        struct buf want = {0}, got = {0};
        struct arena *arena = arena_create();
        struct envelope envelope;
        struct err err = {0};
        test_row(golden_envelopes[i].fixture);
        read_fixture(golden_envelopes[i].fixture, &want);
        pack_envelope(&got, golden_envelopes[i].verb, golden_envelopes[i].header,
                      golden_envelopes[i].body);
        CHECK(want.len > 0 && text_equal(buf_text(&got), buf_text(&want)));
        CHECK_INT(pack_scan(buf_text(&want), &pack_limits_outside, &err), 0);
        if (CHECK(pack_open(buf_text(&want), arena, &envelope, &err) == 0)) {
            text body = golden_envelopes[i].body.len > 0 ? golden_envelopes[i].body : BYTES("\x80");
            CHECK_INT(envelope.verb, golden_envelopes[i].verb);
            check_header(&envelope.header, golden_envelopes[i].header);
            CHECK(text_equal(envelope.body, body));
            CHECK(envelope.body.at + envelope.body.len == want.at + want.len);
        }
        arena_destroy(arena);
        buf_finish(&want);
        buf_finish(&got);
    }
}

#define HEAD "\x82\xa2id\xa1i\xa4type\xa3p.q"

TEST(envelopes_that_cannot_be_opened)
{
    static const struct {
        text frame;
        const char *error;
    } rows[] = {
        {BYTES("\x80"), "not an array of 4"},
        {BYTES("\x93\x01\xa4hint\x80"), "not an array of 4"},
        {BYTES("\x94\x02\xa4hint" HEAD "\x80"), "wire version 2 is not known"},
        {BYTES("\x94\xa1x\xa4hint" HEAD "\x80"), "the wire version is not a number"},
        {BYTES("\x94\x01\xa4hunt" HEAD "\x80"), "verb hunt is not known"},
        {BYTES("\x94\x01\x07" HEAD "\x80"), "the verb is not text"},
        {BYTES("\x94\x01\xa4hint\x81\xa2id\xa1i\x80"), "header: field type is missing"},
        {BYTES("\x94\x01\xa4hint\x81\xa4type\xa3p.q\x80"), "header: field id is missing"},
        {BYTES("\x94\x01\xa4hint\x82\xa2id\xa0\xa4type\xa3p.q\x80"), "header: field id is empty"},
        {BYTES("\x94\x01\xa4hint\x82\xa2id\x07\xa4type\xa3p.q\x80"),
         "header: field id must be text"},
        {BYTES("\x94\x01\xa4hint\x90\x80"), "header: the body must be a map"},
        {BYTES("\x94\x01\xa4hint" HEAD "\x90"), "the body must be a map"},
    };
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct envelope envelope;
        struct err err = {0};
        text frame = exact_copy(rows[i].frame);
        test_row(rows[i].error);
        CHECK_INT(pack_scan(frame, &pack_limits_outside, &err), 0);
        CHECK_INT(pack_open(frame, arena, &envelope, &err), -1);
        CHECK_HAS(text_of(err.message), rows[i].error);
        free((void *)frame.at);
    }
    static const text long_forms[] = {
        BYTES("\xdc\0\4\x01\xa4hint" HEAD "\x80"),
        BYTES("\xdd\0\0\0\4\xcc\x01\xa4hint" HEAD "\x80"),
    };
    for (size_t i = 0; i < COUNT(long_forms); i++) {
        struct envelope envelope;
        CHECK_INT(pack_open(long_forms[i], arena, &envelope, NULL), 0);
        CHECK_TEXT(envelope.header.type, "p.q");
    }
    arena_destroy(arena);
}

TEST(the_scan_refuses_what_is_not_one_bounded_value)
{
    static const struct {
        text bytes;
        const char *error; /* NULL: it is fine */
    } rows[] = {
        {BYTES("\xc0"), NULL},
        {BYTES("\x07"), NULL},
        {BYTES("\xe0"), NULL},
        {BYTES("\x82\xa1"
               "a\x01\xa1"
               "b\xca\0\0\0\0"),
         NULL},
        {BYTES("\xd9\x03"
               "abc"),
         NULL},
        {BYTES("\xc6\0\0\0\x02\xff\xfe"), NULL},
        {BYTES("\x98\xcc\1\xcd\0\1\xce\0\0\0\1\xcf\0\0\0\0\0\0\0\1"
               "\xd0\1\xd1\0\1\xd2\0\0\0\1\xd3\0\0\0\0\0\0\0\1"),
         NULL},
        {BYTES("\x91\x91\x91\x91\x91\x91\x91\x90"), NULL},
        {BYTES("\xa3\xe5\x8d\xa1"), NULL},
        {BYTES(""), "cut off"},
        {BYTES("\xc1"), "byte 0 is not MessagePack"},
        {BYTES("\xdd\xff\xff\xff\xff"), "an array claims 4294967295 elements, 0 bytes are left"},
        {BYTES("\xdd\x10\0\0\0"), "an array claims 268435456 elements"},
        {BYTES("\xdf\x80\0\0\1\xa0\xa0"), "a map claims 2147483649 elements"},
        {BYTES("\xdf\0\0\0\2\xa0\xa0\xa0"), "a map claims 2 elements, 3 bytes are left"},
        {BYTES("\xdb\xff\xff\xff\xff"), "cut off"},
        {BYTES("\xc6\x7f\xff\xff\xff"
               "ab"),
         "cut off"},
        {BYTES("\xdb\0\0"), "cut off"},
        {BYTES("\xcd\0"), "cut off"},
        {BYTES("\xa2"
               "a"),
         "cut off"},
        {BYTES("\x01\x02"), "1 bytes follow the message"},
        {BYTES("\x80\xc0\xc0"), "2 bytes follow the message"},
        {BYTES("\x91\x91\x91\x91\x91\x91\x91\x91\x90"), "deeper than 8"},
        {BYTES("\x82\xa1"
               "a\x01\xa1"
               "a\x02"),
         "key a stands twice"},
        {BYTES("\x82\xa1"
               "a\x01\xd9\x01"
               "a\x02"),
         "key a stands twice"},
        {BYTES("\x81\x01\x01"), "a key of a map is not text"},
        {BYTES("\x81\x90\x01"), "a key of a map is not text"},
        {BYTES("\xa2\xc0\x80"), "the text at byte 1 is not UTF-8"},
        {BYTES("\xa3\xed\xa0\x80"), "not UTF-8"},
        {BYTES("\xd4\x01\x00"), "extension type at byte 0"},
        {BYTES("\xc7\x01\x01\x00"), "extension type"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        char row[40];
        text bytes = exact_copy(rows[i].bytes);
        snprintf(row, sizeof(row), "row %zu", i);
        test_row(row);
        CHECK_INT(pack_scan(bytes, &pack_limits_outside, &err), rows[i].error == NULL ? 0 : -1);
        if (rows[i].error != NULL) CHECK_HAS(text_of(err.message), rows[i].error);
        free((void *)bytes.at);
    }
}

TEST(the_scan_counts)
{
    struct err err = {0};
    struct buf buf = {0};
    buf_add(&buf, "\xdc\x27\x10", 3); /* 10,000 elements, the most */
    for (int i = 0; i < 10000; i++) buf_add_char(&buf, '\x01');
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_outside, &err), 0);
    buf.at[buf.len - 1] = '\x90';
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_outside, &err), 0);
    buf.at[buf.len - 1] = '\x91';
    buf_add_char(&buf, '\x01');
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_outside, &err), -1);
    CHECK_HAS(text_of(err.message), "more than 10000 elements");
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_inside, &err), 0);

    buf_clear(&buf);
    buf_add(&buf, "\xde\0\x41", 3); /* 65 keys */
    for (int i = 0; i < 65; i++) buf_printf(&buf, "\xa2%02d%c", i, 1);
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_inside, &err), -1);
    CHECK_HAS(text_of(err.message), "65 keys, at most 64");
    buf.at[2] = '\x40';
    CHECK_INT(pack_scan((text){buf.at, buf.len - 4}, &pack_limits_outside, &err), 0);

    buf_clear(&buf);
    for (int i = 0; i < 10000; i++) buf_add_char(&buf, '\x91');
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_inside, &err), -1);
    CHECK_HAS(text_of(err.message), "deeper than 8");

    buf_clear(&buf);
    size_t most = pack_limits_outside.bytes;
    buf_add_char(&buf, '\xc6');
    buf_add_u32(&buf, (uint32_t)(most - 5));
    memset(buf_reserve(&buf, most - 5), 0, most - 5);
    buf_grew(&buf, most - 5);
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_outside, &err), 0);
    buf_add_char(&buf, '\0');
    CHECK_INT(pack_scan(buf_text(&buf), &pack_limits_outside, &err), -1);
    CHECK_HAS(text_of(err.message), "the message has 262145 bytes, at most 262144");
    buf_finish(&buf);
}

/* A shape with every type, for what is wrong with bodies. */
struct every {
    bool flag;
    int64_t n, ticket;
    double rate;
    text name, raw;
    time_us at;
    struct list notes, items;
};
static const struct field item_fields[] = {{"kind", FIELD_TEXT, 0, 0, NULL, .doc = ""}};
static const struct shape item_shape = {
    .name = "item", .size = sizeof(text), .fields = item_fields, .n = 1, .doc = ""};
#define EVERY(name, type, of)                                                                      \
    {                                                                                              \
#name, type, FIELD_OPTIONAL, offsetof(struct every, name), of, .doc = ""                   \
    }
static const struct field every_fields[] = {
    EVERY(flag, FIELD_BOOL, NULL),
    {"n", FIELD_INT, 0, offsetof(struct every, n), NULL, .doc = ""},
    EVERY(ticket, FIELD_ID, NULL),
    EVERY(rate, FIELD_REAL, NULL),
    EVERY(name, FIELD_TEXT, NULL),
    EVERY(raw, FIELD_BYTES, NULL),
    EVERY(at, FIELD_TIME, NULL),
    {"notes", FIELD_TEXT, FIELD_OPTIONAL | FIELD_LIST, offsetof(struct every, notes), NULL,
     .doc = ""},
    {"items", FIELD_STRUCT, FIELD_OPTIONAL | FIELD_LIST, offsetof(struct every, items), &item_shape,
     .doc = ""},
};
static const struct shape every_shape = {.name = "every",
                                         .size = sizeof(struct every),
                                         .fields = every_fields,
                                         .n = COUNT(every_fields),
                                         .doc = ""};

TEST(the_id_is_found_whatever_else_is_wrong)
{
    static const struct {
        text frame;
        const char *id; /* NULL: none */
    } rows[] = {
        {BYTES("\x94\x01\xa4hint\x81\xa2id\xa1i\x80"), "i"},
        {BYTES("\x94\x01\xa4hint\x82\xa4type\xa3p.q\xa2id\xa1i"), "i"}, /* no body */
        {BYTES("\x94\x01\xa4hint\x81\xa2id\xa1i\xc1"), "i"},            /* no MessagePack */
        {BYTES("\x94\x01\xa4hint\x81\xa2id\xa1i\xdf\xff\xff\xff\xff"), "i"},
        {BYTES("\x94\xc0\x93\1\2\x81\xa1x\x90\x82\xa1x\x91\x80\xa2id\xa2ij"), "ij"},
        {BYTES("\xdd\0\0\0\3\x09\1\xde\0\1\xd9\2id\xda\0\2ij"), "ij"},
        {BYTES("\x93\1\1\x82\xa2id\xa1i\xa2id\xa1j"), "i"}, /* the first */
        {BYTES("\x93\1\1\x81\xa2id\xa3题"), "题"},
        {BYTES("\x93\1\1\x81\xa2id\xa0"), NULL},
        {BYTES("\x93\1\1\x81\xa2id\xa2\xff\xff"), NULL},
        {BYTES("\x93\1\1\x81\xa2id\xa2i"), NULL},
        {BYTES("\x93\1\1\x81\xa2id\7"), NULL},
        {BYTES("\x93\1\1\x81\xa2id\xc4\1i"), NULL},
        {BYTES("\x93\1\1\x82\7\7\xa2id\xa1i"), NULL},
        {BYTES("\x93\1\1\x82\xa1x\xd4\1\1\xa2id\xa1i"), NULL},
        {BYTES("\x93\1\1\xdf\xff\xff\xff\xff\xa1x"), NULL},
        {BYTES("\x93\1\xdd\xff\xff\xff\xff"), NULL},
        {BYTES("\x92\1\x81\xa2id\xa1i"), NULL},
        {BYTES("\x81\xa2id\xa1i"), NULL},
        {BYTES("\x93"), NULL},
        {{"", 0}, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        text exact = exact_copy(rows[i].frame);
        text id = pack_find_id(exact);
        CHECK_ROW(text_equal(id, text_of(rows[i].id)), "row %zu: '%.*s'", i, TEXT_ARG(id));
        CHECK((id.at == NULL) == (rows[i].id == NULL));
        free((void *)exact.at);
    }
}

TEST(bodies_that_cannot_be_read)
{
    static const struct {
        text body;
        const char *field, *error;
    } rows[] = {
        {BYTES("\x80"), "n", "field n is missing"},
        {BYTES("\x81\xa1n\xc0"), "n", "field n is missing"},
        {BYTES("\x01"), "", "the body must be a map"},
        {BYTES("\x81\xa1n\xa1"
               "1"),
         "n", "field n must be a whole number"},
        {BYTES("\x81\xa1n\xcb\x3f\xf0\0\0\0\0\0\0"), "n", "field n must be a whole number"},
        {BYTES("\x81\xa1n\xcf\x80\0\0\0\0\0\0\0"), "n", "field n is too large a number"},
        {BYTES("\x82\xa1n\1\xa4"
               "flag\1"),
         "flag", "field flag must be true or false"},
        {BYTES("\x82\xa1n\1\xa6ticket\0"), "ticket", "field ticket must be a positive number"},
        {BYTES("\x82\xa1n\1\xa6ticket\xff"), "ticket", "field ticket must be a positive number"},
        {BYTES("\x82\xa1n\1\xa4rate\xa1x"), "rate", "field rate must be a number"},
        {BYTES("\x82\xa1n\1\xa4rate\xcb\x7f\xf0\0\0\0\0\0\0"), "rate",
         "field rate must be a finite number"},
        {BYTES("\x82\xa1n\1\xa4name\1"), "name", "field name must be text"},
        {BYTES("\x82\xa1n\1\xa4name\xc4\1x"), "name", "field name must be text"},
        {BYTES("\x82\xa1n\1\xa4name\xa1\0"), "name", "field name must not hold a NUL"},
        {BYTES("\x82\xa1n\1\xa3raw\1"), "raw", "field raw must be bytes"},
        {BYTES("\x82\xa1n\1\xa2"
               "at\xc2"),
         "at", "field at must be a whole number"},
        {BYTES("\x82\xa1n\1\xa5notes\x80"), "notes", "field notes must be a list"},
        {BYTES("\x82\xa1n\1\xa5notes\x92\xa1"
               "a\1"),
         "notes[1]", "field notes[1] must be text"},
        {BYTES("\x82\xa1n\1\xa5notes\x91\xc0"), "notes[0]", "field notes[0] is missing"},
        {BYTES("\x82\xa1n\1\xa5items\x93\x81\xa4kind\xa1"
               "a\x81\xa4kind\xa0\x80"),
         "items[2].kind", "field items[2].kind is missing"},
        {BYTES("\x82\xa1n\1\xa5items\x91\x81\xa4kind\x90"), "items[0].kind",
         "field items[0].kind must be text"},
        {BYTES("\x82\xa1n\1\xa5items\x91\1"), "items[0]", "field items[0] must be a map"},
    };
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        test_row(rows[i].error);
        CHECK_INT(pack_scan(rows[i].body, &pack_limits_outside, &err), 0);
        CHECK(pack_read(rows[i].body, &every_shape, arena, &err) == NULL);
        CHECK_HAS(text_of(err.message), rows[i].error);
        CHECK_STRING(err.field, rows[i].field);
    }
    arena_destroy(arena);
}

TEST(readers_are_tolerant_where_it_is_safe)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    text body = BYTES("\x86\xa4rate\xd0\xfe\xa3raw\xa1x\xa3new\x91\x81\xa1z\1"
                      "\xa4name\xa0\xa6ticket\xc0\xa1n\xd3\0\0\0\0\0\0\0\1");
    const struct every *read = pack_read(body, &every_shape, arena, &err);
    CHECK_STRING(err.message, "");
    if (CHECK(read != NULL)) {
        CHECK(read->rate == -2);
        CHECK_TEXT(read->raw, "x");
        CHECK(read->name.at == NULL); /* an optional empty text is absent */
        CHECK_INT(read->ticket, 0);
        CHECK_INT(read->n, 1);
    }
    arena_destroy(arena);
}

/* The same body as a command, and as an event that a journal may have held for years. */
static void check_legible(const struct contact_record *contact, const char *field)
{
    struct arena *arena = arena_create();
    struct shape event = contact_record_shape;
    struct buf buf = {0};
    struct err err = {0};
    event.kind = SHAPE_EVENT;
    pack_write(&buf, &contact_record_shape, contact);
    CHECK((pack_read(buf_text(&buf), &contact_record_shape, arena, &err) == NULL) ==
          (field != NULL));
    CHECK_STRING(err.field, field == NULL ? "" : field);
    if (field != NULL) CHECK_HAS(text_of(err.message), "must not hold U+");
    CHECK(pack_read(buf_text(&buf), &event, arena, &err) != NULL);
    buf_finish(&buf);
    arena_destroy(arena);
}

TEST(the_texts_of_what_is_asked_are_legible)
{
    static const struct {
        const char *what, *name, *words, *field;
    } rows[] = {
        {"legible", "李华", "水管\n\t漏水\u200b", NULL},
        {"a name that turns what follows", "\u202e李华", "w", "customer_name"},
        {"a name of two lines", "a\nb", "w", "customer_name"},
        {"words that move the cursor", "a", "w\x1b[2J", "items[1].words"},
        {"words that turn what follows", "a", "w\u2067", "items[1].words"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct contact_item items[] = {
            {.kind = TEXT("repair")}, {.kind = TEXT("repair"), .words = text_of(rows[i].words)}};
        test_row(rows[i].what);
        check_legible(&(struct contact_record){.source = TEXT("s"),
                                               .source_id = TEXT("1"),
                                               .channel = TEXT("call"),
                                               .customer_name = text_of(rows[i].name),
                                               .items = {items, COUNT(items)}},
                      rows[i].field);
    }
}

TEST(a_real_that_is_not_finite_is_written_as_absent)
{
    struct buf buf = {0};
    pack_write(&buf, &every_shape, &(struct every){.n = 1, .rate = __builtin_inf()});
    CHECK_TEXT(buf_text(&buf), "\x81\xa1n\x01");
    buf_finish(&buf);
}

TEST(every_shape_comes_back_as_it_was)
{
    uint64_t state = 1;
    CHECK(shape_all_n > 6);
    for (size_t i = 0; i < shape_all_n * 20; i++) {
        const struct shape *shape = shape_all[i / 20];
        struct arena *arena = arena_create();
        struct buf once = {0}, twice = {0};
        struct err err = {0};
        test_row(shape->name);
        void *body = fill_body(shape, &state, arena);
        pack_write(&once, shape, body);
        CHECK_INT(pack_scan(buf_text(&once), &pack_limits_outside, &err), 0);
        text bytes = exact_copy(buf_text(&once));
        void *read = pack_read(bytes, shape, arena, &err);
        free((void *)bytes.at);
        if (CHECK_ROW(read != NULL, "%s", err.message)) {
            const char *different = fill_difference(shape, body, read);
            CHECK_ROW(different == NULL, "field %s changed", different);
            pack_write(&twice, shape, read);
            CHECK(text_equal(buf_text(&once), buf_text(&twice)));
        }
        buf_finish(&once);
        buf_finish(&twice);
        arena_destroy(arena);
    }
}

static void make_frame(const struct shape *shape, uint64_t *state, struct arena *arena,
                       struct buf *out)
{
    struct buf body = {0};
    pack_write(&body, shape, fill_body(shape, state, arena));
    pack_envelope(out, VERB_COMMAND, &full_header, buf_text(&body));
    buf_finish(&body);
}

TEST(every_cut_message_is_refused)
{
    uint64_t state = 2;
    for (size_t i = 0; i < shape_all_n; i++) {
        struct arena *arena = arena_create();
        struct buf frame = {0};
        make_frame(shape_all[i], &state, arena, &frame);
        test_row(shape_all[i]->name);
        size_t last =
            frame.len > 700 ? 700 : frame.len; /* the beginning of every one, all of most */
        for (size_t len = 0; len < last; len++) {
            struct err err = {0};
            text cut = exact_copy((text){frame.at, len});
            CHECK_INT(pack_scan(cut, &pack_limits_outside, &err), -1);
            CHECK(err.message[0] != '\0');
            free((void *)cut.at);
        }
        buf_finish(&frame);
        arena_destroy(arena);
    }
}

/* Read a frame as a service would; any outcome is fine, as long as it is one. */
static bool survives(text frame, const struct shape *shape, struct arena *arena)
{
    struct envelope envelope;
    struct err err = {0};
    if (pack_scan(frame, &pack_limits_outside, &err) < 0 ||
        pack_open(frame, arena, &envelope, &err) < 0)
        return err.message[0] != '\0';
    return pack_read(envelope.body, shape, arena, &err) != NULL || err.message[0] != '\0';
}

TEST(damaged_messages_are_read_or_refused)
{
    uint64_t state = 3;
    for (int round = 0; round < 20000; round++) {
        const struct shape *shape = shape_all[fill_random(&state) % shape_all_n];
        struct arena *arena = arena_create();
        struct buf frame = {0};
        make_frame(shape, &state, arena, &frame);
        text damaged = exact_copy(buf_text(&frame));
        for (uint64_t n = 1 + fill_random(&state) % 4; n > 0; n--)
            ((char *)damaged.at)[fill_random(&state) % damaged.len] = (char)fill_random(&state);
        CHECK_ROW(survives(damaged, shape, arena), "round %d: refused without a word", round);
        free((void *)damaged.at);
        buf_finish(&frame);
        arena_destroy(arena);
    }
}

TEST(keys_join_their_fields)
{
    struct arena *arena = arena_create();
    static const struct field fields[] = {{"a", FIELD_TEXT, 0, 0, NULL, .doc = ""},
                                          {"b", FIELD_INT, 0, sizeof(text), NULL, .doc = ""}};
    static const struct {
        text a;
        int64_t b;
    } body = {{"pbx", 3}, -42};
    struct shape shape = {.name = "x", .size = sizeof(body), .fields = fields, .n = 2, .doc = ""};
    CHECK(shape_key(&shape, &body, arena).at == NULL);
    shape.key[0] = &fields[0];
    CHECK(shape_key(&shape, &body, arena).at == body.a.at);
    shape.key[1] = &fields[1];
    CHECK_TEXT(shape_key(&shape, &body, arena), "pbx/-42");
    CHECK(shape_find(TEXT("probe.say"), 1) == &probe_say_shape);
    CHECK(shape_find(TEXT("probe.say"), 2) == NULL);
    CHECK(probe_say_shape.answer == &probe_said_shape);
    CHECK_STRING(probe_say_shape.service, "probe");
    CHECK_TEXT(text_of(probe_say_shape.key[0]->name), "key");
    arena_destroy(arena);
}
