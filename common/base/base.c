#include "base/base.h"

#include <stdio.h>
#include <string.h>

bool time_is_good(time_us time)
{
    return time > 0 && time < TIME_END;
}

time_us time_clamp(time_us time)
{
    return time < 0 ? 1 : time >= TIME_END ? TIME_END - 1 : time;
}

time_us time_add(time_us time, int64_t span)
{
    int64_t sum;
    if (time == 0) return 0;
    if (__builtin_add_overflow(time, span, &sum)) return span < 0 ? 1 : TIME_END - 1;
    return sum == 0 ? 1 : time_clamp(sum);
}

text text_of(const char *string)
{
    return (text){string, string == NULL ? 0 : strlen(string)};
}

bool text_equal(text a, text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool text_is(text a, const char *string)
{
    return text_equal(a, text_of(string));
}

int text_compare(text a, text b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.at, b.at, shorter);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool text_starts(text a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && memcmp(a.at, prefix, len) == 0;
}

bool text_to_int(text a, int64_t *out)
{
    bool negative = a.len > 0 && a.at[0] == '-';
    uint64_t value = 0;
    if (a.len == (size_t)negative) return false;
    for (size_t i = negative; i < a.len; i++) {
        if (a.at[i] < '0' || a.at[i] > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(a.at[i] - '0'), &value)) return false;
    }
    if (value > (uint64_t)INT64_MAX + negative) return false;
    *out = (int64_t)(negative ? -value : value); /* INT64_MIN has no positive twin */
    return true;
}

text text_take(text *rest, char mark)
{
    const char *end = rest->len > 0 ? memchr(rest->at, mark, rest->len) : NULL;
    if (end == NULL) {
        text all = *rest;
        *rest = (text){0};
        return all;
    }
    text part = {rest->at, (size_t)(end - rest->at)};
    *rest = (text){end + 1, rest->len - part.len - 1};
    return part;
}

bool text_lists(text joined, text word)
{
    while (word.len > 0 && joined.len > 0)
        if (text_equal(text_take(&joined, ','), word)) return true;
    return false;
}

/* Length of the UTF-8 sequence that starts with `lead`, and the lowest code point it may carry; 0
   if none starts so. */
static size_t utf8_length(unsigned char lead, uint32_t *lowest)
{
    if (lead < 0x80) return *lowest = 0, 1;
    if (lead >= 0xC2 && lead <= 0xDF) return *lowest = 0x80, 2;
    if (lead >= 0xE0 && lead <= 0xEF) return *lowest = 0x800, 3;
    if (lead >= 0xF0 && lead <= 0xF4) return *lowest = 0x10000, 4;
    return 0;
}

static bool is_ascii_word(const unsigned char bytes[8])
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

/* Length of the character at the beginning of `n` bytes. 0: it is not UTF-8; more than n: its end
   is missing. */
static size_t character_length(const unsigned char *p, size_t n)
{
    uint32_t lowest = 0;
    size_t len = utf8_length(p[0], &lowest);
    uint32_t code = len <= 1 ? p[0] : p[0] & (0xFFu >> (len + 1));
    for (size_t k = 1; k < len && k < n; k++) {
        if ((p[k] & 0xC0) != 0x80) return 0;
        code = code << 6 | (p[k] & 0x3F);
    }
    bool bad = code < lowest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF);
    return len <= n && bad ? 0 : len;
}

bool text_is_utf8(text a)
{
    const unsigned char *p = (const unsigned char *)a.at;
    for (size_t i = 0; i < a.len;) {
        if (a.len - i >= 8 && is_ascii_word(p + i)) {
            i += 8;
            continue;
        }
        size_t len = character_length(p + i, a.len - i);
        if (len == 0 || len > a.len - i) return false;
        i += len;
    }
    return true;
}

text text_cut(text a, size_t max)
{
    if (a.len <= max) return a;
    while (max > 0 && ((unsigned char)a.at[max] & 0xC0) == 0x80) max--;
    return (text){a.at, max};
}

size_t text_fit(char *to, size_t size, text from)
{
    size_t used = 0, len;
    for (size_t i = 0; i < from.len; i += len) {
        len = character_length((const unsigned char *)from.at + i, from.len - i);
        bool bad = len == 0;
        if (bad) len = 1;
        if (len > from.len - i || used + len >= size) break;
        if (bad)
            to[used] = '?';
        else
            memmove(to + used, from.at + i, len);
        used += len;
    }
    to[used] = '\0';
    return used;
}

size_t text_vformat(char *to, size_t size, const char *format, va_list args)
{
    vsnprintf(to, size, format, args);
    return text_fit(to, size, text_of(to));
}

size_t text_format(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t len = text_vformat(to, size, format, args);
    va_end(args);
    return len;
}

uint64_t text_hash_more(uint64_t hash, text a)
{
    for (size_t i = 0; i < a.len; i++) {
        hash ^= (unsigned char)a.at[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}

uint64_t text_hash_end(uint64_t hash)
{
    hash ^= hash >> 33; /* FNV's low bits are weak: mix before anyone takes a remainder */
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 33;
}

uint64_t text_hash(text a)
{
    return text_hash_end(text_hash_more(TEXT_HASH_START, a));
}
