/*
 * base: the few words every file uses: borrowed text, microsecond time, attributes.
 */
#ifndef KEFU_BASE_H
#define KEFU_BASE_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of bytes. Text made by an arena or by the codec is also followed by a NUL. Absent
   text is {NULL, 0}. */
typedef struct text {
    const char *at;
    size_t len;
} text;

/* Microseconds since 1970-01-01T00:00:00Z, as PostgreSQL counts them (no leap seconds). 0 means "no
   time". */
typedef int64_t time_us;

/* The range of times: [1970, 2200), without the 0 that means none. What comes from outside is held
   to it; what is read from elsewhere, stored or said is brought back into it. So no arithmetic on
   times overflows, and calendar, database and ISO 8601 know them all. */
#define TIME_END (INT64_C(7258118400) * SECOND_US) /* 2200-01-01T00:00:00Z */
#define TIME_RANGE_TEXT "a time after 1970-01-01T00:00:00Z and before 2200-01-01T00:00:00Z"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(at, first) __attribute__((format(printf, at, first)))
#define NORETURN __attribute__((noreturn))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* A macro's value as a string literal, for statements and messages. */
#define STRING(value) STRING_OF(value)
#define STRING_OF(value) #value

/* TEXT("literal"), and printf("%.*s", TEXT_ARG(t)). */
#define TEXT(literal) ((text){(literal), sizeof(literal) - 1})
#define TEXT_ARG(t) (int)(t).len, ((t).len > 0 ? (t).at : "")

bool time_is_good(time_us time);
/* The nearest time of the range; 0 stays 0. */
time_us time_clamp(time_us time);
/* The sum, brought back into the range; whatever is added to 0 is 0. */
time_us time_add(time_us time, int64_t span);

/* The text of a NUL-terminated string; NULL gives the absent text. Borrows. */
text text_of(const char *string);
bool text_equal(text a, text b);
bool text_is(text a, const char *string);
/* Byte order, shorter first when one begins the other: <0, 0, >0. */
int text_compare(text a, text b);
bool text_starts(text a, const char *prefix);
/* Parse the whole text as a decimal number. False if it is not one or does not fit. */
bool text_to_int(text a, int64_t *out);
/* Cut what stands before the first `mark` off the text and return it; the mark goes too. Without
   one: the whole text. */
text text_take(text *rest, char mark);
/* Is the word, which is not empty, one of those that commas join? */
bool text_lists(text joined, text word);
/* True if the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool text_is_utf8(text a);
/* The beginning of at most `max` bytes, in whole characters. */
text text_cut(text a, size_t max);
/* For buffers of a fixed size: the beginning that fits, in whole characters and followed by a NUL.
   The result is always UTF-8: any byte that is not becomes '?'. Returns its length. `from` may lie
   in `to` itself. */
size_t text_fit(char *to, size_t size, text from);
/* The same for a format: what snprintf() writes, cut at a character's border. */
size_t text_format(char *to, size_t size, const char *format, ...) PRINTF(3, 4);
size_t text_vformat(char *to, size_t size, const char *format, va_list args);
/* FNV-1a, 64 bits, with a final mix. The one hash of the product: partitions depend on it, so it
   never changes. */
uint64_t text_hash(text a);
/* The same in pieces: from TEXT_HASH_START over what follows one another, and to the end. */
#define TEXT_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t text_hash_more(uint64_t hash, text a);
uint64_t text_hash_end(uint64_t hash);

#endif
