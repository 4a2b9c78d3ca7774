#include "base/uuid.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { MAX_BYTES = 64 };

static const char digits[] = "0123456789abcdef";

/* Up to 256 bytes come at once or not at all (getrandom(2)); only a signal before the pool is ready
   interrupts. */
static void draw_random(unsigned char *out, size_t n)
{
    assert(n <= MAX_BYTES);
    ssize_t got;
    do {
        got = getrandom(out, n, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)n) fatal(NULL, "no random bytes: %s", strerror(errno));
}

static char *add_hex(char *to, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
    return to;
}

void uuid_new(char out[UUID_SIZE])
{
    static const size_t groups[] = {4, 2, 2, 2, 6};
    unsigned char bytes[16];
    draw_random(bytes, sizeof(bytes));
    bytes[6] = (bytes[6] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    const unsigned char *from = bytes;
    for (size_t i = 0; i < COUNT(groups); i++) {
        if (i > 0) *out++ = '-';
        out = add_hex(out, from, groups[i]);
        from += groups[i];
    }
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool uuid_valid(text value)
{
    if (value.len != UUID_SIZE - 1) return false;
    for (size_t i = 0; i < value.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? value.at[i] != '-' : !is_hex(value.at[i])) return false;
    }
    return true;
}

void uuid_hex(char *out, size_t n)
{
    unsigned char bytes[MAX_BYTES];
    draw_random(bytes, n);
    add_hex(out, bytes, n);
}
