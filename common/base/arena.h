/*
 * arena: memory that lives and dies together. What belongs to a message is in its arena. Running
 * out of memory ends the process, here and nowhere else.
 */
#ifndef KEFU_ARENA_H
#define KEFU_ARENA_H

#include "base/base.h"

#include <stdarg.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena); /* NULL is fine */
/* Forget everything allocated, keeping one block for reuse. */
void arena_reset(struct arena *arena);
/* Zeroed memory, aligned for anything. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *from, size_t size);
/* A copy followed by a NUL. The absent text stays absent. */
text arena_text(struct arena *arena, text from);
text arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
text arena_vprintf(struct arena *arena, const char *format, va_list args);
text arena_int(struct arena *arena, int64_t number); /* in decimal */
/* Resources outside the arena that end with it: `finish(thing)` is called when the arena is reset
   or destroyed, the latest first. */
void arena_owns(struct arena *arena, void (*finish)(void *thing), void *thing);
/* Bytes handed out since creation or reset (for limits and metrics). */
size_t arena_used(const struct arena *arena);

/* For what outlives a message: malloc family that cannot fail. */
void *mem_alloc(size_t size); /* zeroed */
void *mem_resize(void *old, size_t size);
char *mem_string(text from); /* NUL-terminated copy; free() it */

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_alloc((arena), sizeof(type) * (n)))

#endif
