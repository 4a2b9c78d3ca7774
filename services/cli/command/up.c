#include "commands.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cli/client/bundle.h"
#include "base/loop.h"
#include "net/services.h"
#include "runtime.msg.h"
#include "cli/world/launch.h"
#include "cli/client/console.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum exit_status up(const struct words *words);

static struct {
    struct option_list scale, settings;
    const char *test_clock, *home, *services, *policy;
    int64_t lanes, base_port, pg_port;
    bool detach;
} given = {.base_port = SERVICES_FIRST_PORT};

static const struct option options[] = {
    {"scale", OPTION_LIST, &given.scale, "NAME=N", "so many replicas of a service (1); up to 9"},
    {"test-clock", OPTION_MAYBE, &given.test_clock, "TIME",
     "a new system's clock stands at TIME until `kefu clock` moves it; a system keeps its clock"},
    {"lanes", OPTION_INT, &given.lanes, "N",
     "database connections that work side by side in each replica; left out: as many as suit the"
     " service"},
    {"detach", OPTION_FLAG, &given.detach, NULL, "come back when all is up; `kefu down` stops it"},
    {"base-port", OPTION_INT, &given.base_port, "PORT",
     "the first of 200 ports on 127.0.0.1 (" STRING(SERVICES_FIRST_PORT) ")"},
    {"pg-port", OPTION_INT, &given.pg_port, "PORT", "of PostgreSQL (base port + 199)"},
    {"services", OPTION_TEXT, &given.services, "NAMES", "which services, joined by commas (all)"},
    {"policy", OPTION_TEXT, &given.policy, "DIR",
     "the bundle that is published (deploy/policy); \"none\": none"},
    {"set", OPTION_LIST, &given.settings, "NAME=VALUE",
     "a setting for all services, such as lease=1s"},
    {"home", OPTION_TEXT, &given.home, "DIR", "directory with deploy/ and services/"},
};

const struct command command_up = {
    .name = "up",
    .most = 0,
    .usage = "Start PostgreSQL and all services on this machine and keep them running.\n"
             "The replica number R (from 0) of the service number S (from 0,"
             " as listed) hears on base port + 10 R + S, the feed of\n"
             "reporting on base port + 105 + 10 R. Everything is on 127.0.0.1 only. What runs where"
             " stands in DIR/run.json.",
    .examples =
        "  kefu up --detach\n"
        "  kefu up --scale routing=3 --scale escalation=2\n"
        "  kefu up --dir /tmp/t1 --base-port 8101 --test-clock=2026-03-17T16:00:00Z --detach",
    .options = options,
    .options_n = COUNT(options),
    .exec = up};

enum { PORTS_OF_REPLICA = 10, REPLICAS_MAX = 9, FEED_PORT = 100, POSTGRES_PORT = 199 };

/* --- what to start --- */

/* How many replicas of the service; -1 with err if that is not said well. The last word counts. */
static int64_t replicas_of(text service, struct err *err)
{
    int64_t n = 1;
    for (size_t i = 0; i < given.scale.n; i++) {
        text rest = text_of(given.scale.at[i]);
        if (!text_equal(text_take(&rest, '='), service)) continue;
        if (!text_to_int(rest, &n) || n < 1 || n > REPLICAS_MAX)
            return err_set(err, "--scale: '%s' must be NAME=N, N from 1 to %d", given.scale.at[i],
                           REPLICAS_MAX);
    }
    return n;
}

static bool runs(const struct supervised *plan, text service)
{
    for (size_t i = 0; i < plan->n; i++)
        if (text_equal(plan->children[i].service, service)) return true;
    return false;
}

static int check_scale(const struct supervised *plan, struct err *err)
{
    for (size_t i = 0; i < given.scale.n; i++) {
        text rest = text_of(given.scale.at[i]), name = text_take(&rest, '=');
        if (services_number(name) < 0)
            return err_set(err, "--scale: there is no service '%.*s'", TEXT_ARG(name));
        if (!runs(plan, name))
            return err_set(err, "--scale: %.*s is not among --services", TEXT_ARG(name));
    }
    return 0;
}

static void add_child(struct supervised *plan, struct arena *arena, text service, int replica)
{
    struct run_child *child = &plan->children[plan->n++];
    int port = (int)plan->base_port + PORTS_OF_REPLICA * replica + services_number(service);
    child->service = arena_text(arena, service);
    child->instance = arena_printf(arena, "%s-%d", child->service.at, replica + 1);
    child->endpoint = arena_printf(arena, "tcp://127.0.0.1:%d", port);
    if (text_is(service, "reporting"))
        child->feed = arena_printf(arena, "tcp://127.0.0.1:%d", port + FEED_PORT);
    child->log = replica == 0 ? child->service : child->instance;
}

static text deployed_services(struct arena *arena)
{
    text names = {"", 0};
    for (size_t i = 0; i < services_n; i++)
        if (services_list[i].deployed)
            names = arena_printf(arena, "%s%s%s", names.at, names.len > 0 ? "," : "",
                                 services_list[i].name);
    return names;
}

static int add_services(struct supervised *plan, struct arena *arena, struct err *err)
{
    text rest = given.services == NULL ? deployed_services(arena) : text_of(given.services);
    while (rest.len > 0) {
        text name = text_take(&rest, ',');
        if (services_number(name) < 0)
            return err_set(err, "--services: there is no service '%.*s'", TEXT_ARG(name));
        if (runs(plan, name))
            return err_set(err, "--services: %.*s is named twice", TEXT_ARG(name));
        int64_t n = replicas_of(name, err);
        if (n < 0) return -1;
        if (plan->n + (size_t)n > SUPERVISED_MAX)
            return err_set(err, "more than %d processes", SUPERVISED_MAX);
        for (int r = 0; r < (int)n; r++) add_child(plan, arena, name, r);
    }
    return check_scale(plan, err);
}

static const char *folder_of_program(struct arena *arena)
{
    char path[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0) return ".";
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL) *slash = '\0';
    return arena_text(arena, text_of(path)).at;
}

static bool is_home(const char *dir)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/deploy/postgres.sh", dir);
    return access(path, X_OK) == 0;
}

/* --home, the current directory, or a directory above the program. */
static const char *find_home(const char *programs, struct arena *arena, struct err *err)
{
    char path[PATH_MAX];
    const char *wish = given.home != NULL ? given.home : ".";
    if (!is_home(wish) && given.home == NULL) {
        snprintf(path, sizeof(path), "%s", programs);
        for (char *slash; !is_home(path) && (slash = strrchr(path, '/')) != NULL;) *slash = '\0';
        wish = path;
    }
    char *whole = is_home(wish) ? realpath(wish, NULL) : NULL;
    if (whole == NULL) {
        err_set(err, "there is no deploy/postgres.sh in %s (--home)", wish);
        return NULL;
    }
    const char *home = arena_text(arena, text_of(whole)).at;
    free(whole);
    return home;
}

static time_us now(void)
{
    return (time_us)time(NULL) * SECOND_US;
}

/* Where it keeps its files, made if it is not there; logs get their whole names. */
static int find_dir(struct supervised *plan, struct arena *arena, struct err *err)
{
    if (mkdir(common_options.dir, 0755) < 0 && errno != EEXIST)
        return err_set(err, "%s: %s", common_options.dir, strerror(errno));
    char *whole = realpath(common_options.dir, NULL);
    if (whole == NULL) return err_set(err, "%s: %s", common_options.dir, strerror(errno));
    plan->dir = arena_text(arena, text_of(whole)).at;
    free(whole);
    for (size_t i = 0; i < plan->n; i++)
        plan->children[i].log =
            arena_printf(arena, "%s/log/%s.log", plan->dir, plan->children[i].log.at);
    return 0;
}

static int make_plan(struct supervised *plan, struct arena *arena, struct err *err)
{
    char **settings = ARENA_ARRAY(arena, char *, OPTION_VALUES);
    plan->programs = folder_of_program(arena);
    plan->base_port = given.base_port;
    plan->pg_port = given.pg_port != 0 ? given.pg_port : given.base_port + POSTGRES_PORT;
    plan->lanes = given.lanes;
    plan->test_clock = given.test_clock != NULL;
    plan->test_time = now();
    if (given.base_port < 1024 || given.base_port > 65000)
        return err_set(err, "--base-port: must be 1024 to 65000");
    if (plan->pg_port < 1024 || plan->pg_port > 65535)
        return err_set(err, "--pg-port: must be 1024 to 65535");
    if (plan->test_clock && given.test_clock[0] != '\0' &&
        !talk_time(given.test_clock, &plan->test_time))
        return err_set(err, "--test-clock: must be a time such as 2026-03-17T16:00:00Z");
    for (size_t i = 0; i < given.settings.n; i++)
        settings[i] = (char *)(uintptr_t)arena_printf(arena, "--%s", given.settings.at[i]).at;
    plan->settings = settings;
    plan->settings_n = given.settings.n;
    plan->home = find_home(plan->programs, arena, err);
    return plan->home == NULL ? -1 : add_services(plan, arena, err);
}

/* --- ready? --- */

enum { SLICE_MS = 1000, PAUSE_MS = 20 };

/* Until that replica answers, and is not busy if `wanted` is its quiet view. */
static int ask_until(struct launch *launch, struct client *client, struct question *question,
                     int64_t until_ms, struct err *err)
{
    const char *service = client_service_name(client, (size_t)question->service);
    for (;;) {
        struct arena *arena = arena_create();
        int64_t left = until_ms - loop_now_ms();
        question->patience_ms = left < SLICE_MS ? left : SLICE_MS;
        struct reply reply = client_call(client, question, arena);
        bool answered = reply.kind == REPLY_ANSWERED;
        bool busy = answered && question->shape == &runtime_quiet_shape &&
                    ((const struct runtime_quiet_view *)reply.body)->busy > 0;
        arena_destroy(arena);
        if (answered && !busy) return 0;
        if (launch_look(launch, service, err) < 0) return -1;
        if (reply.kind == REPLY_REFUSED || (left < SLICE_MS && !answered))
            return *err = reply.err, -1;
        if (left < 0) return err_set(err, "%s is not ready in time", service);
        client_sleep(client, PAUSE_MS);
    }
}

static int ask_each(struct launch *launch, struct client *client, const struct shape *shape,
                    int64_t until_ms, struct err *err)
{
    struct runtime_quiet quiet = {0};
    int bad = 0;
    for (size_t s = 0; s < client_services(client); s++)
        for (size_t r = 0; r < client_replicas(client, s) && bad == 0; r++) {
            struct runtime_hello hello = {text_of(client_service_name(client, s))};
            bool greets = shape == &runtime_hello_shape;
            struct question question = {.shape = shape,
                                        .body = greets ? (const void *)&hello : &quiet,
                                        .service = (int)s,
                                        .replica = (int)r};
            bad = ask_until(launch, client, &question, until_ms, err);
        }
    return bad;
}

static int get_ready(struct launch *launch, struct client *client, struct err *err)
{
    struct bundle_results results;
    int64_t until_ms = loop_now_ms() + common_options.timeout_ms;
    char directory[PATH_MAX];
    snprintf(directory, sizeof(directory), "%s/deploy/policy", client_run(client)->home.at);
    const char *policy = given.policy != NULL ? given.policy : directory;
    terminal_say("kefu: waiting for %zu services", client_services(client));
    if (ask_each(launch, client, &runtime_hello_shape, until_ms, err) < 0) return -1;
    if (strcmp(policy, "none") == 0) return 0;
    if (bundle_publish(client, policy, BUNDLE_PUBLISH, until_ms - loop_now_ms(), &results, err) < 0)
        return -1;
    return ask_each(launch, client, &runtime_quiet_shape, until_ms, err);
}

/* Time that stands still is said at every start: whoever forgot it waits for alarms in vain. */
static void tell_clock(struct client *client, time_us wished, struct arena *arena)
{
    struct runtime_quiet quiet = {0};
    struct buf line = {0};
    struct reply reply = client_call(client,
                                     &(struct question){.shape = &runtime_quiet_shape,
                                                        .body = &quiet,
                                                        .patience_ms = common_options.timeout_ms},
                                     arena);
    if (reply.kind != REPLY_ANSWERED) return;
    time_us at = ((const struct runtime_quiet_view *)reply.body)->now;
    talk_add_test_clock(&line, at);
    if (given.test_clock == NULL)
        terminal_say("kefu: this system was made on a test clock and goes on with it"
                     " (for one in real time give another --dir)");
    else if (given.test_clock[0] != '\0' && at != wished)
        terminal_say("kefu: --test-clock: the clock that is there stays; TIME is for a new"
                     " system");
    terminal_say("kefu: %s", buf_text(&line).at);
    buf_finish(&line);
}

static enum exit_status wait_until_ready(struct launch *launch)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    struct buf out = {0};
    struct client *client = client_open(common_options.dir, &err);
    int bad = client == NULL ? -1 : get_ready(launch, client, &err);
    if (bad == 0 && client_run(client)->test_clock)
        tell_clock(client, launch->plan->test_time, arena);
    if (bad == 0)
        buf_printf(&out, "up: %zu processes in %s%s\n", client_run(client)->children.n,
                   common_options.dir, client_run(client)->test_clock ? ", on a test clock" : "");
    if (bad < 0) terminal_say("HINT: see the logs in %s/log", common_options.dir);
    (void)terminal_print(&out);
    client_close(client);
    arena_destroy(arena);
    return bad < 0 ? complain(STATUS_FAILED, &err) : STATUS_OK;
}

static enum exit_status run_until_end(struct launch *launch)
{
    enum exit_status status = wait_until_ready(launch);
    if (status == STATUS_OK && launch->detach) return STATUS_OK;
    if (status != STATUS_OK) launch_stop(launch);
    bool well = launch_wait(launch);
    return status == STATUS_OK && !well ? STATUS_FAILED : status;
}

static enum exit_status up(const struct words *words)
{
    struct supervised plan = {0};
    struct launch launch = {.plan = &plan, .detach = given.detach};
    struct arena *arena = arena_create();
    struct err err = {0};
    enum exit_status status;
    (void)words;
    if (make_plan(&plan, arena, &err) < 0)
        status = complain(STATUS_USAGE, &err);
    else if (find_dir(&plan, arena, &err) < 0 || launch_start(&launch, &err) < 0)
        status = complain(STATUS_FAILED, &err);
    else
        status = run_until_end(&launch);
    arena_destroy(arena);
    return status;
}
