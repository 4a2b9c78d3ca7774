/*
 * fill: bodies with made-up values for any shape, from a seed, and their comparison field by field.
 */
#ifndef KEFU_TEST_FILL_H
#define KEFU_TEST_FILL_H

#include "base/arena.h"
#include "data/shape.h"

/* The next number of a small generator that is the same everywhere. */
uint64_t fill_random(uint64_t *state);
/* Every required field gets a value, an optional one sometimes; edge values are frequent. */
void *fill_body(const struct shape *shape, uint64_t *state, struct arena *arena);
/* The first field that differs, or NULL. */
const char *fill_difference(const struct shape *shape, const void *a, const void *b);

#endif
