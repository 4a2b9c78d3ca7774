#include "sign.h"

#include <sodium.h>

text encode_hmac(text key, text message, struct arena *arena)
{
    unsigned char sum[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof(sum) + 1];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.at, key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)message.at, message.len);
    crypto_auth_hmacsha256_final(&state, sum);
    sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
    return arena_text(arena, text_of(hex));
}

text encode_base64(text from, struct arena *arena)
{
    size_t room = sodium_base64_encoded_len(from.len, sodium_base64_VARIANT_ORIGINAL);
    char *out = arena_alloc(arena, room);
    sodium_bin2base64(out, room, (const unsigned char *)from.at, from.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return text_of(out);
}
