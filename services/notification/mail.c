#include "mail.h"

#include "base/buf.h"
#include "sign.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum {
    WORD_BYTES = 39,
    LINE_CHARS = 76
}; /* 39 bytes make 52 characters of base64: a line of 73 with the header's name */

/* How many bytes of `rest` fit into one encoded word without cutting a character. */
static size_t word_length(text rest)
{
    if (rest.len <= WORD_BYTES) return rest.len;
    size_t n = WORD_BYTES;
    while (n > 0 && ((unsigned char)rest.at[n] & 0xC0) == 0x80) n--;
    return n > 0 ? n : WORD_BYTES;
}

static bool is_plain(text value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.at[i] < ' ' || (unsigned char)value.at[i] >= 0x7f) return false;
    return value.len <= 60 && (value.len < 2 || memmem(value.at, value.len, "=?", 2) == NULL);
}

static void add_header(struct buf *out, const char *name, text value, struct arena *arena)
{
    buf_printf(out, "%s:", name);
    if (is_plain(value)) {
        buf_printf(out, " %.*s\r\n", TEXT_ARG(value));
        return;
    }
    char *clean = arena_copy(arena, value.at, value.len);
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)clean[i] < ' ' || clean[i] == 0x7f) clean[i] = ' ';
    for (text rest = {clean, value.len}; rest.len > 0;) {
        size_t n = word_length(rest);
        buf_printf(out, " =?UTF-8?B?%s?=\r\n", encode_base64((text){rest.at, n}, arena).at);
        rest = (text){rest.at + n, rest.len - n};
    }
}

static void add_date(struct buf *out, time_us at)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = at / SECOND_US;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_body(struct buf *out, text body, struct arena *arena)
{
    text encoded = encode_base64(body, arena);
    while (encoded.len > 0) {
        size_t n = encoded.len < LINE_CHARS ? encoded.len : LINE_CHARS;
        buf_printf(out, "%.*s\r\n", (int)n, encoded.at);
        encoded = (text){encoded.at + n, encoded.len - n};
    }
}

text mail_write(const struct mail *mail, struct arena *arena)
{
    struct buf out = {0};
    const char *domain = memchr(mail->from.at, '@', mail->from.len);
    size_t domain_len = domain == NULL ? 0 : (size_t)(mail->from.at + mail->from.len - domain);
    add_date(&out, mail->at);
    buf_printf(&out, "From: <%.*s>\r\nTo: <%.*s>\r\n", TEXT_ARG(mail->from), TEXT_ARG(mail->to));
    buf_printf(&out, "Message-ID: <kefu-%" PRId64 "%.*s>\r\n", mail->message, (int)domain_len,
               domain_len > 0 ? domain : "");
    add_header(&out, "Subject", mail->subject, arena);
    if (mail->automatic) buf_printf(&out, "Auto-Submitted: auto-generated\r\n");
    buf_printf(&out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\n");
    add_body(&out, mail->body, arena);
    text written = arena_text(arena, buf_text(&out));
    buf_finish(&out);
    return written;
}
