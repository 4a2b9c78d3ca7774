/* Any bytes as a .msg file, and as one beside what was published (behind the first NUL): refused
   with file and line, or read. The generator's parser ends its process when it refuses and gives
   nothing back; here both are taken from it. */
#include "base/arena.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static jmp_buf refused;
static struct arena *memory;
static text bytes[2]; /* of the files whose names begin with 0 and 1 */
static FILE *opened, *nowhere;

static FILE *open_bytes(const char *name)
{
    text from = bytes[name[0] - '0'];
    return opened =
               from.len == 0 ? fopen("/dev/null", "r") : fmemopen((char *)from.at, from.len, "r");
}

static int close_bytes(FILE *file)
{
    opened = NULL;
    return fclose(file);
}

#undef COUNT
#undef stderr
#define stderr nowhere
#define fopen(name, mode) open_bytes(name)
#define fclose(file) close_bytes(file)
#define malloc(size) arena_alloc(memory, size)
#define exit(status) longjmp(refused, 1)
#include "../../proto/language.c"
#include "../../proto/published.c"
#undef fopen
#undef fclose
#undef malloc
#undef exit

static void read_both(bool published)
{
    if (published) language_read("1.msg", 0);
    int first = n_blocks;
    language_read(published ? "0.msg" : "0/rows.msg", first);
    for (int i = 0; i < n_blocks; i++) {
        const struct block *b = blocks[i];
        if (strstr(b->symbol, b->c_name) == NULL) abort(); /* a name was cut */
        for (int k = 0; k < b->n; k++)
            if (language_member(b, b->members[k].name) != &b->members[k]) abort();
    }
    if (published) published_check(first, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size == 0 ? NULL : memchr(data, '\0', size);
    size_t n = nul == NULL ? size : (size_t)(nul - data);
    bytes[0] = (text){(const char *)data, n};
    bytes[1] = nul == NULL ? (text){0} : (text){(const char *)nul + 1, size - n - 1};
    if (nowhere == NULL) nowhere = fopen("/dev/null", "w");
    memory = arena_create();
    n_blocks = 0;
    if (setjmp(refused) == 0) read_both(nul != NULL);
    if (opened != NULL) fclose(opened);
    opened = NULL;
    arena_destroy(memory);
    return 0;
}
