#include "commands.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cli/client/bundle.h"
#include "base/loop.h"
#include "net/services.h"
#include "cli/world/run_file.h"
#include "runtime.msg.h"
#include "cli/world/supervisor.h"
#include "cli/client/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
     "database connections that work side by side in each replica; left out: as many as suit the service"},
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
    .usage =
        "Start PostgreSQL and all services on this machine and keep them running.\n"
        "The replica number R (from 0) of the service number S (from 0, as listed) hears on base port + 10 R + S, the feed of\n"
        "reporting on base port + 105 + 10 R. Everything is on 127.0.0.1 only. What runs where stands in DIR/run.json.",
    .examples =
        "  kefu up --detach\n"
        "  kefu up --scale routing=3 --scale escalation=2\n"
        "  kefu up --dir /tmp/t1 --base-port 8101 --test-clock=2026-03-17T16:00:00Z --detach",
    .options = options,
    .options_n = COUNT(options),
    .exec = up};

enum { PORTS_OF_REPLICA = 10, REPLICAS_MOST = 9, FEED_PORT = 100, POSTGRES_PORT = 199 };

/* --- what to start --- */

static int64_t replicas_of(text service, struct err *err)
{
    int64_t n = 1;
    for (size_t i = 0; i < given.scale.n; i++) {
        text rest = text_of(given.scale.at[i]);
        text name = text_take(&rest, '=');
        if (services_number(name) < 0)
            return err_set(err, "--scale: there is no service %.*s", TEXT_ARG(name));
        if (!text_equal(name, service)) continue;
        if (!text_to_int(rest, &n) || n < 1 || n > REPLICAS_MOST)
            return err_set(err, "--scale: %s: must be 1 to %d", given.scale.at[i], REPLICAS_MOST);
    }
    return n;
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
    child->log = arena_printf(arena, "%s/log/%s.log", plan->dir,
                              replica == 0 ? child->service.at : child->instance.at);
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
            return err_set(err, "--services: there is no service %.*s", TEXT_ARG(name));
        int64_t n = replicas_of(name, err);
        if (n < 0) return -1;
        if (plan->n + (size_t)n > SUPERVISED_MOST)
            return err_set(err, "more than %d processes", SUPERVISED_MOST);
        for (int r = 0; r < (int)n; r++) add_child(plan, arena, name, r);
    }
    return plan->n > 0 ? 0 : err_set(err, "--services: none");
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

static int find_dir(struct supervised *plan, struct arena *arena, struct err *err)
{
    if (mkdir(common_options.dir, 0755) < 0 && errno != EEXIST)
        return err_set(err, "%s: %s", common_options.dir, strerror(errno));
    char *whole = realpath(common_options.dir, NULL);
    if (whole == NULL) return err_set(err, "%s: %s", common_options.dir, strerror(errno));
    plan->dir = arena_text(arena, text_of(whole)).at;
    free(whole);
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
    if (plan->test_clock && given.test_clock[0] != '\0' &&
        !talk_time(given.test_clock, &plan->test_time))
        return err_set(err, "--test-clock: must be a time such as 2026-03-17T16:00:00Z");
    for (size_t i = 0; i < given.settings.n; i++)
        settings[i] = (char *)(uintptr_t)arena_printf(arena, "--%s", given.settings.at[i]).at;
    plan->settings = settings;
    plan->settings_n = given.settings.n;
    if ((plan->home = find_home(plan->programs, arena, err)) == NULL ||
        find_dir(plan, arena, err) < 0)
        return -1;
    return add_services(plan, arena, err);
}

/* --- the supervisor's process --- */

/* What the supervisor says to whoever started it: one line. */
static void say_started(void *ctx, const struct err *err)
{
    int fd = *(int *)ctx;
    const char *words = err != NULL ? err->message : "started";
    if (write(fd, words, strlen(words)) < 0 || close(fd) < 0) return;
}

static NORETURN void supervise(const struct supervised *plan, int fd)
{
    char path[PATH_MAX];
    if (given.detach) {
        setsid();
        snprintf(path, sizeof(path), "%s/supervisor.log", plan->dir);
        int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (nothing >= 0) dup2(nothing, STDIN_FILENO);
        if (log >= 0) dup2(log, STDOUT_FILENO);
        if (log >= 0) dup2(log, STDERR_FILENO);
    }
    exit(supervisor_run(plan, say_started, &fd));
}

/* Wait for the supervisor's line. */
static int hear_started(int fd, struct err *err)
{
    char line[400];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof(line) - 1 && (got = read(fd, line + n, sizeof(line) - 1 - n)) > 0)
        n += (size_t)got;
    line[n] = '\0';
    close(fd);
    return strcmp(line, "started") == 0 ? 0
                                        : err_set(err, "%s", n > 0 ? line : "the supervisor ended");
}

/* Only one at a time in a directory: the lock is held for as long as the supervisor lives. */
static int take_lock(const struct supervised *plan, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/lock", plan->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return err_set(err, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0; /* inherited by the supervisor, and by no program it runs */
    close(fd);
    return err_set(err, "it runs already in %s (kefu down stops it)", plan->dir);
}

static int start(const struct supervised *plan, pid_t *supervisor, struct err *err)
{
    int pipes[2];
    if (take_lock(plan, err) < 0) return -1;
    if (pipe2(pipes, O_CLOEXEC) < 0) return err_set(err, "pipe: %s", strerror(errno));
    (void)fflush(NULL);
    *supervisor = fork();
    if (*supervisor < 0) return err_set(err, "fork: %s", strerror(errno));
    if (*supervisor == 0) {
        close(pipes[0]);
        supervise(plan, pipes[1]);
    }
    close(pipes[1]);
    return hear_started(pipes[0], err);
}

/* --- ready? --- */

static int ask_each(struct client *client, const struct shape *shape, int64_t until_ms,
                    struct arena *arena, struct err *err)
{
    struct runtime_quiet quiet = {0};
    for (size_t s = 0; s < client_services(client); s++)
        for (size_t r = 0; r < client_replicas(client, s);) {
            struct runtime_hello hello = {text_of(client_service_name(client, s))};
            bool greets = shape == &runtime_hello_shape;
            struct question question = {.shape = shape,
                                        .body = greets ? (const void *)&hello : &quiet,
                                        .service = (int)s,
                                        .replica = (int)r,
                                        .patience_ms = until_ms - loop_now_ms()};
            struct reply reply = client_call(client, &question, arena);
            *err = reply.err;
            if (reply.kind != REPLY_ANSWERED) return -1;
            if (greets || ((const struct runtime_quiet_view *)reply.body)->busy == 0)
                r++;
            else if (loop_now_ms() > until_ms)
                return err_set(err, "%s is not ready in time", hello.service.at);
            else
                client_sleep(client, 20);
        }
    return 0;
}

static int get_ready(struct client *client, struct arena *arena, struct err *err)
{
    struct bundle_results results;
    int64_t until_ms = loop_now_ms() + common_options.timeout_ms;
    char directory[PATH_MAX];
    snprintf(directory, sizeof(directory), "%s/deploy/policy", client_run(client)->home.at);
    const char *policy = given.policy != NULL ? given.policy : directory;
    terminal_say("kefu: waiting for %zu services", client_services(client));
    if (ask_each(client, &runtime_hello_shape, until_ms, arena, err) < 0) return -1;
    if (strcmp(policy, "none") == 0) return 0;
    if (bundle_publish(client, policy, BUNDLE_PUBLISH, until_ms - loop_now_ms(), &results, err) < 0)
        return -1;
    return ask_each(client, &runtime_quiet_shape, until_ms, arena, err);
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

static enum exit_status wait_until_ready(time_us wished)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    struct buf out = {0};
    struct client *client = client_open(common_options.dir, &err);
    int bad = client == NULL ? -1 : get_ready(client, arena, &err);
    if (bad == 0 && client_run(client)->test_clock) tell_clock(client, wished, arena);
    if (bad == 0)
        buf_printf(&out, "up: %zu processes in %s%s\n", client_run(client)->children.n,
                   common_options.dir, client_run(client)->test_clock ? ", on a test clock" : "");
    if (bad < 0) terminal_say("HINT: see the logs in %s/log", common_options.dir);
    (void)terminal_print(&out);
    client_close(client);
    arena_destroy(arena);
    return bad < 0 ? complain(STATUS_FAILED, &err) : STATUS_OK;
}

static void pass_on(int signo)
{
    (void)signo; /* only so that waitpid() returns */
}

/* In the foreground: until the supervisor ends. */
static enum exit_status stay(pid_t supervisor)
{
    int status = 0;
    struct sigaction action = {.sa_handler = pass_on};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (waitpid(supervisor, &status, 0) < 0 && errno == EINTR) kill(supervisor, SIGTERM);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? STATUS_OK : STATUS_FAILED;
}

static enum exit_status up(const struct words *words)
{
    struct supervised plan = {0};
    struct arena *arena = arena_create();
    struct err err = {0};
    pid_t supervisor = 0;
    enum exit_status status;
    (void)words;
    if (make_plan(&plan, arena, &err) < 0)
        status = complain(STATUS_USAGE, &err);
    else if (start(&plan, &supervisor, &err) < 0)
        status = complain(STATUS_FAILED, &err);
    else {
        status = wait_until_ready(plan.test_time);
        if (status != STATUS_OK) kill(supervisor, SIGTERM);
        if (status != STATUS_OK || !given.detach) {
            enum exit_status end = stay(supervisor);
            if (status == STATUS_OK) status = end;
        }
    }
    arena_destroy(arena);
    return status;
}
