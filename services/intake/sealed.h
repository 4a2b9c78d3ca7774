/*
 * sealed: structs in sealed bytes (vault.h), by their shapes.
 */
#ifndef KEFU_INTAKE_SEALED_H
#define KEFU_INTAKE_SEALED_H

#include "base/arena.h"
#include "base/err.h"
#include "data/shape.h"

text sealed_write(struct arena *arena, const struct shape *shape, const void *body, int64_t owner);
/* A keyed hash of the struct: equal for equal ones. */
text sealed_hash(struct arena *arena, const struct shape *shape, const void *body);
/* A zeroed struct for absent bytes, such as those of an erased customer. NULL on failure. */
MUST_CHECK const void *sealed_read(struct arena *arena, const struct shape *shape, text sealed,
                                   int64_t owner, struct err *err);

#endif
