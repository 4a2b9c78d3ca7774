#include "codes.h"

#include <string.h>

bool names_next(text *rest, text *name)
{
    if (rest->len == 0) return false;
    const char *comma = memchr(rest->at, ',', rest->len);
    size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->at);
    *name = (text){rest->at, len};
    size_t used = comma == NULL ? len : len + 1;
    *rest = (text){rest->at + used, rest->len - used};
    return true;
}

bool names_have(text names, text name)
{
    text each;
    while (names_next(&names, &each))
        if (text_equal(each, name)) return true;
    return false;
}

text names_add(text names, text name, struct arena *arena)
{
    if (name.len == 0 || names_have(names, name)) return names;
    if (names.len == 0) return name;
    return arena_printf(arena, "%.*s,%.*s", TEXT_ARG(names), TEXT_ARG(name));
}

text names_remove(text names, text name, struct arena *arena)
{
    text kept = {NULL, 0}, each;
    if (!names_have(names, name)) return names;
    while (names_next(&names, &each))
        if (!text_equal(each, name)) kept = names_add(kept, each, arena);
    return kept;
}

text names_join(struct list texts, struct arena *arena)
{
    text names = {NULL, 0};
    for (size_t i = 0; i < texts.n; i++) names = names_add(names, LIST(texts, text)[i], arena);
    return names;
}

struct yaml_texts names_split(text names, struct arena *arena)
{
    size_t n = 0;
    text each;
    for (text rest = names; names_next(&rest, &each);) n++;
    text *at = ARENA_ARRAY(arena, text, n);
    n = 0;
    for (text rest = names; names_next(&rest, &each);) at[n++] = each;
    return (struct yaml_texts){at, n};
}
