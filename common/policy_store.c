#include "log.h"
#include "runtime.h"
#include "runtime.msg.h"
#include "runtime_sql.h"
#include "workline.h"

#include <inttypes.h>
#include <stdlib.h>

/* Policy versions as this process knows them: read and compiled when first needed, kept for good (SLA-34). */

static struct workline *store_line;

struct need {
    int64_t version;
    void (*fn)(void *ctx, bool known);
    void *ctx;
    struct pg *pg;
};

const void *policy_known(int64_t version)
{
    for (int i = 0; i < runtime.policies_n; i++)
        if (runtime.policies[i].version == version) return runtime.policies[i].compiled;
    return NULL;
}

const void *runtime_policy_of(void *ctx, int64_t version)
{
    (void)ctx;
    return policy_known(version);
}

static void remember(int64_t version, const void *compiled)
{
    if (runtime.policies_n == (int)COUNT(runtime.policies)) fatal("restart the service", "too many policy versions in one life");
    runtime.policies[runtime.policies_n++] = (struct policy_known){version, compiled};
    if (version > runtime.policy_version) runtime.policy_version = version;
    log_info("policy", "version=%" PRId64, version);
}

static bool compile(int64_t version, const PGresult *result)
{
    struct arena *scratch = arena_create(), *arena = arena_create(); /* `arena` lives as long as the process */
    struct list rows;
    struct err err;
    const void *compiled = NULL;
    if (sql_read(runtime_own_sql(&sql_policy_files), result, scratch, &rows, &err) == 0) {
        struct policy_file *at = ARENA_ARRAY(scratch, struct policy_file, rows.n + 1);
        for (size_t i = 0; i < rows.n; i++) {
            const struct policy_file_row *row = &LIST(rows, struct policy_file_row)[i];
            at[i] = (struct policy_file){arena_text(arena, row->name), arena_text(arena, row->body)};
        }
        struct policy_files files = {at, rows.n};
        compiled = runtime.service->policy->compile(&files, arena, &err);
    }
    arena_destroy(scratch);
    if (compiled == NULL) {
        log_error("policy_broken", "version=%" PRId64 " reason=%s", version, log_quoted(err.message));
        arena_destroy(arena);
        return false;
    }
    if (policy_known(version) == NULL) remember(version, compiled);
    return true;
}

static void done(void *ctx, const struct pg_trip *trip)
{
    struct need need = *(struct need *)ctx;
    free(ctx);
    bool known = trip->outcome == PG_OK && compile(need.version, pg_result(need.pg, 0));
    workline_next(store_line);
    need.fn(need.ctx, known);
}

static void start(void *ctx, struct pg *pg)
{
    struct need *need = ctx;
    struct sql_key key = {.number = need->version};
    need->pg = pg;
    sql_add_keys(pg, runtime_own_sql(&sql_policy_files), &key, 1, NULL);
    pg_run(pg, done, need);
}

void policy_need(int64_t version, void (*fn)(void *ctx, bool known), void *ctx)
{
    struct need *need = mem_alloc(sizeof(*need));
    *need = (struct need){version, fn, ctx, NULL};
    workline_add(store_line, start, need);
}

void policy_store_start(struct workline *line)
{
    store_line = line;
}
