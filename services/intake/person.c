#include "person.h"

#include "base/address.h"
#include "base/legible.h"
#include "vault.h"

#include <string.h>

static bool is_separator(char c)
{
    return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/';
}

bool person_phone(text given, char out[PERSON_KNOWN_BY])
{
    size_t len = 0;
    bool foreign = given.len > 0 && given.at[0] == '+';
    if (given.len > PERSON_PHONE_BYTES) return false;
    for (size_t i = foreign; i < given.len; i++) {
        char c = given.at[i];
        if (is_separator(c)) continue;
        if (c < '0' || c > '9') return false;
        out[len++] = c;
    }
    size_t cut = foreign && len >= 10 && memcmp(out, "86", 2) == 0 ? 2
                 : len >= 12 && memcmp(out, "0086", 4) == 0        ? 4
                                                                   : 0;
    memmove(out, out + cut, len - cut);
    out[len - cut] = '\0';
    return len - cut >= PERSON_PHONE_LEAST && len - cut <= PERSON_PHONE_MAX;
}

bool person_mail(text given, char out[PERSON_KNOWN_BY])
{
    if (address_mail_fault(given) != NULL) return false;
    for (size_t i = 0; i < given.len; i++) {
        char c = given.at[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[given.len] = '\0';
    return true;
}

void person_identify(text phone, text mail, struct person_identity *out)
{
    char known_by[1 + PERSON_KNOWN_BY]; /* the first letter keeps the two kinds apart */
    uint64_t number = 0;
    memset(out, 0, sizeof(*out));
    if (person_phone(phone, known_by + 1))
        known_by[0] = 'p';
    else if (person_mail(mail, known_by + 1))
        known_by[0] = 'm';
    else
        return;
    vault_hash(text_of(known_by), out->hash);
    for (int i = 0; i < 8; i++) number = number << 8 | out->hash[i];
    out->number = INT64_C(100000000000000) + (int64_t)(number % UINT64_C(900000000000000));
}

/* Bytes of the first character of UTF-8 text. */
static int first_character(text name)
{
    int len = 1;
    while ((size_t)len < name.len && ((unsigned char)name.at[len] & 0xc0) == 0x80) len++;
    return len;
}

text person_label(text name, text phone, struct arena *arena)
{
    char digits[PERSON_KNOWN_BY];
    name = legible_trim(name);
    text first = {name.at, name.len == 0 ? 0 : (size_t)first_character(name)};
    bool called = phone.len > 0 && person_phone(phone, digits) && strlen(digits) >= 8;
    const char *tail = called ? digits + strlen(digits) - 4 : "";
    if (first.len == 0 && !called) return (text){0};
    if (first.len == 0) return arena_printf(arena, "(***%s)", tail);
    if (!called) return arena_printf(arena, "%.*s**", TEXT_ARG(first));
    return arena_printf(arena, "%.*s** (***%s)", TEXT_ARG(first), tail);
}
