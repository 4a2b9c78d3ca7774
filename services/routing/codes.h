/*
 * names: lists of codes as one text, joined by commas ("am01,am02"), as routing's rows keep them.
 */
#ifndef KEFU_ROUTING_CODES_H
#define KEFU_ROUTING_CODES_H

#include "base/arena.h"
#include "data/shape.h"
#include "data/yaml.h"

bool names_have(text names, text name);
/* The list with the name at its end, or as it was if it has the name. */
text names_add(text names, text name, struct arena *arena);
text names_remove(text names, text name, struct arena *arena);
/* A message's list of texts as one text; absent if there is none. */
text names_join(struct list texts, struct arena *arena);
struct yaml_texts names_split(text names, struct arena *arena);
/* The next name of a list; false at its end. `rest` is moved on. */
bool names_next(text *rest, text *name);

#endif
