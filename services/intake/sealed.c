#include "sealed.h"

#include "data/pack.h"
#include "vault.h"

text sealed_write(struct arena *arena, const struct shape *shape, const void *body, int64_t owner)
{
    struct buf plain = {0};
    pack_write(&plain, shape, body);
    text sealed = vault_seal(arena, buf_text(&plain), owner);
    buf_finish(&plain);
    return sealed;
}

text sealed_hash(struct arena *arena, const struct shape *shape, const void *body)
{
    struct buf plain = {0};
    unsigned char hash[VAULT_HASH_SIZE];
    pack_write(&plain, shape, body);
    vault_hash(buf_text(&plain), hash);
    buf_finish(&plain);
    return arena_text(arena, (text){(const char *)hash, sizeof(hash)});
}

const void *sealed_read(struct arena *arena, const struct shape *shape, text sealed, int64_t owner,
                        struct err *err)
{
    text plain;
    if (sealed.at == NULL) return arena_alloc(arena, shape->size);
    if (vault_unseal(arena, sealed, owner, &plain, err) < 0) return NULL;
    return pack_read(plain, shape, arena, err);
}
