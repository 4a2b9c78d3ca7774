#include "data/encoding.h"

#include "base/buf.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

enum {
    LOOKED_AT = 4096, /* so many bytes show whether zeroes stand in every second place */
    PIECE = 64 * 1024
};

const char *const encoding_names[] = {"auto", "utf-8",        "utf-16le",   "utf-16be", "gb18030",
                                      "big5", "windows-1252", "iso-8859-1", NULL};

/* --- what it is --- */

static bool begins(text bytes, const char *mark, size_t len)
{
    return bytes.len >= len && memcmp(bytes.at, mark, len) == 0;
}

size_t encoding_mark(text bytes)
{
    return begins(bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
}

/* Without a mark: the zero bytes of a header in Latin letters. */
static const char *wide_by_zeroes(text bytes)
{
    size_t n = bytes.len < LOOKED_AT ? bytes.len : LOOKED_AT, zeroes[2] = {0};
    for (size_t i = 0; i < n; i++) zeroes[i % 2] += bytes.at[i] == '\0';
    if (zeroes[1] * 4 > n && zeroes[0] == 0) return "utf-16le";
    if (zeroes[0] * 4 > n && zeroes[1] == 0) return "utf-16be";
    return NULL;
}

/* The length of the well-formed character at the front of the rest, 0 if it is none. */
static size_t char_length(text rest)
{
    unsigned char c = (unsigned char)rest.at[0];
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return len <= rest.len && text_is_utf8((text){rest.at, len}) ? len : 0;
}

/* Text of another code page holds hardly anything that is well formed by chance. */
static bool is_utf8_with_damage(text bytes)
{
    size_t good = 0, bad = 0;
    for (size_t i = 0; i < bytes.len;) {
        size_t len = char_length((text){bytes.at + i, bytes.len - i});
        good += len > 1;
        bad += len == 0;
        i += len > 0 ? len : 1;
    }
    return good >= bad * 4;
}

/* Nearly every character that is used lies in the rows of GB2312; an accented letter of Western
   Europe takes the Latin letter behind it for its second half, and lies outside. */
static bool is_chinese(text bytes)
{
    size_t usual = 0, others = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char lead = (unsigned char)bytes.at[i];
        if (lead < 0x80) continue;
        unsigned char trail = i + 1 < bytes.len ? (unsigned char)bytes.at[++i] : 0;
        bool in_rows = lead >= 0xa1 && lead <= 0xf7 && trail >= 0xa1;
        usual += in_rows;
        others += !in_rows;
    }
    return usual > others * 3;
}

const char *encoding_of(text bytes)
{
    if (encoding_mark(bytes) > 0) return "utf-8";
    if (begins(bytes, "\xff\xfe", 2)) return "utf-16le";
    if (begins(bytes, "\xfe\xff", 2)) return "utf-16be";
    const char *wide = wide_by_zeroes(bytes);
    if (wide != NULL) return wide;
    if (text_is_utf8(bytes) || is_utf8_with_damage(bytes)) return "utf-8";
    return is_chinese(bytes) ? "gb18030" : "auto";
}

/* --- reading it --- */

/* The place where reading stopped, counted in what was read without its byte order mark. */
static int refuse_bytes(text read, text rest, const char *name, struct err *err)
{
    size_t line = 1, character = 1;
    char shown[24] = "";
    for (size_t i = encoding_mark(read); i < read.len; i++) {
        bool begun = ((unsigned char)read.at[i] & 0xc0) != 0x80;
        line += read.at[i] == '\n';
        character = read.at[i] == '\n' ? 1 : character + begun;
    }
    for (size_t i = 0; i < 2 && i < rest.len; i++)
        snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), " %02x",
                 (unsigned char)rest.at[i]);
    return err_set(err, "line %zu, character %zu: the bytes%s are not %s", line, character, shown,
                   name);
}

static int convert(iconv_t door, text bytes, const char *name, struct buf *out, struct err *err)
{
    char *from = (char *)bytes.at;
    size_t left = bytes.len, wrong = 0;
    while (left > 0 && wrong == 0) {
        char *to = buf_reserve(out, PIECE);
        size_t room = PIECE;
        if (iconv(door, &from, &left, &to, &room) == (size_t)-1 && errno != E2BIG) wrong = 1;
        buf_grew(out, PIECE - room);
    }
    return wrong == 0 ? 0 : refuse_bytes(buf_text(out), (text){from, left}, name, err);
}

static text read_other(text bytes, const char *name, struct arena *arena, struct err *err)
{
    iconv_t door = iconv_open("UTF-8", name);
    struct buf out = {0};
    text read = {0};
    if (door == (iconv_t)-1) {
        err_set(err, "this machine cannot read %s: %s", name, strerror(errno));
        return read;
    }
    if (convert(door, bytes, name, &out, err) == 0)
        read = out.len > 0 ? arena_text(arena, buf_text(&out)) : TEXT("");
    iconv_close(door);
    buf_finish(&out);
    size_t mark = encoding_mark(read);
    return mark > 0 ? (text){read.at + mark, read.len - mark} : read;
}

static text read_utf8(text bytes, struct err *err)
{
    size_t mark = encoding_mark(bytes), at = 0;
    text rest = {bytes.at + mark, bytes.len - mark};
    if (text_is_utf8(rest)) return rest;
    for (size_t len; (len = char_length((text){rest.at + at, rest.len - at})) > 0;) at += len;
    refuse_bytes((text){rest.at, at}, (text){rest.at + at, rest.len - at}, "UTF-8", err);
    return (text){0};
}

text encoding_read(text bytes, const char *name, struct arena *arena, struct err *err)
{
    bool guess = strcmp(name, "auto") == 0;
    const char *known = guess ? encoding_of(bytes) : name;
    if (guess && strcmp(known, "auto") == 0) {
        read_utf8(bytes, err);
        return (text){0};
    }
    return strcmp(known, "utf-8") == 0 ? read_utf8(bytes, err)
                                       : read_other(bytes, known, arena, err);
}
