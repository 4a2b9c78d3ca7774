#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "test.h"
#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(text_to_int)
{
    static const struct {
        const char *given;
        bool good;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"42", true, 42},
        {"-42", true, -42},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {"1 ", false, 0},
        {" 1", false, 0},
        {"1.5", false, 0},
        {"0x10", false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = 0;
        test_row(rows[i].given);
        CHECK_INT(text_to_int(text_of(rows[i].given), &got), rows[i].good);
        if (rows[i].good) CHECK_INT(got, rows[i].want);
    }
}

TEST(text_is_utf8)
{
    static const struct {
        const char *what, *given;
        bool want;
    } rows[] = {
        {"empty", "", true},
        {"ascii", "lift 3", true},
        {"two bytes", "\xC2\x80", true},
        {"chinese", "电梯困人", true},
        {"four bytes", "\xF0\x9F\x98\x80", true},
        {"the last code point", "\xF4\x8F\xBF\xBF", true},
        {"beyond the last", "\xF4\x90\x80\x80", false},
        {"before the surrogates", "\xED\x9F\xBF", true},
        {"a surrogate", "\xED\xA0\x80", false},
        {"the last surrogate", "\xED\xBF\xBF", false},
        {"overlong slash", "\xC0\xAF", false},
        {"overlong, two bytes", "\xC1\xBF", false},
        {"overlong, three bytes", "\xE0\x9F\xBF", false},
        {"overlong, four bytes", "\xF0\x8F\xBF\xBF", false},
        {"bare continuation", "a\x80", false},
        {"cut short", "\xE7\x94", false},
        {"continuation missing", "\xE7\x94z", false},
        {"GBK", "\xB5\xE7\xCC\xDD", false},
        {"FF", "\xFF", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].what);
        CHECK_INT(text_is_utf8(text_of(rows[i].given)), rows[i].want);
    }
    CHECK(text_is_utf8((text){"a\0b", 3}));
}

TEST(text_fit_ends_with_a_whole_character)
{
    static const struct {
        const char *given;
        size_t size;
        const char *want;
    } rows[] = {
        {"abc", 4, "abc"},     {"abc", 3, "ab"},
        {"abc", 1, ""},        {"é", 3, "é"},
        {"é", 2, ""},          {"a题题", 8, "a题题"},
        {"a题题", 7, "a题"},   {"a题题", 5, "a题"},
        {"a题题", 4, "a"},     {"x😀", 5, "x"},
        {"x😀", 6, "x😀"},       {"a\xe9\xa2", 9, "a"},
        {"\xff b", 9, "? b"},  {"\xe9 b", 9, "? b"},
        {"\xc0\xaf", 9, "??"}, {"\xed\xa0\x80", 9, "???"},
        {"", 9, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char to[10], in_place[10];
        memset(to, 'x', sizeof(to));
        test_row(rows[i].given);
        CHECK_INT((int64_t)text_fit(to, rows[i].size, text_of(rows[i].given)),
                  (int64_t)strlen(rows[i].want));
        CHECK_STRING(to, rows[i].want);
        snprintf(in_place, sizeof(in_place), "%s", rows[i].given);
        text_fit(in_place, rows[i].size, text_of(in_place));
        CHECK_STRING(in_place, rows[i].want);
    }
    CHECK_INT((int64_t)text_fit((char[1]){'x'}, 1, (text){NULL, 0}), 0);
    CHECK_TEXT(text_cut(TEXT("a题题"), 6), "a题");
    CHECK_TEXT(text_cut(TEXT("a题题"), 7), "a题题");
    CHECK_TEXT(text_cut(TEXT("题"), 2), "");
}

TEST(an_err_is_utf8_however_long_it_is)
{
    char words[500] = "";
    for (size_t len = 0; len + 3 < sizeof(words); len += strlen(words + len)) {
        struct err err = {0};
        memcpy(words + len, len == 0 ? "a" : "题", len == 0 ? 2 : 4);
        err_field(&err, words, words, "%s", words);
        CHECK_ROW(text_is_utf8(text_of(err.message)) && text_is_utf8(text_of(err.field)) &&
                      text_is_utf8(text_of(err.rule)),
                  "%zu bytes", strlen(words));
        err_prefix(&err, "%s", words);
        CHECK_ROW(text_is_utf8(text_of(err.message)), "%zu bytes before it", strlen(words));
        err_set(&err, "%.2s and %.*s", "题", 7, words);
        CHECK_ROW(text_is_utf8(text_of(err.message)), "%zu bytes, cut by the format",
                  strlen(words));
    }
}

TEST(text_comparison)
{
    CHECK(text_compare(TEXT("a"), TEXT("b")) < 0);
    CHECK(text_compare(TEXT("b"), TEXT("a")) > 0);
    CHECK(text_compare(TEXT("a"), TEXT("ab")) < 0);
    CHECK(text_compare(TEXT(""), text_of(NULL)) == 0);
    CHECK(text_compare(TEXT("\x7f"), TEXT("\x80")) < 0);
    CHECK(text_equal(TEXT("ab"), (text){"abc", 2}));
    CHECK(!text_equal(TEXT("ab"), TEXT("ac")));
    CHECK(text_is(TEXT("ab"), "ab"));
    CHECK(text_starts(TEXT("KEFU_X"), "KEFU_"));
    CHECK(!text_starts(TEXT("KEF"), "KEFU_"));
}

/* Partitions depend on these numbers: if this test fails, the hash was changed, and it must not
   be. */
TEST(text_hash_never_changes)
{
    static const struct {
        const char *given;
        uint64_t want;
    } rows[] = {
        {"", UINT64_C(0xecba3df2c3383c52)},
        {"a", UINT64_C(0xed8170de1919a24d)},
        {"ticket/1", UINT64_C(0x2734300cb625d9a0)},
        {"工单", UINT64_C(0x69c1babb56e2827d)},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].given);
        CHECK_ROW(text_hash(text_of(rows[i].given)) == rows[i].want, "hash is 0x%016llx",
                  (unsigned long long)text_hash(text_of(rows[i].given)));
    }
}

TEST(text_hash_in_pieces)
{
    text whole = TEXT("261128000000123"), none = {0};
    for (size_t i = 0; i <= whole.len; i++) {
        uint64_t head = text_hash_more(TEXT_HASH_START, (text){whole.at, i});
        uint64_t hash = text_hash_more(head, (text){whole.at + i, whole.len - i});
        CHECK(text_hash_end(hash) == text_hash(whole));
    }
    CHECK(text_hash_end(TEXT_HASH_START) == text_hash(none));
}

TEST(text_hash_spreads)
{
    int partitions[32] = {0};
    for (int i = 0; i < 3200; i++) {
        char key[32];
        snprintf(key, sizeof(key), "%d", i);
        partitions[text_hash(text_of(key)) % 32]++;
    }
    for (size_t i = 0; i < COUNT(partitions); i++)
        CHECK_ROW(partitions[i] > 50 && partitions[i] < 150, "partition %zu has %d", i,
                  partitions[i]);
}

TEST(arena_gives_zeroed_aligned_memory)
{
    struct arena *arena = arena_create();
    for (size_t size = 0; size < 100; size++) {
        char *memory = arena_alloc(arena, size);
        CHECK((uintptr_t)memory % 16 == 0);
        for (size_t i = 0; i < size; i++) CHECK(memory[i] == 0);
        memset(memory, 0xEE, size);
    }
    arena_reset(arena);
    CHECK_INT(arena_used(arena), 0);
    char *again = arena_alloc(arena, 64);
    for (size_t i = 0; i < 64; i++) CHECK(again[i] == 0);
    arena_destroy(arena);
    arena_destroy(NULL);
}

/* What is printed is printed into the rest of a block if it fits: of every length, and where the
   block ends. */
TEST(arena_prints_at_the_end_of_a_block)
{
    struct arena *arena = arena_create();
    for (int len = 1; len < 600; len++) {
        text before = arena_printf(arena, "%*d", len, len);
        text after = arena_printf(arena, "%d|", len);
        CHECK(before.len == (size_t)len && before.at[before.len] == 0);
        CHECK(after.at >= before.at + before.len + 1 || after.at < before.at);
        CHECK(after.at[after.len] == 0 && after.at[after.len - 1] == '|');
    }
    arena_destroy(arena);
}

TEST(arena_takes_what_is_larger_than_a_block)
{
    struct arena *arena = arena_create();
    char *large = arena_alloc(arena, 100000);
    memset(large, 1, 100000);
    char *small = arena_alloc(arena, 10);
    memset(small, 2, 10);
    CHECK(large[99999] == 1);
    CHECK(arena_used(arena) >= 100010);
    arena_reset(arena);
    arena_alloc(arena, 100000);
    arena_reset(arena);
    arena_reset(arena);
    arena_destroy(arena);
}

TEST(arena_texts)
{
    struct arena *arena = arena_create();
    char from[] = {'a', 'b', 'c'};
    text copy = arena_text(arena, (text){from, 3});
    CHECK_TEXT(copy, "abc");
    CHECK(copy.at[3] == '\0');
    CHECK(arena_text(arena, text_of(NULL)).at == NULL);
    CHECK(arena_text(arena, TEXT("")).at != NULL);
    CHECK_TEXT(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    CHECK_TEXT(arena_int(arena, 0), "0");
    CHECK_TEXT(arena_int(arena, -42), "-42");
    CHECK_TEXT(arena_int(arena, INT64_MAX), "9223372036854775807");
    CHECK_TEXT(arena_int(arena, INT64_MIN), "-9223372036854775808");
    int64_t *numbers = arena_copy(arena, (int64_t[]){1, 2}, 2 * sizeof(int64_t));
    CHECK_INT(numbers[1], 2);
    arena_destroy(arena);
    char *string = mem_string((text){from, 2});
    CHECK_STRING(string, "ab");
    free(string);
}

TEST(buf_grows)
{
    struct buf buf = {0};
    CHECK_TEXT(buf_text(&buf), "");
    for (int i = 0; i < 1000; i++) buf_printf(&buf, "%d,", i);
    CHECK_INT(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
    CHECK(text_starts(buf_text(&buf), "0,1,2,3,"));
    CHECK_INT(strlen(buf.at), buf.len);
    buf_clear(&buf);
    CHECK_TEXT(buf_text(&buf), "");
    buf_add_char(&buf, 'x');
    buf_add_text(&buf, TEXT("yz"));
    memcpy(buf_reserve(&buf, 3), "123", 3);
    buf_grew(&buf, 3);
    CHECK_TEXT(buf_text(&buf), "xyz123");
    buf_finish(&buf);
    buf_finish(&buf);
}

TEST(buf_integers_are_big_endian)
{
    struct buf buf = {0};
    buf_add_u16(&buf, 0x0102);
    buf_add_u32(&buf, 0x03040506);
    buf_add_u64(&buf, UINT64_C(0x0708090A0B0C0D0E));
    CHECK_TEXT(buf_text(&buf), "\1\2\3\4\5\6\7\10\11\12\13\14\15\16");
    buf_finish(&buf);
}

TEST(err_texts)
{
    struct err err;
    CHECK_INT(err_field(&err, "kind", "INT-03", "kind: \"%s\" is unknown", "x"), -1);
    CHECK_STRING(err.message, "kind: \"x\" is unknown");
    CHECK_STRING(err.field, "kind");
    CHECK_STRING(err.rule, "INT-03");
    CHECK_INT(err_prefix(&err, "line %d", 3), -1);
    CHECK_STRING(err.message, "line 3: kind: \"x\" is unknown");
    CHECK_STRING(err.field, "kind");
    CHECK_INT(err_set(&err, "no"), -1);
    CHECK_STRING(err.field, "");
    CHECK_INT(err_set(NULL, "nobody listens"), -1);
    for (int i = 0; i < 50; i++) err_prefix(&err, "%0150d", i);
    CHECK(strlen(err.message) < sizeof(err.message));
}

TEST(uuid)
{
    char one[UUID_SIZE], two[UUID_SIZE], hex[33];
    uuid_new(one);
    uuid_new(two);
    CHECK(uuid_valid(text_of(one)));
    CHECK(strcmp(one, two) != 0);
    CHECK(one[14] == '4');
    CHECK(strchr("89ab", one[19]) != NULL);
    CHECK(!uuid_valid(TEXT("")));
    CHECK(!uuid_valid(TEXT("0123456789abcdef0123456789abcdef0123")));
    CHECK(!uuid_valid(TEXT("00000000-0000-4000-8000-00000000000g")));
    uuid_hex(hex, 16);
    CHECK_INT(strlen(hex), 32);
}
