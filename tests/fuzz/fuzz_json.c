/* The first byte chooses a shape, the rest is read as JSON of it and as a time. What was read is
   written and must read the same again. */
#include "data/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    time_us time;
    if (size == 0) return 0;
    struct arena *arena = arena_create();
    struct buf once = {0}, twice = {0};
    const struct shape *shape = shape_all[data[0] % shape_all_n];
    text input = {(const char *)data + 1, size - 1};
    if (json_time(input, &time)) json_add_time(&once, time);
    buf_clear(&once);
    const void *body = json_read(input, shape, arena, &err);
    if (body != NULL) {
        json_write(&once, shape, body);
        const void *again = json_read(buf_text(&once), shape, arena, &err);
        if (again == NULL) abort();
        json_write(&twice, shape, again);
        if (!text_equal(buf_text(&once), buf_text(&twice))) abort();
    }
    buf_finish(&once);
    buf_finish(&twice);
    arena_destroy(arena);
    return 0;
}
