#include "canary.h"

#include "base/log.h"
#include "runtime/api/service.h"
#include "store.h"
#include "vault.h"

#include <string.h>

enum { NO_ROW = 0, OWNER_SIZE = 8 };

static struct list ask(struct arena *arena, const char *sql, text given)
{
    struct list rows;
    struct err err;
    if (service_wait_for(sql, given, arena, &rows, &err) < 0)
        fatal(NULL, "the canary of the key file: %s", err.message);
    return rows;
}

/* What is sealed: a hash by the first key, which customers are found by. */
static text hash_by_first_key(struct arena *arena)
{
    unsigned char hash[VAULT_HASH_SIZE];
    vault_hash(TEXT("canary"), hash);
    return arena_text(arena, (text){(const char *)hash, sizeof(hash)});
}

/* A record begins with the number of the row that it is sealed for (store.h). */
static int open_record(struct arena *arena, text record, struct err *err)
{
    int64_t owner = 0;
    text plain;
    assert(record.len >= OWNER_SIZE);
    for (int i = 0; i < OWNER_SIZE; i++) owner = owner << 8 | (unsigned char)record.at[i];
    text sealed = {record.at + OWNER_SIZE, record.len - OWNER_SIZE};
    return vault_unseal(arena, sealed, owner, &plain, err);
}

/* A system from before there was a canary. */
static int try_records(struct arena *arena, struct err *err)
{
    struct list records = ask(arena, sealed_records, (text){0});
    size_t opened = 0;
    for (size_t i = 0; i < records.n; i++)
        opened += open_record(arena, LIST(records, text)[i], err) == 0;
    if (records.n > 0 && opened == 0)
        return err_prefix(err, "none of %zu sealed records opens", records.n);
    if (opened < records.n)
        log_warn("sealed_unreadable", "tried=%zu opened=%zu reason=%s", records.n, opened,
                 log_quoted(err->message));
    return 0;
}

static int open_canary(struct arena *arena, text sealed, struct err *err)
{
    text plain;
    if (vault_unseal(arena, sealed, NO_ROW, &plain, err) < 0) return -1;
    if (text_equal(plain, hash_by_first_key(arena))) return 0;
    return err_set(err, "its first key is another one, and customers are found by that");
}

static int check(struct arena *arena, struct err *err)
{
    text own = vault_seal(arena, hash_by_first_key(arena), NO_ROW);
    struct list rows = ask(arena, canary_read, (text){0});
    if (rows.n == 0) {
        if (try_records(arena, err) < 0) return -1;
        ask(arena, canary_first, own); /* of two who begin together the first one's stays */
        rows = ask(arena, canary_read, (text){0});
    }
    text sealed = rows.n == 1 ? LIST(rows, text)[0] : (text){0};
    assert(sealed.len > 0);
    if (open_canary(arena, sealed, err) < 0) return -1;
    if (sealed.at[0] != own.at[0]) ask(arena, canary_renew, own); /* a new key seals from now on */
    return 0;
}

int canary_check(struct err *err)
{
    struct arena *arena = arena_create();
    int status = check(arena, err);
    arena_destroy(arena);
    return status;
}
