#include "base/log.h"
#include "runtime/core/runtime.h"
#include "runtime.msg.h"
#include "runtime/core/tables.h"
#include "db/pg_queue.h"

#include <inttypes.h>
#include <stdlib.h>

/* Policy versions as this process knows them: read and compiled when first needed, kept for good
   (SLA-34). */

static struct workline *store_line;

struct need {
    int64_t version;
    void (*fn)(void *ctx, bool known);
    void *ctx;
    struct pg *pg;
};

const void *policy_known(int64_t version)
{
    for (size_t i = 0; i < runtime.policies_n; i++)
        if (runtime.policies[i].version == version) return runtime.policies[i].compiled;
    return NULL;
}

bool policy_usable(int64_t version)
{
    return runtime.service->policy == NULL || policy_known(version) != NULL;
}

const void *runtime_policy_of(void *ctx, int64_t version)
{
    (void)ctx;
    return policy_known(version);
}

static void remember(int64_t version, const void *compiled, struct arena *arena)
{
    if (runtime.policies_n == runtime.policies_room) {
        runtime.policies_room = runtime.policies_room == 0 ? 8 : runtime.policies_room * 2;
        runtime.policies =
            mem_resize(runtime.policies, sizeof(*runtime.policies) * runtime.policies_room);
    }
    runtime.policies[runtime.policies_n++] = (struct policy_known){version, compiled, arena};
    if (version > runtime.policy_version) runtime.policy_version = version;
    log_info("policy", "version=%" PRId64, version);
}

static void compile(int64_t version, const struct policy_files *files)
{
    struct arena *arena = arena_create(); /* lives as long as the process */
    struct err err;
    for (size_t i = 0; i < files->n; i++) {
        struct policy_file *file = (struct policy_file *)&files->at[i];
        *file = (struct policy_file){arena_text(arena, file->name), arena_text(arena, file->body)};
    }
    const void *compiled = runtime.service->policy->compile(files, arena, &err);
    if (compiled != NULL) {
        remember(version, compiled, arena);
        return;
    }
    log_error("policy_broken", "version=%" PRId64 " reason=%s", version, log_quoted(err.message));
    arena_destroy(arena);
}

/* Rows of several versions, by version and name. */
static void compile_all(const PGresult *result)
{
    struct arena *scratch = arena_create();
    struct list rows;
    struct err err;
    int bad = sql_read(runtime_own_sql(&sql_policy_files), result, scratch, &rows, &err);
    assert(bad == 0);
    const struct policy_file_row *row = rows.at;
    for (size_t i = 0, end; i < rows.n; i = end) {
        struct policy_file *at = ARENA_ARRAY(scratch, struct policy_file, rows.n);
        for (end = i; end < rows.n && row[end].version == row[i].version; end++)
            at[end - i] = (struct policy_file){row[end].name, row[end].body};
        if (policy_known(row[i].version) == NULL)
            compile(row[i].version, &(struct policy_files){at, end - i});
    }
    arena_destroy(scratch);
}

static void done(void *ctx, const struct pg_trip *trip)
{
    struct need need = *(struct need *)ctx;
    free(ctx);
    if (trip->outcome == PG_OK) compile_all(pg_result(need.pg, 0));
    workline_next(store_line);
    need.fn(need.ctx, policy_known(need.version) != NULL);
}

/* With it all older ones that are not known: something may still run under them. */
static void start(void *ctx, struct pg *pg)
{
    struct need *need = ctx;
    struct sql_key *keys = mem_alloc(sizeof(*keys) * (size_t)(need->version + 1));
    size_t n = 0;
    for (int64_t version = 1; version <= need->version; version++)
        if (policy_known(version) == NULL) keys[n++].number = version;
    need->pg = pg;
    sql_add_keys(pg, runtime_own_sql(&sql_policy_files), keys, n, NULL);
    free(keys);
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
