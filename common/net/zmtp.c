#include "net/zmtp.h"

#include <strings.h>
#include <string.h>

enum { SIGNATURE_LAST = 9, MAJOR_AT = 10, MECHANISM_AT = 12, AS_SERVER_AT = 32 };
enum { MECHANISM_SIZE = 20, SHORT_SIZE_MAX = 255, NAME_AND_SIZE = 5 };

static const char mechanism[MECHANISM_SIZE] = "CURVE";

void zmtp_add_greeting(struct buf *out)
{
    char greeting[ZMTP_GREETING_SIZE] = {(char)0xFF};
    greeting[SIGNATURE_LAST] = 0x7F;
    greeting[MAJOR_AT] = 3;
    greeting[MAJOR_AT + 1] = 1;
    memcpy(greeting + MECHANISM_AT, mechanism, MECHANISM_SIZE);
    greeting[AS_SERVER_AT] = 1;
    buf_add(out, greeting, sizeof(greeting));
}

int zmtp_check_greeting(text begun, struct err *err)
{
    const unsigned char *at = (const unsigned char *)begun.at;
    if (begun.len > 0 && at[0] != 0xFF) return err_set(err, "this is no ZMTP");
    if (begun.len > SIGNATURE_LAST && (at[SIGNATURE_LAST] & 1) == 0)
        return err_set(err, "the version of ZMTP is below 3");
    if (begun.len > MAJOR_AT && at[MAJOR_AT] < 3)
        return err_set(err, "the version of ZMTP is below 3");
    if (begun.len >= MECHANISM_AT + MECHANISM_SIZE &&
        memcmp(at + MECHANISM_AT, mechanism, MECHANISM_SIZE) != 0)
        return err_set(err, "the mechanism is not CURVE");
    return 0;
}

static uint64_t read_number(const char *at, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) number = number << 8 | (unsigned char)at[i];
    return number;
}

bool zmtp_read_head(text bytes, struct zmtp_head *head)
{
    if (bytes.len < 2) return false;
    head->flags = (unsigned char)bytes.at[0];
    head->len = head->flags & ZMTP_LONG ? ZMTP_HEAD_MAX : 2;
    if (bytes.len < head->len) return false;
    head->size = read_number(bytes.at + 1, head->len - 1);
    return true;
}

void zmtp_add_head(struct buf *out, unsigned flags, size_t size)
{
    if (size <= SHORT_SIZE_MAX) {
        buf_add_char(out, (char)flags);
        buf_add_char(out, (char)size);
    } else {
        buf_add_char(out, (char)(flags | ZMTP_LONG));
        buf_add_u64(out, size);
    }
}

void zmtp_add_property(struct buf *out, const char *name, text value)
{
    buf_add_char(out, (char)strlen(name));
    buf_add_text(out, text_of(name));
    buf_add_u32(out, (uint32_t)value.len);
    buf_add_text(out, value);
}

/* Cut the first property off. */
static int take_property(text *metadata, text *name, text *value)
{
    size_t name_len = (unsigned char)metadata->at[0];
    if (metadata->len < name_len + NAME_AND_SIZE) return -1;
    *name = (text){metadata->at + 1, name_len};
    size_t value_len = read_number(name->at + name_len, NAME_AND_SIZE - 1);
    if (metadata->len - name_len - NAME_AND_SIZE < value_len) return -1;
    *value = (text){name->at + name_len + NAME_AND_SIZE - 1, value_len};
    size_t taken = name_len + NAME_AND_SIZE + value_len;
    *metadata = (text){metadata->at + taken, metadata->len - taken};
    return 0;
}

int zmtp_find_property(text metadata, const char *name, text *value, struct err *err)
{
    *value = (text){0};
    while (metadata.len > 0) {
        text found, content;
        if (take_property(&metadata, &found, &content) < 0)
            return err_set(err, "the metadata is malformed");
        if (found.len == strlen(name) && strncasecmp(found.at, name, found.len) == 0)
            *value = content;
    }
    return 0;
}
