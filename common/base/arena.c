#include "base/arena.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) char bytes[];
};

struct owned {
    struct owned *next;
    void (*finish)(void *thing);
    void *thing;
};

struct arena {
    struct block *blocks; /* the newest first; allocation happens in it */
    struct owned *owned;
    size_t used;
};

void *mem_alloc(size_t size)
{
    void *memory = calloc(1, size == 0 ? 1 : size);
    if (memory == NULL) fatal(NULL, "out of memory: %zu bytes", size);
    return memory;
}

void *mem_resize(void *old, size_t size)
{
    void *memory = realloc(old, size == 0 ? 1 : size);
    if (memory == NULL) fatal(NULL, "out of memory: %zu bytes", size);
    return memory;
}

char *mem_string(text from)
{
    char *copy = mem_alloc(from.len + 1);
    if (from.len > 0) memcpy(copy, from.at, from.len);
    return copy;
}

static struct block *add_block(struct arena *arena, size_t least)
{
    size_t size = least > BLOCK_SIZE ? least : BLOCK_SIZE;
    struct block *block = mem_resize(NULL, sizeof(struct block) + size);
    *block = (struct block){.next = arena->blocks, .size = size};
    return arena->blocks = block;
}

struct arena *arena_create(void)
{
    return mem_alloc(sizeof(struct arena));
}

static void free_blocks(struct block *block)
{
    while (block != NULL) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

static void finish_owned(struct arena *arena)
{
    for (struct owned *owned = arena->owned; owned != NULL; owned = owned->next)
        owned->finish(owned->thing);
    arena->owned = NULL;
}

void arena_owns(struct arena *arena, void (*finish)(void *thing), void *thing)
{
    struct owned *owned = arena_alloc(arena, sizeof(*owned));
    *owned = (struct owned){arena->owned, finish, thing};
    arena->owned = owned;
}

void arena_destroy(struct arena *arena)
{
    if (arena == NULL) return;
    finish_owned(arena);
    free_blocks(arena->blocks);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    finish_owned(arena);
    arena->used = 0;
    struct block *keep = arena->blocks;
    if (keep == NULL) return;
    free_blocks(keep->next);
    keep->next = NULL;
    keep->used = 0;
    if (keep->size > BLOCK_SIZE) { /* do not hold on to one message's hunger */
        free(keep);
        arena->blocks = NULL;
    }
}

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = round_up(size);
    struct block *block = arena->blocks;
    if (block == NULL || block->size - block->used < rounded) block = add_block(arena, rounded);
    void *memory = block->bytes + block->used;
    block->used += rounded;
    arena->used += rounded;
    return memset(memory, 0, size);
}

void *arena_copy(struct arena *arena, const void *from, size_t size)
{
    void *to = arena_alloc(arena, size);
    return size == 0 ? to : memcpy(to, from, size);
}

text arena_text(struct arena *arena, text from)
{
    if (from.at == NULL) return from;
    char *copy = arena_alloc(arena, from.len + 1);
    if (from.len > 0) memcpy(copy, from.at, from.len);
    return (text){copy, from.len};
}

/* Mostly short: formatted once, into what is left of the block. */
text arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    struct block *block = arena->blocks == NULL ? add_block(arena, 0) : arena->blocks;
    char *left = block->bytes + block->used;
    size_t room = block->size - block->used;
    va_copy(again, args);
    int len = vsnprintf(left, room, format, again);
    va_end(again);
    assert(len >= 0);
    size_t rounded = round_up((size_t)len + 1);
    if (rounded <= room) {
        block->used += rounded;
        arena->used += rounded;
        return (text){left, (size_t)len};
    }
    char *out = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(out, (size_t)len + 1, format, args);
    return (text){out, (size_t)len};
}

text arena_int(struct arena *arena, int64_t number)
{
    char digits[24], *at = digits + sizeof(digits);
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do *--at = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0) *--at = '-';
    return arena_text(arena, (text){at, (size_t)(digits + sizeof(digits) - at)});
}

text arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text out = arena_vprintf(arena, format, args);
    va_end(args);
    return out;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
