#include "runtime/core/letter_keys.h"

#include <string.h>

void letter_keys_begin(struct letter_keys *keys)
{
    memset(keys, 0, sizeof(*keys));
    keys->complete = true;
}

void letter_keys_forget(struct letter_keys *keys)
{
    keys->complete = false;
}

/* The keys of a lane have the low bits of their hash in common (its partitions): others are taken.
   */
static size_t bit_of(text key)
{
    return text_hash(key) >> 32 & (LETTER_KEYS_BITS - 1);
}

void letter_keys_add(struct letter_keys *keys, text key)
{
    size_t bit = bit_of(key);
    keys->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    keys->some = true;
}

bool letter_keys_may_have(const struct letter_keys *keys, text key)
{
    if (!keys->complete) return true;
    if (!keys->some) return false;
    size_t bit = bit_of(key);
    return keys->bits[bit / 64] >> bit % 64 & 1;
}
