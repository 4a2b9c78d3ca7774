/* person: telephone numbers, addresses, labels, and numbers of customers. vault: what is sealed
   opens for its owner alone. */
#include "test.h"

#include "intake/person.h"
#include "intake/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_ONE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_TWO "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static int load(const char *lines, struct err *err)
{
    char path[] = "/tmp/kefu-test-key-XXXXXX";
    int file = mkstemp(path);
    FILE *out = fdopen(file, "w");
    fputs(lines, out);
    fclose(out);
    int status = vault_load(path, err);
    unlink(path);
    return status;
}

TEST(phone)
{
    static const struct {
        const char *given, *want;
    } rows[] = {
        {"138 0000 1111", "13800001111"},
        {"+86-138-0000-1111", "13800001111"},
        {"0086 13800001111", "13800001111"},
        {"(010) 5555/0000", "01055550000"},
        {"86123", "86123"},
        {"+1 410 555 0100", "14105550100"},
        {"000-0000-0001", "00000000001"},
        {"1234", NULL},
        {"call me", NULL},
        {"", NULL},
        {"123456789012345678901", NULL},
        {"12345x", NULL},
        {"+86", NULL},
        {"+", NULL},
        {"138+00138000", NULL},
        {"１３８００００１１１１", NULL},
        {"138\u200b00001111", NULL},
        {"1380000(((((((((((((((((((((((((((((1111", "13800001111"},
        {"1380000((((((((((((((((((((((((((((((1111", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[PERSON_KNOWN_BY];
        bool good = person_phone(text_of(rows[i].given), out);
        test_row(rows[i].given);
        if (CHECK(good == (rows[i].want != NULL)) && good) CHECK_STRING(out, rows[i].want);
    }
}

TEST(mail)
{
    static const struct {
        const char *given, *want;
    } rows[] = {
        {"Some.One@Example.COM", "some.one@example.com"},
        {"a@b.c", "a@b.c"},
        {"a@b", NULL},
        {"@b.c", NULL},
        {"a@.c", NULL},
        {"a@b.", NULL},
        {"a b@c.d", NULL},
        {"a@b@c.d", NULL},
        {"<a@b.c>", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[PERSON_KNOWN_BY];
        bool good = person_mail(text_of(rows[i].given), out);
        test_row(rows[i].given);
        if (CHECK(good == (rows[i].want != NULL)) && good) CHECK_STRING(out, rows[i].want);
    }
}

TEST(label)
{
    static const struct {
        const char *name, *phone, *want;
    } rows[] = {
        {"Zhang", "138 0000 4821", "Z** (***4821)"},
        {"张三", "13800004821", "张** (***4821)"},
        {"张三", NULL, "张**"},
        {NULL, "13800004821", "(***4821)"},
        {"  Li", NULL, "L**"},
        {"\u3000\u00a0张三", NULL, "张**"},
        {"\u202e张三", NULL, "张**"},
        {"Li", "5551234", "L**"},
        {NULL, NULL, NULL},
    };
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].want);
        CHECK_TEXT(person_label(text_of(rows[i].name), text_of(rows[i].phone), arena),
                   rows[i].want);
    }
    arena_destroy(arena);
}

TEST(a_customer_has_one_number)
{
    struct person_identity one, two, other, mail, none;
    struct err err;
    CHECK(load("1 " KEY_ONE "\n", &err) == 0);
    person_identify(TEXT("138 0000 1111"), TEXT("a@b.c"), &one);
    person_identify(TEXT("+86 13800001111"), (text){0}, &two);
    person_identify(TEXT("13800001112"), (text){0}, &other);
    person_identify((text){0}, TEXT("A@B.C"), &mail);
    person_identify(TEXT("none"), (text){0}, &none);
    CHECK_INT(two.number, one.number);
    CHECK(memcmp(one.hash, two.hash, sizeof(one.hash)) == 0);
    CHECK(other.number != one.number && mail.number != one.number && mail.number != 0);
    CHECK(one.number >= INT64_C(100000000000000) && one.number < INT64_C(1000000000000000));
    CHECK_INT(none.number, 0);
    CHECK(load("2 " KEY_TWO "\n", &err) == 0);
    person_identify(TEXT("13800001111"), (text){0}, &two);
    CHECK(two.number != one.number);
    CHECK(load("1 " KEY_ONE "\n2 " KEY_TWO "\n", &err) ==
          0); /* a new key to seal with leaves customers where they are */
    person_identify(TEXT("13800001111"), (text){0}, &two);
    CHECK_INT(two.number, one.number);
}

TEST(sealed_opens_for_its_owner_alone)
{
    struct arena *arena = arena_create();
    struct err err;
    text out;
    CHECK(load("1 " KEY_ONE "\n", &err) == 0);
    text sealed = vault_seal(arena, TEXT("words"), 7), again = vault_seal(arena, TEXT("words"), 7);
    CHECK(!text_equal(sealed, again));
    CHECK(memmem(sealed.at, sealed.len, "words", 5) == NULL);
    CHECK(vault_unseal(arena, sealed, 7, &out, &err) == 0);
    CHECK_TEXT(out, "words");
    CHECK(vault_unseal(arena, sealed, 8, &out, &err) < 0);
    CHECK(vault_unseal(arena, (text){sealed.at, sealed.len - 1}, 7, &out, &err) < 0);
    CHECK(vault_unseal(arena, (text){sealed.at, 5}, 7, &out, &err) < 0);
    CHECK(vault_unseal(arena, (text){0}, 7, &out, &err) == 0 && out.at == NULL);
    char *broken = arena_copy(arena, sealed.at, sealed.len);
    broken[sealed.len / 2] ^= 1;
    CHECK(vault_unseal(arena, (text){broken, sealed.len}, 7, &out, &err) < 0);
    arena_destroy(arena);
}

TEST(keys_are_changed_by_adding_a_line)
{
    struct arena *arena = arena_create();
    struct err err;
    text out;
    CHECK(load(KEY_ONE "\n", &err) == 0);
    text old = vault_seal(arena, TEXT("old"), 1);
    CHECK(load("# keys\n1 " KEY_ONE "\n\n9 " KEY_TWO "\n", &err) == 0);
    text new = vault_seal(arena, TEXT("new"), 1);
    CHECK_INT(new.at[0], 9);
    CHECK(vault_unseal(arena, old, 1, &out, &err) == 0);
    CHECK_TEXT(out, "old");
    CHECK(load("1 " KEY_ONE "\n", &err) == 0);
    CHECK(vault_unseal(arena, new, 1, &out, &err) < 0);
    CHECK_HAS(text_of(err.message), "key 9");
    arena_destroy(arena);
}

TEST(bad_key_files)
{
    static const struct {
        const char *lines, *why;
    } rows[] = {
        {"", "no key"},
        {"# nothing\n", "no key"},
        {"1 abcd\n", "64 hexadecimal"},
        {"0 " KEY_ONE "\n", "1 to 255"},
        {"256 " KEY_ONE "\n", "1 to 255"},
        {"1 " KEY_ONE "\n1 " KEY_TWO "\n", "twice"},
        {"x " KEY_ONE "\n", "a number"},
        {"1 " KEY_ONE "00\n", "64 hexadecimal"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err;
        test_row(rows[i].why);
        CHECK(load(rows[i].lines, &err) < 0);
        CHECK_HAS(text_of(err.message), rows[i].why);
    }
    struct err err;
    CHECK(vault_load("/nowhere/at/all", &err) < 0);
}
