/* Any bytes as a CSV file of requests, behind a header with all columns or without: each row is
   read or told as a problem. */
#include "cli/import/import_rows.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mapping *known_mapping(void)
{
    static const struct mapping *mapping;
    static struct arena *for_ever;
    struct err err;
    if (for_ever == NULL) for_ever = arena_create();
    if (mapping == NULL) mapping = mapping_read("deploy/import/baltimore.yaml", for_ever, &err);
    if (mapping == NULL) abort();
    return mapping;
}

/* The first byte says whether a good header comes first. */
static int offer(const uint8_t *data, size_t size, const struct mapping *mapping)
{
    struct buf bytes = {0};
    int file = memfd_create("rows", MFD_CLOEXEC);
    for (int i = 0; size > 0 && data[0] % 2 == 0 && i < COLUMNS; i++)
        buf_printf(&bytes, "%s%s", mapping->columns[i].at, i + 1 < COLUMNS ? "," : "\n");
    if (size > 0) buf_add(&bytes, data + 1, size - 1);
    if (file < 0 || write(file, bytes.at, bytes.len) != (ssize_t)bytes.len) abort();
    buf_finish(&bytes);
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mapping *mapping = known_mapping();
    int file = offer(data, size, mapping);
    char name[64];
    struct arena *arena = arena_create();
    struct import_rows rows = {0};
    struct problems problems = {0};
    struct err err = {0};
    snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
    int bad = import_rows_read(name, mapping, mapping->until, arena, &rows, &problems, &err);
    if (bad < 0 && err.message[0] == '\0') abort();
    for (size_t i = 0; i < rows.n; i++)
        if (rows.at[i].source_id.len == 0 || rows.at[i].opened > mapping->until) abort();
    import_rows_finish(&rows);
    problems_finish(&problems);
    arena_destroy(arena);
    close(file);
    return 0;
}
