#include "runtime/api/service.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"
#include "data/json.h"
#include "db/migrate.h"
#include "runtime/core/tables.h"
#include "runtime/door/control.h"
#include "runtime/door/door.h"
#include "runtime/door/health.h"
#include "runtime/door/query.h"
#include "runtime/journal/journal.h"
#include "runtime/lane/lease.h"
#include "runtime/lane/scheduler.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct workline *control_line;
static struct loop_timer drain_timer, policy_timer;
static int64_t drain_until_ms;
static int64_t room_most, room_left; /* database connections, before this process took any */

/* --- settings --- */

static const char *database_password;

static const struct setting rows[] = {
    {"database", SETTING_DSN, &runtime.settings.database, "host=127.0.0.1 dbname=kefu", 1, 1000,
     "PostgreSQL connection string."},
    {"database-password", SETTING_SECRET, &database_password, "", 0, 0,
     "File with the password of its role."},
    {"schema", SETTING_TEXT, &runtime.settings.schema, "", 0, 60,
     "Schema; left out: the service's name."},
    {"endpoint", SETTING_ENDPOINT, &runtime.settings.endpoint, "", 0, 200,
     "Where requests are heard; left out: 127.0.0.1 and the service's port."},
    {"instance", SETTING_TEXT, &runtime.settings.instance, "", 0, 60,
     "Name of this replica; left out: host, and endpoint unless that is all of the host's."},
    {"keys", SETTING_TEXT, &runtime.settings.keys, "", 0, 500,
     "Directory with SERVICE.secret, its secret key, and clients, the list of all keys."},
    {"client-in-flight", SETTING_INT, &runtime.settings.limits.in_flight, "1000", 1, 1000000,
     "Requests of one publisher or subscriber that may be unanswered at a time."},
    {"client-rate", SETTING_INT, &runtime.settings.limits.rate, "2000", 1, 1000000,
     "Requests of one publisher or subscriber a second."},
    {"client-size", SETTING_INT, &runtime.settings.limits.bytes, "131072", 100, 262144,
     "Bytes of one request of a publisher or subscriber."},
    {"open-requests", SETTING_INT, &runtime.settings.limits.open, "10000", 10, 1000000,
     "Requests of all clients that may be unanswered at a time; of one, as many as are left."},
    {"open-size", SETTING_INT, &runtime.settings.limits.open_bytes, "33554432", 1048576, 1073741824,
     "Bytes of memory for requests that are not answered yet, shared likewise."},
    {"wait", SETTING_SPAN, &runtime.settings.wait_ms, "60s", 100, 600000,
     "How long a request may wait to be begun, unless its own deadline is earlier."},
    {"home", SETTING_TEXT, &runtime.settings.home, ".", 1, 500,
     "Directory with migrations and policy."},
    {"log-level", SETTING_TEXT, &runtime.settings.log_level, "info", 1, 10,
     "debug, info, warn or error."},
    {"lanes", SETTING_INT, &runtime.settings.lanes, "0", 0, LANES_MAX,
     "Database connections that work side by side; 0: as many as suit the service."},
    {"lease", SETTING_SPAN, &runtime.settings.lease_ms, "10s", 300, 600000,
     "How long a partition stays leased without a heartbeat."},
    {"isolate-after-crash", SETTING_SPAN, &runtime.settings.isolate_after_crash_ms, "60s", 0,
     3600000, "After a crash, process one message per transaction for this long."},
    {"test-clock", SETTING_BOOL, &runtime.settings.test_clock, "no", 0, 0,
     "Decide by a clock that `kefu clock` sets."},
    {"test-clock-start", SETTING_TEXT, &runtime.settings.test_clock_start, "", 0, 40,
     "Where a new test clock begins, ISO 8601; left out: now."},
    {"migrate-only", SETTING_BOOL, &runtime.settings.migrate_only, "no", 0, 0,
     "Bring the schema forward and exit."},
    {"health", SETTING_BOOL, &runtime.settings.health, "no", 0, 0,
     "Ask the replica at the endpoint whether it is alive, and exit with 0 if it is."},
};

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) return (enum log_level)i;
    fatal("set log-level to debug, info, warn or error", "log-level cannot be %s", name);
}

static void fill_defaults(struct arena *arena)
{
    struct runtime_settings *s = &runtime.settings;
    char host[100] = "localhost", id[UUID_SIZE];
    int number = runtime_service_number();
    if (number < 0)
        fatal("a service is listed in deploy/services.txt", "%s is not", runtime.service->name);
    gethostname(host, sizeof(host) - 1);
    if (s->schema[0] == '\0') s->schema = runtime.service->name;
    if (s->endpoint[0] == '\0')
        s->endpoint = arena_printf(arena, "tcp://127.0.0.1:%d", services_list[number].port).at;
    bool everywhere = text_starts(text_of(s->endpoint), "tcp://0.0.0.0:");
    if (s->instance[0] == '\0')
        s->instance =
            everywhere
                ? arena_printf(arena, "%s@%s", runtime.service->name, host).at
                : arena_printf(arena, "%s@%s/%s", runtime.service->name, host, s->endpoint).at;
    uuid_new(id);
    runtime.owner = arena_printf(arena, "%s#%.8s", s->instance, id).at;
}

static void read_settings(int argc, char **argv, struct arena *arena)
{
    const struct service *service = runtime.service;
    const struct setting interval = {
        "batch-interval",
        SETTING_SPAN,
        &runtime.settings.batch_interval_ms,
        service->batch_interval != NULL ? service->batch_interval : "10ms",
        0,
        1000,
        "Minimum interval between event batches of a lane under load."};
    struct settings settings = {.program = argv[0],
                                .service = service->name,
                                .tables = {{rows, COUNT(rows)},
                                           peer_settings(arena),
                                           {&interval, 1},
                                           {service->settings, service->settings_n}}};
    enum settings_wish wish;
    struct err err;
    struct buf out = {0};
    (void)argc;
    if (settings_read(&settings, argv, arena, &wish, &err) < 0)
        fatal("see --help", "%s", err.message);
    if (wish == SETTINGS_HELP) settings_help(&out, &settings);
    if (wish == SETTINGS_PRINT) settings_print(&out, &settings);
    if (wish != SETTINGS_RUN) {
        bool written = fwrite(out.at, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
        exit(written ? 0 : 1);
    }
    if (database_password != NULL) setenv("PGPASSWORD", database_password, 1);
    fill_defaults(arena);
}

/* --- start --- */

static void find_sources(void)
{
    for (size_t i = 0; i < runtime.service->handlers_n; i++) {
        const struct handler *handler = &runtime.service->handlers[i];
        if (handler->kind != ON_EVENT || runtime_source(text_of(handler->from)) >= 0) continue;
        assert(runtime.sources_n < SOURCES_MAX);
        struct source *source = &runtime.sources[runtime.sources_n++];
        source->name = handler->from;
        source->own = strcmp(handler->from, runtime.service->name) == 0;
        if (!source->own) source->peers = runtime_peers(handler->from);
    }
}

/* Do handlers of this kind load the statement? */
static bool loaded_by(const struct statement *statement, bool queries)
{
    for (size_t h = 0; h < runtime.service->handlers_n; h++) {
        const struct handler *handler = &runtime.service->handlers[h];
        for (int k = 0; k < HANDLER_LOADS && (handler->kind == ON_QUERY) == queries; k++)
            if (handler->loads[k].statement == statement) return true;
    }
    return false;
}

/* Statements that only ON_QUERY handlers load are compiled for their messages, in query.c. */
static void compile_store(void)
{
    runtime.store = mem_alloc(sizeof(*runtime.store) * (runtime.service->store_n + 1));
    for (size_t i = 0; i < runtime.service->store_n; i++) {
        const struct statement *statement = runtime.service->store[i];
        bool only_asked = loaded_by(statement, true) && !loaded_by(statement, false);
        runtime.store[i] = only_asked ? NULL : sql_compile(statement, NULL);
    }
}

enum {
    SCHEMA_LOOKS = 60, /* half a second apart */
    RELEASE_MS = 5000
};

/* A service does not own its schema: it waits a while for whoever brings it forward. */
static void see_schema(void)
{
    static const char *const hints[] = {
        [MIGRATE_UNREACHABLE] = "is the database up?",
        [MIGRATE_NOT_OWNER] =
            "bring it forward with --migrate-only and the DSN of kefu_migrate, then start again",
        [MIGRATE_FAILED] = "may this role create the schema?"};
    const struct runtime_settings *s = &runtime.settings;
    struct err err;
    enum migrate_result result;
    for (int i = 0; (result = migrate_schema(s->database, s->schema, s->home, runtime.service->name,
                                             &err)) != MIGRATE_DONE;
         i++) {
        bool waits = result == MIGRATE_UNREACHABLE ||
                     (result == MIGRATE_NOT_OWNER && !runtime.settings.migrate_only);
        if (!waits || i >= SCHEMA_LOOKS) fatal(hints[result], "%s", err.message);
        if (i % 10 == 0)
            log_warn(result == MIGRATE_UNREACHABLE ? "database_unreachable" : "schema_is_behind",
                     "reason=%s", log_quoted(err.message));
        usleep(500 * 1000);
    }
}

/* Time that stands still must be somebody's wish, and what began in real time goes on in it. */
static void agree_on_clock(void)
{
    const struct runtime_settings *s = &runtime.settings;
    struct err err;
    time_us now, start = runtime_system_now() / SECOND_US * SECOND_US;
    if (s->test_clock_start[0] != '\0' &&
        (!json_time(text_of(s->test_clock_start), &start) || !time_is_good(start)))
        fatal("such as 2026-03-02T01:00:00Z", "test-clock-start must be " TIME_RANGE_TEXT ": %s",
              s->test_clock_start);
    if (migrate_clock(s->database, s->schema, s->test_clock, start, &now, &err) < 0)
        fatal(s->test_clock ? "a test clock needs a new database"
                            : "go on with --test-clock, or begin in real time in a new database",
              "%s", err.message);
    runtime_heard_time(now); /* whoever asks before the first transaction is told it, too */
}

static void migrate(void)
{
    const struct runtime_settings *s = &runtime.settings;
    struct err err;
    bool unclean = false;
    see_schema();
    if (s->test_clock || !s->migrate_only) agree_on_clock();
    if (migrate_was_unclean(s->database, s->schema, s->instance, &unclean, &err) < 0)
        fatal(NULL, "%s", err.message);
    runtime.isolating = unclean && s->isolate_after_crash_ms > 0;
    if (unclean)
        log_warn("unclean_stop", "isolate_after_crash_ms=%lld",
                 (long long)s->isolate_after_crash_ms);
    if (migrate_room(s->database, s->schema, &room_most, &room_left, &err) < 0)
        fatal(NULL, "%s", err.message);
}

/* Those that find no room are tried for ever, and others may be about to leave: only what can never
   fit ends the process. */
static void check_room(void)
{
    const char *hint = "raise max_connections, or run fewer replicas or lanes";
    int needed = runtime.lanes_n + workline_count();
    if (needed > room_most)
        fatal(hint, "%d database connections are needed, and the server allows %lld", needed,
              (long long)room_most);
    if (needed > room_left)
        log_warn("connections_short", "needed=%d left=%lld most=%lld hint=%s", needed,
                 (long long)room_left, (long long)room_most, log_quoted(hint));
}

static void wake_lanes(void)
{
    for (int i = 0; i < runtime.lanes_n; i++) lane_wake(runtime.lanes[i]);
}

static void read_version(void *ctx, struct pg *pg);

static void look_again(void *ctx)
{
    (void)ctx;
    if (!runtime.draining) workline_add(control_line, read_version, NULL);
}

/* Everything that was published is known before the lanes begin. Without a policy look again:
   another replica may take the first one. */
static void policy_loaded(void *ctx, bool known)
{
    (void)ctx;
    runtime.policies_ready = runtime.policies_ready || known;
    if (!known || (runtime.service->policy != NULL && runtime.policy_version == 0))
        loop_timer_start(&policy_timer, 500, 0, look_again, NULL);
    wake_lanes();
}

static void version_read(void *ctx, const struct pg_trip *trip)
{
    struct pg *pg = ctx;
    bool good = trip->outcome == PG_OK;
    if (good) {
        runtime_heard_time(pg_int(pg_result(pg, 0), 0, 0));
        runtime.policy_newest = pg_int(pg_result(pg, 0), 0, 1);
    }
    workline_next(control_line);
    if (good && runtime.policy_newest > 0 && runtime.service->policy != NULL)
        policy_need(runtime.policy_newest, policy_loaded, NULL);
    else
        policy_loaded(NULL, good);
}

static void read_version(void *ctx, struct pg *pg)
{
    (void)ctx;
    pg_add(pg, &statement_opening, NULL, 0);
    pg_run(pg, version_read, pg);
}

/* --- stop --- */

static int left_to_release;

static void goodbye(void *ctx, const struct pg_trip *trip)
{
    (void)ctx, (void)trip;
    fail_at("released");
    workline_next(control_line);
    loop_stop();
}

static void say_goodbye(void *ctx, struct pg *pg)
{
    struct pg_param param = {runtime.settings.instance, (int)strlen(runtime.settings.instance)};
    (void)ctx;
    pg_add(pg, &statement_member_clean, &param, 1);
    pg_run(pg, goodbye, pg);
}

static void released(struct lane *lane)
{
    (void)lane;
    if (--left_to_release == 0) workline_add(control_line, say_goodbye, NULL);
}

static bool lanes_idle(void)
{
    for (int i = 0; i < runtime.lanes_n; i++)
        if (runtime.lanes[i]->batch != NULL || runtime.lanes[i]->chore ||
            runtime.lanes[i]->jobs > 0)
            return false;
    return true;
}

/* The database went away meanwhile: leases run out by themselves. */
static void give_up(void *ctx)
{
    (void)ctx;
    log_warn("leases_not_released", "lanes=%d", left_to_release);
    loop_stop();
}

static void drain_on(void *ctx)
{
    (void)ctx;
    fail_at("draining");
    if (!lanes_idle() && loop_now_ms() < drain_until_ms) {
        loop_timer_start(&drain_timer, 5, 0, drain_on, NULL);
        return;
    }
    runtime.leaving = true;
    for (int i = 0; i < runtime.lanes_n; i++)
        left_to_release += pg_up(runtime.lanes[i]->pg) && !pg_busy(runtime.lanes[i]->pg);
    if (left_to_release == 0 || !workline_up(control_line)) {
        loop_stop();
        return;
    }
    loop_timer_start(&drain_timer, RELEASE_MS, 0, give_up, NULL);
    for (int i = 0; i < runtime.lanes_n; i++)
        if (pg_up(runtime.lanes[i]->pg) && !pg_busy(runtime.lanes[i]->pg))
            lease_release_all(runtime.lanes[i], released);
}

static void on_terminate(void *ctx)
{
    (void)ctx;
    if (runtime.draining) _exit(1);
    log_info("draining", "waiting=%zu", bus_server_in_flight(runtime.server));
    runtime.draining = true;
    for (int i = 0; i < runtime.lanes_n; i++) lane_send_away(runtime.lanes[i]);
    drain_until_ms = loop_now_ms() + 5000;
    drain_on(NULL);
}

static void shut_down(void)
{
    loop_timer_stop(&policy_timer);
    loop_timer_stop(&drain_timer);
    if (runtime.service->stop != NULL) runtime.service->stop();
    bus_server_close(runtime.server);
    others_stop();
    journal_stop();
    for (int i = 0; i < runtime.lanes_n; i++) {
        lane_stop(runtime.lanes[i]);
        runtime.lanes[i] = NULL;
    }
    query_stop();
    workline_destroy(control_line);
    gate_stop();
    bus_destroy(runtime.bus);
    loop_finish();
    keys_destroy(runtime.keys);
}

static void open_bus(void)
{
    struct err err;
    const char *hint = "kefu key makes keys: SERVICE.secret and clients in one directory";
    if (runtime.settings.keys[0] == '\0')
        fatal(hint, "keys: without keys nobody is served (--keys=DIRECTORY)");
    runtime.keys = keys_open(runtime.settings.keys, runtime.service->name, &err);
    if (runtime.keys == NULL) fatal(hint, "keys: %s", err.message);
    runtime.bus = bus_create(runtime.keys);
}

enum { FILES_MIN = 128, FILES_GOOD = 4096 }; /* an idle service has some 40 open */

/* A connection is a file: a flood of them must not use up those that the database needs. */
static void raise_file_limit(void)
{
    const char *hint = "raise the hard limit of open files: ulimit -Hn, or of the container";
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < FILES_MIN)
        fatal(hint, "%d open files are needed, and %llu are allowed", FILES_MIN,
              (unsigned long long)files.rlim_cur);
    if (files.rlim_cur < FILES_GOOD)
        log_warn("files_short", "allowed=%llu good=%d hint=%s", (unsigned long long)files.rlim_cur,
                 FILES_GOOD, log_quoted(hint));
}

int service_main(int argc, char **argv, const struct service *service)
{
    struct arena *arena = arena_create();
    struct err err;
    runtime.service = service;
    log_start(service->name, "", LOG_INFO);
    read_settings(argc, argv, arena);
    log_start(service->name, runtime.settings.instance, level_of(runtime.settings.log_level));
    signal(SIGPIPE, SIG_IGN);
    srand((unsigned)getpid());
    if (runtime.settings.health) {
        open_bus();
        int status = health_ask();
        arena_destroy(arena);
        return status;
    }
    migrate();
    if (runtime.settings.migrate_only) {
        arena_destroy(arena);
        return 0;
    }
    runtime.up_since = runtime_system_now();
    runtime.lanes_n = (int)runtime.settings.lanes;
    if (runtime.lanes_n == 0) runtime.lanes_n = service->lanes > 0 ? service->lanes : 1;
    raise_file_limit();
    open_bus();
    gate_start(runtime.bus, runtime.keys, &runtime.settings.limits);
    find_sources();
    compile_store();
    control_line = workline_create(runtime.settings.database, runtime_setup());
    control_start(control_line);
    policy_store_start(control_line);
    ids_start(control_line);
    query_start();
    journal_start();
    for (int i = 0; i < runtime.lanes_n; i++) lane_start(i);
    workline_add(control_line, read_version, NULL);
    if (service->start != NULL) service->start();
    check_room();
    runtime.server = bus_serve(runtime.bus, runtime.settings.endpoint, door_on_request, NULL, &err);
    if (runtime.server == NULL)
        fatal("is another process listening there?", "%s: %s", runtime.settings.endpoint,
              err.message);
    loop_on_signal(SIGTERM, on_terminate, NULL);
    loop_on_signal(SIGINT, on_terminate, NULL);
    log_info("ready", "endpoint=%s life=%s", bus_server_endpoint(runtime.server),
             strrchr(runtime.owner, '#') + 1);
    loop_run();
    shut_down();
    log_info("stopped", "clean=1");
    arena_destroy(arena);
    return 0;
}
