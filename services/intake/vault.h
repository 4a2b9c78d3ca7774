/*
 * vault: what keeps personal data. Seals them with XChaCha20-Poly1305 for the database and hashes
 * what they are found by. The one door to libsodium in this service.
 *
 * A key file has one line for each key: a number from 1 to 255, a blank, 64 hexadecimal digits. The
 * last line's key seals; all of them open. The first line's key also makes the hashes that
 * customers are found by, so it must stay the first line for ever. A line with 64 digits alone is
 * key 1.
 */
#ifndef KEFU_INTAKE_VAULT_H
#define KEFU_INTAKE_VAULT_H

#include "base/arena.h"
#include "base/err.h"

enum { VAULT_HASH_SIZE = 32 };

/* Read the keys. Must succeed once before anything else is called. */
MUST_CHECK int vault_load(const char *path, struct err *err);

/* Sealed bytes: number of the key, nonce, cipher text. They open for the same `owner` only (the
   number of the row that holds them), so that nobody who can write to the database can give one
   person's words to another. The nonce is random although deciders are pure: it decides nothing,
   and one that could be repeated would break the seal. Absent stays absent. */
text vault_seal(struct arena *arena, text plain, int64_t owner);
MUST_CHECK int vault_unseal(struct arena *arena, text sealed, int64_t owner, text *out,
                            struct err *err);

/* A hash without a key, of what is no secret: the first eight bytes of its SHA-256, as SQL can make
   it, too. */
int64_t vault_digest(text value);

/* A keyed hash: equal for equal values, and without the key no help in guessing the value. */
void vault_hash(text value, unsigned char out[VAULT_HASH_SIZE]);

#endif
