#include "vault.h"

#include "base/file.h"

#include <sodium.h>
#include <string.h>

enum {
    KEYS_MAX = 256,
    KEY_SIZE = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    HEAD_SIZE = 1 + NONCE_SIZE,
    NONCES = 64,
    FILE_BYTES_MAX = 64 * KIB,
    DERIVE_SEAL = 1,
    DERIVE_HASH = 2,
};

static struct {
    bool loaded;
    int sealing; /* the number of the key that seals */
    bool known[KEYS_MAX];
    unsigned char seal[KEYS_MAX][KEY_SIZE];
    unsigned char hash[crypto_generichash_KEYBYTES];
} vault;

/* --- the key file --- */

static int add_key(int64_t number, text digits, struct err *err)
{
    unsigned char master[crypto_kdf_KEYBYTES];
    size_t len = 0;
    if (number < 1 || number >= KEYS_MAX) return err_set(err, "a key's number is from 1 to 255");
    if (vault.known[number]) return err_set(err, "key %d stands there twice", (int)number);
    if (digits.len != 2 * sizeof(master) ||
        sodium_hex2bin(master, sizeof(master), digits.at, digits.len, NULL, &len, NULL) != 0 ||
        len != sizeof(master))
        return err_set(err, "a key is 64 hexadecimal digits");
    crypto_kdf_derive_from_key(vault.seal[number], KEY_SIZE, DERIVE_SEAL, "kefuseal", master);
    if (vault.sealing == 0)
        crypto_kdf_derive_from_key(vault.hash, sizeof(vault.hash), DERIVE_HASH, "kefufind", master);
    vault.known[number] = true;
    vault.sealing = (int)number;
    sodium_memzero(master, sizeof(master));
    return 0;
}

static int add_line(text rest, struct err *err)
{
    int64_t number = 1;
    if (rest.len > 0 && rest.at[rest.len - 1] == '\r') rest.len--;
    if (rest.len == 0 || rest.at[0] == '#') return 0;
    text digits = text_take(&rest, ' ');
    if (rest.len > 0) {
        if (!text_to_int(digits, &number))
            return err_set(err, "a line is a number, a blank and 64 hexadecimal digits");
        digits = rest;
    }
    return add_key(number, digits, err);
}

int vault_load(const char *path, struct err *err)
{
    struct buf file = {0};
    if (sodium_init() < 0) return err_set(err, "libsodium does not start");
    int status = file_secret(path, FILE_BYTES_MAX, &file, err);
    if (status == 0) memset(&vault, 0, sizeof(vault));
    text rest = buf_text(&file);
    for (int n = 1; status == 0 && rest.len > 0; n++)
        if (add_line(text_take(&rest, '\n'), err) < 0) status = err_prefix(err, "%s:%d", path, n);
    if (file.at != NULL) sodium_memzero(file.at, file.len);
    buf_finish(&file);
    if (status == 0 && vault.sealing == 0) status = err_set(err, "%s: there is no key in it", path);
    vault.loaded = status == 0;
    return status;
}

/* --- sealing --- */

static void write_owner(unsigned char out[8], int64_t owner)
{
    for (int i = 0; i < 8; i++) out[i] = (unsigned char)((uint64_t)owner >> (8 * i));
}

/* The kernel's bytes, many at a time: a system call for each of the three nonces of a contact would
   be dear. */
static void draw_nonce(unsigned char out[NONCE_SIZE])
{
    static unsigned char drawn[NONCES * NONCE_SIZE];
    static size_t left;
    if (left == 0) {
        randombytes_buf(drawn, sizeof(drawn));
        left = NONCES;
    }
    memcpy(out, drawn + --left * NONCE_SIZE, NONCE_SIZE);
}

text vault_seal(struct arena *arena, text plain, int64_t owner)
{
    unsigned char bound[8];
    assert(vault.loaded);
    if (plain.at == NULL) return (text){0};
    unsigned char *out = arena_alloc(arena, HEAD_SIZE + plain.len + TAG_SIZE);
    write_owner(bound, owner);
    out[0] = (unsigned char)vault.sealing;
    draw_nonce(out + 1);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + HEAD_SIZE, NULL, (const unsigned char *)plain.at, plain.len, bound, sizeof(bound),
        NULL, out + 1, vault.seal[vault.sealing]);
    return (text){(const char *)out, HEAD_SIZE + plain.len + TAG_SIZE};
}

int vault_unseal(struct arena *arena, text sealed, int64_t owner, text *out, struct err *err)
{
    const unsigned char *bytes = (const unsigned char *)sealed.at;
    unsigned char bound[8];
    assert(vault.loaded);
    *out = (text){0};
    if (sealed.at == NULL) return 0;
    if (sealed.len < HEAD_SIZE + TAG_SIZE) return err_set(err, "sealed data is cut off");
    if (!vault.known[bytes[0]])
        return err_set(err, "sealed with key %d, which is not in the key file", bytes[0]);
    size_t len = sealed.len - HEAD_SIZE - TAG_SIZE;
    unsigned char *plain = arena_alloc(arena, len + 1);
    write_owner(bound, owner);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, bytes + HEAD_SIZE,
                                                   sealed.len - HEAD_SIZE, bound, sizeof(bound),
                                                   bytes + 1, vault.seal[bytes[0]]) != 0)
        return err_set(err, "sealed data is damaged, or another row's");
    *out = (text){(const char *)plain, len};
    return 0;
}

void vault_hash(text value, unsigned char out[VAULT_HASH_SIZE])
{
    assert(vault.loaded);
    crypto_generichash(out, VAULT_HASH_SIZE, (const unsigned char *)value.at, value.len, vault.hash,
                       sizeof(vault.hash));
}

int64_t vault_digest(text value)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    uint64_t number = 0;
    crypto_hash_sha256(hash, (const unsigned char *)value.at, value.len);
    for (int i = 0; i < 8; i++) number = number << 8 | hash[i];
    return (int64_t)number;
}
