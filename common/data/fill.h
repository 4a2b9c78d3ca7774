/*
 * walk: what the codecs share: filling a struct from a tree of values (MessagePack or JSON) along
 * its shape.
 */
#ifndef KEFU_FILL_H
#define KEFU_FILL_H

#include "base/arena.h"
#include "base/err.h"
#include "data/shape.h"

/* How a tree is looked at. A node that is null is given as NULL. */
struct walk_source {
    bool (*is_map)(const void *node);
    bool (*is_list)(const void *node, size_t *n);
    /* `hint` is 0 at first and belongs to the source: members mostly come in order. */
    const void *(*member)(const void *map, const char *name, size_t *hint);
    const void *(*item)(const void *list, size_t i);
    /* Store one value of the field's type, texts copied into the arena. NULL, or what it must be:
       "must be text". */
    const char *(*value)(const void *node, const struct field *field, void *to,
                         struct arena *arena);
    /* A member of the map that the shape does not have, or NULL. No function: they are skipped. */
    const char *(*unknown)(const void *map, const struct shape *shape);
};

/* A new struct in the arena. NULL if a field is missing or wrong: err->field is its path, such as
   "items[2].kind". The texts of commands and queries must be legible (legible.h): words where the
   field says so, lines elsewhere. */
MUST_CHECK void *walk_read(const struct walk_source *source, const void *node,
                           const struct shape *shape, struct arena *arena, struct err *err);
/* True if the field is optional and holds the zero of its type: it is not written. */
bool walk_is_absent(const struct field *field, const void *body);
/* Bytes of one item of a list field. */
size_t walk_item_size(const struct field *field);

#endif
