#include "base/buf.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_finish(struct buf *buf)
{
    free(buf->at);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->at != NULL) buf->at[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->room < buf->len + len + 1) {
        size_t room = buf->room < 128 ? 256 : buf->room * 2;
        while (room < buf->len + len + 1) room *= 2;
        buf->at = mem_resize(buf->at, room);
        buf->room = room;
    }
    return buf->at + buf->len;
}

void buf_grew(struct buf *buf, size_t len)
{
    buf->len += len;
    buf->at[buf->len] = '\0';
}

void buf_add(struct buf *buf, const void *from, size_t len)
{
    char *to = buf_reserve(buf, len);
    if (len > 0) memcpy(to, from, len);
    buf_grew(buf, len);
}

void buf_add_text(struct buf *buf, text from)
{
    buf_add(buf, from.at, from.len);
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    vsnprintf(buf_reserve(buf, (size_t)len), (size_t)len + 1, format, args);
    buf_grew(buf, (size_t)len);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_add_u16(struct buf *buf, uint16_t v)
{
    unsigned char bytes[2] = {(unsigned char)(v >> 8), (unsigned char)v};
    buf_add(buf, bytes, sizeof(bytes));
}

void buf_add_u32(struct buf *buf, uint32_t v)
{
    buf_add_u16(buf, (uint16_t)(v >> 16));
    buf_add_u16(buf, (uint16_t)v);
}

void buf_add_u64(struct buf *buf, uint64_t v)
{
    buf_add_u32(buf, (uint32_t)(v >> 32));
    buf_add_u32(buf, (uint32_t)v);
}

text buf_text(const struct buf *buf)
{
    return (text){buf->at == NULL ? "" : buf->at, buf->len};
}
