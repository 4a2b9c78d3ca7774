/* A frame from outside, as a service reads it: scanned, opened, read as the message it names. What
   was read is written and must read the same again. */
#include "data/pack.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_body(text bytes, const struct shape *shape, struct arena *arena)
{
    struct err err;
    struct buf once = {0}, twice = {0};
    const void *body = pack_read(bytes, shape, arena, &err);
    if (body != NULL) {
        pack_write(&once, shape, body);
        const void *again = pack_read(buf_text(&once), shape, arena, &err);
        if (again == NULL) abort();
        pack_write(&twice, shape, again);
        if (!text_equal(buf_text(&once), buf_text(&twice))) abort();
    }
    buf_finish(&once);
    buf_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct envelope envelope;
    text frame = {(const char *)data, size};
    text id = pack_find_id(frame);
    if (!text_is_utf8(id) || id.len > PACK_ID_READABLE) abort();
    if (pack_scan(frame, &pack_limits_outside, &err) < 0) return 0;
    struct arena *arena = arena_create();
    if (pack_open(frame, arena, &envelope, &err) == 0) {
        if (!text_equal(id, envelope.header.id)) abort();
        const struct shape *shape =
            shape_find(envelope.header.type, (int)(envelope.header.version & 0xff));
        if (shape != NULL) read_body(envelope.body, shape, arena);
    }
    if (size > 0) read_body(frame, shape_all[data[size - 1] % shape_all_n], arena);
    arena_destroy(arena);
    return 0;
}
