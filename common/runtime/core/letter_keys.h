/*
 * letter_keys: which keys may have dead letters that later messages wait behind. Only the database
 * counts; this says whether it is worth asking: yes perhaps for a key that has none, never no for
 * one that has some. Of a fixed size. Pure.
 */
#ifndef KEFU_LETTER_KEYS_H
#define KEFU_LETTER_KEYS_H

#include "base/base.h"

enum { LETTER_KEYS_BITS = 1 << 16 };

/* Zeroed: any key may have some. */
struct letter_keys {
    bool complete; /* all that have some are marked */
    bool some;     /* any is marked */
    uint64_t bits[LETTER_KEYS_BITS / 64];
};

/* From now on those have some that are added. */
void letter_keys_begin(struct letter_keys *keys);
/* Any may have some, until it is begun anew. */
void letter_keys_forget(struct letter_keys *keys);
void letter_keys_add(struct letter_keys *keys, text key);
bool letter_keys_may_have(const struct letter_keys *keys, text key);

#endif
