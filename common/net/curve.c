#include "net/curve.h"

#include <sodium.h>
#include <string.h>

#define WORDS_MESSAGE "\x07MESSAGE"
#define WORDS_INITIATE "\x08INITIATE"

enum { RANDOM_SIZE = 16, MAC = crypto_box_MACBYTES };
/* Offsets in HELLO, INITIATE (and in what its box holds) and MESSAGE. */
enum { HELLO_CLIENT = 80, HELLO_NONCE = 112, HELLO_BOX = 120 };
enum { INITIATE_COOKIE = 9, INITIATE_NONCE = 105, INITIATE_BOX = 113 };
enum { VOUCH_NONCE = 32, VOUCH_BOX = 48, METADATA = 128 };
enum { MESSAGE_NONCE = 8, MESSAGE_BOX = 16 };

_Static_assert(CURVE_AROUND == MESSAGE_BOX + MAC + 1, "what a MESSAGE has around its content");

int curve_start(struct err *err)
{
    return sodium_init() < 0 ? err_set(err, "libsodium does not start") : 0;
}

static const unsigned char *bytes_of(text a)
{
    return (const unsigned char *)a.at;
}

static bool begins(text command, const char *words)
{
    size_t len = strlen(words);
    return command.len >= len && memcmp(command.at, words, len) == 0;
}

/* A nonce of 24 bytes: a prefix, and the rest from a message. */
static void make_nonce(unsigned char nonce[crypto_box_NONCEBYTES], const char *prefix,
                       const void *rest)
{
    size_t len = strlen(prefix);
    memcpy(nonce, prefix, len);
    memcpy(nonce + len, rest, crypto_box_NONCEBYTES - len);
}

static void put_number_at(unsigned char at[8], uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8) at[i] = (unsigned char)number;
}

static uint64_t number_at(const unsigned char at[8])
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) number = number << 8 | at[i];
    return number;
}

/* The first byte of a command's name is its length. */
static void add_welcome(struct curve *curve, const unsigned char shared[crypto_box_BEFORENMBYTES],
                        struct buf *welcome)
{
    unsigned char nonce[crypto_box_NONCEBYTES], random[RANDOM_SIZE];
    unsigned char content[CURVE_KEY_BYTES + CURVE_COOKIE_BYTES], box[sizeof(content) + MAC];
    crypto_box_keypair(content, curve->short_secret);
    /* The state is here and not in the cookie, so any bytes will do that only this client has
       seen. */
    randombytes_buf(curve->cookie, CURVE_COOKIE_BYTES);
    memcpy(content + CURVE_KEY_BYTES, curve->cookie, CURVE_COOKIE_BYTES);
    randombytes_buf(random, sizeof(random));
    make_nonce(nonce, "WELCOME-", random);
    crypto_box_easy_afternm(box, content, sizeof(content), nonce, shared);
    buf_add(welcome, "\x07WELCOME", 8);
    buf_add(welcome, random, sizeof(random));
    buf_add(welcome, box, sizeof(box));
}

int curve_hello(struct curve *curve, const struct curve_pair *pair, text hello, struct buf *welcome,
                struct err *err)
{
    unsigned char nonce[crypto_box_NONCEBYTES], zeroes[64], shared[crypto_box_BEFORENMBYTES];
    if (hello.len != CURVE_HELLO_SIZE || !begins(hello, "\x05HELLO\x01"))
        return err_set(err, "the handshake does not begin with a HELLO of version 1");
    memcpy(curve->short_client, hello.at + HELLO_CLIENT, CURVE_KEY_BYTES);
    make_nonce(nonce, "CurveZMQHELLO---", hello.at + HELLO_NONCE);
    if (crypto_box_beforenm(shared, curve->short_client, pair->secret_key) != 0 ||
        crypto_box_open_easy_afternm(zeroes, bytes_of(hello) + HELLO_BOX, sizeof(zeroes) + MAC,
                                     nonce, shared) != 0)
        return err_set(err, "HELLO is for another server's key");
    add_welcome(curve, shared, welcome);
    sodium_memzero(shared, sizeof(shared));
    return 0;
}

/* The client's own key says that the key of this connection is its own, to this server. */
static bool is_vouched(const struct curve *curve, const struct curve_pair *pair,
                       const unsigned char *content)
{
    unsigned char nonce[crypto_box_NONCEBYTES], vouch[2 * CURVE_KEY_BYTES];
    make_nonce(nonce, "VOUCH---", content + VOUCH_NONCE);
    return crypto_box_open_easy(vouch, content + VOUCH_BOX, sizeof(vouch) + MAC, nonce,
                                curve->client, curve->short_secret) == 0 &&
           memcmp(vouch, curve->short_client, CURVE_KEY_BYTES) == 0 &&
           memcmp(vouch + CURVE_KEY_BYTES, pair->public_key, CURVE_KEY_BYTES) == 0;
}

int curve_initiate(struct curve *curve, const struct curve_pair *pair, text initiate, char *room,
                   text *metadata, struct err *err)
{
    unsigned char nonce[crypto_box_NONCEBYTES], *content = (unsigned char *)room;
    if (initiate.len < INITIATE_BOX + METADATA + MAC || initiate.len > CURVE_INITIATE_MAX ||
        !begins(initiate, WORDS_INITIATE))
        return err_set(err, "HELLO is not followed by an INITIATE");
    if (sodium_memcmp(initiate.at + INITIATE_COOKIE, curve->cookie, CURVE_COOKIE_BYTES) != 0)
        return err_set(err, "INITIATE has another connection's cookie");
    make_nonce(nonce, "CurveZMQINITIATE", initiate.at + INITIATE_NONCE);
    curve->heard = number_at(bytes_of(initiate) + INITIATE_NONCE);
    size_t boxed = initiate.len - INITIATE_BOX;
    if (crypto_box_beforenm(curve->shared, curve->short_client, curve->short_secret) != 0 ||
        crypto_box_open_easy_afternm(content, bytes_of(initiate) + INITIATE_BOX, boxed, nonce,
                                     curve->shared) != 0)
        return err_set(err, "INITIATE does not open");
    memcpy(curve->client, content, CURVE_KEY_BYTES);
    bool vouched = is_vouched(curve, pair, content);
    sodium_memzero(curve->short_secret, sizeof(curve->short_secret));
    if (!vouched) return err_set(err, "INITIATE does not prove whose key it is");
    *metadata = (text){room + METADATA, boxed - MAC - METADATA};
    return 0;
}

void curve_ready(struct curve *curve, text metadata, struct buf *ready)
{
    unsigned char number[8], nonce[crypto_box_NONCEBYTES];
    put_number_at(number, ++curve->said);
    make_nonce(nonce, "CurveZMQREADY---", number);
    buf_add(ready, "\x05READY", 6);
    buf_add(ready, number, sizeof(number));
    unsigned char *box = (unsigned char *)buf_reserve(ready, metadata.len + MAC);
    crypto_box_easy_afternm(box, bytes_of(metadata), metadata.len, nonce, curve->shared);
    buf_grew(ready, metadata.len + MAC);
}

int curve_open(struct curve *curve, char *message, size_t len, unsigned *flags, text *content,
               struct err *err)
{
    unsigned char nonce[crypto_box_NONCEBYTES], *at = (unsigned char *)message;
    if (len < CURVE_AROUND || !begins((text){message, len}, WORDS_MESSAGE))
        return err_set(err, "this is no MESSAGE");
    uint64_t number = number_at(at + MESSAGE_NONCE);
    if (number <= curve->heard) return err_set(err, "a MESSAGE is repeated");
    curve->heard = number;
    make_nonce(nonce, "CurveZMQMESSAGEC", at + MESSAGE_NONCE);
    unsigned char *box = at + MESSAGE_BOX, *opened = box + MAC;
    size_t opened_len = len - MESSAGE_BOX - MAC;
    if (crypto_box_open_detached_afternm(opened, opened, box, opened_len, nonce, curve->shared) !=
        0)
        return err_set(err, "a MESSAGE does not open");
    *flags = opened[0];
    *content = (text){(char *)opened + 1, opened_len - 1};
    return 0;
}

void curve_seal(struct curve *curve, unsigned flags, text content, struct buf *out)
{
    unsigned char nonce[crypto_box_NONCEBYTES];
    unsigned char *at = (unsigned char *)buf_reserve(out, content.len + CURVE_AROUND);
    unsigned char *box = at + MESSAGE_BOX, *plain = box + MAC;
    memcpy(at, WORDS_MESSAGE, MESSAGE_NONCE);
    put_number_at(at + MESSAGE_NONCE, ++curve->said);
    make_nonce(nonce, "CurveZMQMESSAGES", at + MESSAGE_NONCE);
    plain[0] = (unsigned char)flags;
    if (content.len > 0) memcpy(plain + 1, content.at, content.len);
    crypto_box_detached_afternm(plain, box, plain, content.len + 1, nonce, curve->shared);
    buf_grew(out, content.len + CURVE_AROUND);
}

void curve_finish(struct curve *curve)
{
    sodium_memzero(curve, sizeof(*curve));
}
