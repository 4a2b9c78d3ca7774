#include "runtime/core/runtime.h"

#include "db/migrate.h"
#include "db/pg_queue.h"
#include "net/services.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct runtime runtime;

int runtime_service_number(void)
{
    return services_number(text_of(runtime.service->name));
}

const char *service_home(void)
{
    return runtime.settings.home;
}

struct bus *service_bus(void)
{
    return runtime.bus;
}

struct workline *service_workline(void)
{
    return workline_create(runtime.settings.database, runtime_setup());
}

int service_wait_for(const char *sql, text given, struct arena *arena, struct list *out,
                     struct err *err)
{
    const struct runtime_settings *s = &runtime.settings;
    return migrate_ask(s->database, s->schema, sql, given, arena, out, err);
}

time_us runtime_system_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (time_us)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

time_us runtime_now(void)
{
    if (runtime.clock_at == 0) return runtime_system_now();
    if (runtime.settings.test_clock) return runtime.clock_at;
    return runtime.clock_at + (loop_now_ms() - runtime.clock_heard_ms) * 1000;
}

void runtime_heard_time(time_us now)
{
    if (runtime.settings.test_clock && now < runtime.clock_at)
        return; /* an older look that came late */
    runtime.clock_at = now;
    runtime.clock_heard_ms = loop_now_ms();
}

void runtime_session_name(char name[SESSION_NAME], text life)
{
    snprintf(name, SESSION_NAME, "kefu-%s %.*s", runtime.service->name, TEXT_ARG(life));
}

const char *runtime_setup(void)
{
    return runtime_setup_of(runtime.owner);
}

const char *runtime_setup_of(const char *owner)
{
    static char setup[800];
    int64_t idle = runtime.settings.lease_ms * 8 / 10;
    char name[SESSION_NAME];
    runtime_session_name(name, text_of(strrchr(owner, '#') + 1));
    snprintf(setup, sizeof(setup),
             "SET search_path = %s; SET timezone = 'UTC'; SET statement_timeout = '30s';"
             " SET lock_timeout = '5s';"
             " SET idle_in_transaction_session_timeout = '%lldms'; SET application_name = '%s';"
             " SET jit = off;"
             /* Plans are made while tables are small, and changed when they are analysed: every
           statement here is meant to go by its index, row by row in the index's order, however few
           the living rows are. */
             " SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;"
             " SET enable_bitmapscan = off;"
             " SET enable_hashjoin = off; SET enable_mergejoin = off",
             runtime.settings.schema, (long long)idle, name);
    return setup;
}

struct sql *runtime_sql(const struct statement *statement)
{
    for (size_t i = 0; i < runtime.service->store_n; i++)
        if (runtime.service->store[i] == statement) return runtime.store[i];
    assert(!"every statement stands in the service's store");
    return NULL;
}

const struct handler *runtime_handler(enum handler_kind kind, const char *from, text type,
                                      int64_t version)
{
    for (size_t i = 0; i < runtime.service->handlers_n; i++) {
        const struct handler *handler = &runtime.service->handlers[i];
        if (handler->kind != kind || !text_is(type, handler->hears->name)) continue;
        if (from != NULL && strcmp(from, handler->from) != 0) continue;
        if (version == 0 || handler->hears->version == version) return handler;
    }
    return NULL;
}

int runtime_source(text name)
{
    for (int i = 0; i < runtime.sources_n; i++)
        if (text_is(name, runtime.sources[i].name)) return i;
    return -1;
}
