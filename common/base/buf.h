/*
 * buf: a growing byte buffer. Zero-initialised is empty and valid.
 */
#ifndef KEFU_BUF_H
#define KEFU_BUF_H

#include "base/base.h"

#include <stdarg.h>

struct buf {
    char *at;
    size_t len;
    size_t room;
};

void buf_finish(struct buf *buf); /* frees; leaves it empty */
void buf_clear(struct buf *buf);  /* forgets the bytes, keeps the memory */
void buf_add(struct buf *buf, const void *from, size_t len);
void buf_add_text(struct buf *buf, text from);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF(2, 0);
/* Big-endian integers, as PostgreSQL's binary formats want them. */
void buf_add_u16(struct buf *buf, uint16_t v);
void buf_add_u32(struct buf *buf, uint32_t v);
void buf_add_u64(struct buf *buf, uint64_t v);
/* Room for `len` more bytes; returns where to write. Call buf_grew() with what was used. */
char *buf_reserve(struct buf *buf, size_t len);
void buf_grew(struct buf *buf, size_t len);
/* Borrowed view; NUL-terminated. */
text buf_text(const struct buf *buf);

#endif
