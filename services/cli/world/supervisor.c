#include "supervisor.h"

#include "base/buf.h"
#include "keyring.h"
#include "log_file.h"
#include "base/log.h"
#include "base/loop.h"
#include "ports.h"
#include "privileges.h"
#include "program.h"
#include "run_file.h"
#include "database.h"
#include "base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACKOFF_MS = 50,
    BACKOFF_MAX_MS = 5000,
    HEALTHY_MS = 10000, /* who ran so long starts again at once */
    DRAIN_MS = 30000,
    /* looks for dead children besides SIGCHLD, at log files, keeps the loop alive */
    ROUND_MS = 1000,
    ARGUMENTS_MAX = 128,
    LOGS_MAX = 3
};

struct child {
    struct run_child *told; /* what run.json says of it */
    int64_t started_ms, backoff_ms;
    struct loop_timer timer;
};

static struct supervisor {
    const struct supervised *plan;
    struct arena *arena;
    struct run_file run;
    const char *server;         /* where the database is, without who comes */
    const char *logs[LOGS_MAX]; /* besides those of the children */
    struct child children[SUPERVISED_MAX];
    struct run_child told[SUPERVISED_MAX];
    size_t n;
    bool stopping;
    struct loop_timer patience;
    struct loop_timer rounds;
} self;

static void start_child(void *ctx);

/* --- run.json --- */

static void tell(void)
{
    struct err err;
    self.run.children = (struct list){self.told, self.n};
    if (run_file_write(self.plan->dir, &self.run, &err) < 0)
        log_error("run_file", "reason=%s", log_quoted(err.message));
}

/* --- preparing --- */

static int make_folder(const char *dir, const char *name, mode_t mode, struct err *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s%s%s", dir, name[0] ? "/" : "", name);
    if (mkdir(path, mode) == 0 || errno == EEXIST) return 0;
    return err_set(err, "%s: %s", path, strerror(errno));
}

/* Where there is a database, the key was made before it: another one would open nothing in it. */
static int look_for_lost_key(struct err *err)
{
    const char *key = self.run.key_file.at;
    const char *data = arena_printf(self.arena, "%s/pg/data", self.plan->dir).at;
    if (access(key, F_OK) == 0 || access(data, F_OK) != 0) return 0;
    return err_set(err, "%s: is gone, and what was sealed with it is in %s: put its copy back", key,
                   data);
}

/* The key with which intake keeps personal data: made once, with a new system, and never shown. */
static int make_key(struct err *err)
{
    char digits[65];
    self.run.key_file = arena_printf(self.arena, "%s/secrets/intake.key", self.plan->dir);
    if (look_for_lost_key(err) < 0) return -1;
    int fd = open(self.run.key_file.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : err_set(err, "%s: %s", self.run.key_file.at, strerror(errno));
    uuid_hex(digits, 32);
    digits[64] = '\n';
    bool good = write(fd, digits, 65) == 65 && fsync(fd) == 0;
    close(fd);
    return good ? 0 : err_set(err, "%s: %s", self.run.key_file.at, strerror(errno));
}

static int make_keys(struct err *err)
{
    const char *dir = arena_printf(self.arena, "%s/secrets", self.plan->dir).at;
    int bad = keyring_make_world(dir, err);
    for (size_t i = 0; i < self.plan->n && bad == 0; i++)
        bad = keyring_make_service(dir, self.plan->children[i].service.at, err);
    return bad;
}

/* A system on a test clock is one to try: it has somebody to try it with. */
static int make_guests(struct err *err)
{
    if (!self.run.test_clock) return 0;
    return keyring_make_guests(arena_printf(self.arena, "%s/secrets", self.plan->dir).at, err);
}

sigset_t supervisor_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

static int look_for_stop(struct err *err)
{
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    if (!sigismember(&pending, SIGTERM) && !sigismember(&pending, SIGINT)) return 0;
    return err_set(err, "stopped while it was starting");
}

/* The server's are where it really is, which stands in "host=DIR port=…". */
static void name_logs(text dsn)
{
    text dir = dsn;
    (void)text_take(&dir, '=');
    dir = text_take(&dir, ' ');
    self.logs[0] = arena_printf(self.arena, "%s/supervisor.log", self.plan->dir).at;
    self.logs[1] = arena_printf(self.arena, "%.*s/log", TEXT_ARG(dir)).at;
    self.logs[2] = arena_printf(self.arena, "%.*s/initdb.log", TEXT_ARG(dir)).at;
}

/* Of "host=DIR port=… user=postgres dbname=postgres": the superuser is known by the user of this
   process, and whoever may read the list of passwords may be any other role. */
static void name_database(text dsn)
{
    const char *user = strstr(dsn.at, " user=");
    self.server = arena_printf(self.arena, "%.*s dbname=kefu", (int)(user - dsn.at), dsn.at).at;
    self.run.dsn = arena_printf(self.arena, "%s user=postgres passfile=%s/secrets/pgpass",
                                self.server, self.plan->dir);
}

static int start_postgres(struct err *err)
{
    struct buf out = {0};
    char port[16];
    char *script =
        (char *)(uintptr_t)arena_printf(self.arena, "%s/deploy/postgres.sh", self.plan->home).at;
    snprintf(port, sizeof(port), "%lld", (long long)self.plan->pg_port);
    self.run.postgres = arena_printf(self.arena, "%s/pg", self.plan->dir);
    char *argv[] = {script, "start", (char *)(uintptr_t)self.run.postgres.at, port, NULL};
    int bad = program_run(argv, &out, err);
    if (bad == 0) {
        text dsn = arena_text(self.arena, buf_text(&out));
        name_logs(dsn);
        struct store *store = store_open(dsn.at, err);
        bad = store == NULL ? -1 : store_create_database(store, "kefu", err);
        store_close(store);
        name_database(dsn);
    }
    buf_finish(&out);
    return bad;
}

static void stop_postgres(void)
{
    char *script =
        (char *)(uintptr_t)arena_printf(self.arena, "%s/deploy/postgres.sh", self.plan->home).at;
    char *argv[] = {script, "stop", (char *)(uintptr_t)self.run.postgres.at, NULL};
    struct err err;
    if (program_run(argv, NULL, &err) < 0)
        log_error("postgres", "reason=%s", log_quoted(err.message));
}

/* --- children --- */

/* "--peer-routing=static:127.0.0.1:7102,127.0.0.1:7112" */
static char *peer_argument(const char *service)
{
    struct buf out = {0};
    buf_printf(&out, "--peer-%s=", service);
    for (size_t i = 0, n = 0; i < self.n; i++)
        if (text_is(self.told[i].service, service))
            buf_printf(&out, "%s%s",
                       n++ > 0 ? "," : "static:", self.told[i].endpoint.at + strlen("tcp://"));
    char *argument = (char *)(uintptr_t)arena_text(self.arena, buf_text(&out)).at;
    buf_finish(&out);
    return argument;
}

static bool is_first(size_t child)
{
    for (size_t i = 0; i < child; i++)
        if (text_equal(self.told[i].service, self.told[child].service)) return false;
    return true;
}

#define ARGUMENT(...) ((char *)(uintptr_t)arena_printf(self.arena, __VA_ARGS__).at)

static char **arguments_of(const struct run_child *child, bool migrate_only)
{
    char **argv = ARENA_ARRAY(self.arena, char *, ARGUMENTS_MAX);
    size_t n = 0;
    argv[n++] = ARGUMENT("%s/kefu-%s", self.plan->programs, child->service.at);
    const char *role = migrate_only ? "migrate" : child->service.at;
    argv[n++] = ARGUMENT("--database=%s user=kefu_%s", self.server, role);
    argv[n++] = ARGUMENT("--database-password=%s/secrets/kefu_%s_password", self.plan->dir, role);
    argv[n++] = ARGUMENT("--home=%s", self.plan->home);
    argv[n++] = ARGUMENT("--keys=%s/secrets", self.plan->dir);
    argv[n++] = ARGUMENT("--endpoint=%s", child->endpoint.at);
    argv[n++] = ARGUMENT("--instance=%s%s", child->instance.at, migrate_only ? "-migrate" : "");
    argv[n++] = ARGUMENT("--lanes=%lld", (long long)self.plan->lanes);
    if (migrate_only)
        argv[n++] = "--migrate-only";
    else if (self.run.test_clock)
        argv[n++] = "--test-clock";
    for (size_t i = 0; i < self.n; i++)
        if (is_first(i)) argv[n++] = peer_argument(self.told[i].service.at);
    for (size_t i = 0; i < self.plan->settings_n && n + 1 < ARGUMENTS_MAX; i++)
        argv[n++] = self.plan->settings[i];
    return argv;
}

/* A setting for one service goes through the environment, and to that one alone. */
static void set_environment(const struct run_child *child)
{
    privileges_leave_environment(child->service);
    if (text_is(child->service, "intake")) setenv("KEFU_INTAKE_KEY_FILE", self.run.key_file.at, 1);
    if (text_is(child->service, "notification"))
        setenv("KEFU_NOTIFICATION_INBOX", ARGUMENT("%s/inbox", self.plan->dir), 1);
    if (child->feed.len > 0) setenv("KEFU_REPORTING_FEED_ENDPOINT", child->feed.at, 1);
}

/* In the process that becomes that service. */
static void confine(const void *ctx)
{
    struct err err;
    set_environment(ctx);
    if (privileges_leave(&err) == 0) return;
    fprintf(stderr, "%s\n", err.message);
    _exit(126);
}

static NORETURN void become(const struct run_child *child, char **argv, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* without a supervisor nothing runs */
    if (getppid() != parent) _exit(1);
    setpgid(0, 0); /* a key stroke at the terminal is the supervisor's business */
    int log = open(child->log.at, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    if (log >= 0) dup2(log, STDOUT_FILENO);
    if (log >= 0) dup2(log, STDERR_FILENO);
    confine(child);
    execv(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void start_child(void *ctx)
{
    struct child *child = ctx;
    pid_t parent = getpid();
    char **argv = arguments_of(child->told, false);
    if (self.stopping) return;
    pid_t pid = fork();
    if (pid == 0) become(child->told, argv, parent);
    child->told->pid = pid > 0 ? pid : 0;
    child->started_ms = loop_now_ms();
    log_info("started", "instance=%s pid=%d", child->told->instance.at, (int)pid);
    tell();
    if (pid < 0) loop_timer_start(&child->timer, BACKOFF_MAX_MS, 0, start_child, child);
}

static bool anybody_alive(void)
{
    for (size_t i = 0; i < self.n; i++)
        if (self.told[i].pid > 0) return true;
    return false;
}

static void child_died(struct child *child, int status)
{
    bool healthy = loop_now_ms() - child->started_ms >= HEALTHY_MS;
    child->told->pid = 0;
    log_info("ended", "instance=%s status=%d signal=%d", child->told->instance.at,
             WIFEXITED(status) ? WEXITSTATUS(status) : -1,
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    if (self.stopping) {
        if (!anybody_alive()) loop_stop();
        return;
    }
    child->backoff_ms = healthy || child->backoff_ms == 0 ? BACKOFF_MS : child->backoff_ms * 2;
    if (child->backoff_ms > BACKOFF_MAX_MS) child->backoff_ms = BACKOFF_MAX_MS;
    child->told->restarts++;
    tell();
    loop_timer_start(&child->timer, child->backoff_ms, 0, start_child, child);
}

static void on_child(void *ctx)
{
    int status;
    pid_t pid;
    (void)ctx;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < self.n; i++)
            if (self.told[i].pid == pid) child_died(&self.children[i], status);
}

static void limit_logs(void)
{
    for (size_t i = 0; i < self.n; i++) log_file_limit(self.told[i].log.at, LOG_FILE_MAX);
    for (size_t i = 0; i < LOGS_MAX; i++) log_file_limit(self.logs[i], LOG_FILE_MAX);
}

static void on_round(void *ctx)
{
    on_child(ctx);
    limit_logs();
}

static void signal_children(int signo)
{
    for (size_t i = 0; i < self.n; i++)
        if (self.told[i].pid > 0) kill((pid_t)self.told[i].pid, signo);
}

static void lose_patience(void *ctx)
{
    (void)ctx;
    log_warn("killing", "after_ms=%d", DRAIN_MS);
    signal_children(SIGKILL);
}

static void on_stop(void *ctx)
{
    (void)ctx;
    if (self.stopping) return;
    self.stopping = true;
    for (size_t i = 0; i < self.n; i++) loop_timer_stop(&self.children[i].timer);
    signal_children(SIGTERM);
    loop_timer_start(&self.patience, DRAIN_MS, 0, lose_patience, NULL);
    if (!anybody_alive()) loop_stop();
}

/* --- start --- */

/* For roles.sh: where passwords are. */
static void name_secrets(const void *ctx)
{
    setenv("SECRETS", ctx, 1);
}

/* Two roles for each service (deploy/postgres/roles.sql), with passwords. */
static int prepare_roles(struct err *err)
{
    char **argv = ARENA_ARRAY(self.arena, char *, SUPERVISED_MAX + 3);
    const char *secrets = ARGUMENT("%s/secrets", self.plan->dir);
    size_t n = 2;
    for (size_t i = 0; i < self.n; i++)
        if (is_first(i)) argv[n++] = ARGUMENT("%s", self.told[i].service.at);
    argv[0] = ARGUMENT("%s/deploy/postgres/passwords.sh", self.plan->home);
    argv[1] = ARGUMENT("%s", secrets);
    if (program_run(argv, NULL, err) < 0) return -1;
    argv[0] = ARGUMENT("%s/deploy/postgres/roles.sh", self.plan->home);
    argv[1] = ARGUMENT("%s", self.run.dsn.at);
    return program_run_prepared(argv, name_secrets, secrets, err);
}

/* As their owners. */
static int prepare_schemas(struct err *err)
{
    int bad = 0;
    for (size_t i = 0; i < self.n && bad == 0; i++) {
        bad = look_for_stop(err);
        if (bad == 0 && is_first(i))
            bad = program_run_prepared(arguments_of(&self.told[i], true), confine, &self.told[i],
                                       err);
    }
    return bad;
}

/* The latest test clock of all schemas, and whether anything has happened in one of them. */
static int read_clocks(struct store *store, struct store_clock *world, struct err *err)
{
    for (size_t i = 0; i < self.n; i++) {
        struct store_clock clock;
        if (!is_first(i)) continue;
        if (store_read_clock(store, self.told[i].service.at, &clock, err) < 0) return -1;
        if (clock.test_at > world->test_at) world->test_at = clock.test_at;
        world->used = world->used || clock.used;
    }
    return 0;
}

/* A system that was made on a test clock goes on with it, whatever was wished, and one in real time
   never gets one. Clocks must show their first time before a service looks at them. */
static int settle_clocks(struct store *store, struct err *err)
{
    struct store_clock world = {0};
    if (read_clocks(store, &world, err) < 0) return -1;
    if (world.test_at == 0 && !self.plan->test_clock) return 0;
    if (world.test_at == 0 && world.used)
        return err_set(err, "--test-clock: this system runs on the real clock; a test clock needs"
                            " a new one (another --dir)");
    self.run.test_clock = true;
    time_us start = world.test_at != 0 ? world.test_at : self.plan->test_time;
    for (size_t i = 0; i < self.n; i++)
        if (store_start_clock(store, self.told[i].service.at, start, err) < 0) return -1;
    return 0;
}

static int find_clock(struct err *err)
{
    struct store *store = store_open(self.run.dsn.at, err);
    int bad = store == NULL ? -1 : settle_clocks(store, err);
    store_close(store);
    return bad;
}

static int64_t port_of(text endpoint)
{
    int64_t port = 0;
    const char *colon = endpoint.len > 0 ? strrchr(endpoint.at, ':') : NULL;
    if (colon != NULL) (void)text_to_int(text_of(colon + 1), &port);
    return port;
}

/* Of PostgreSQL nobody can be in the way but itself, left by a run that was killed. */
static bool postgres_runs(void)
{
    struct err err;
    char *argv[] = {ARGUMENT("%s/deploy/postgres.sh", self.plan->home), "status",
                    ARGUMENT("%s/pg", self.plan->dir), NULL};
    return program_run(argv, NULL, &err) == 0;
}

static int check_ports(struct err *err)
{
    for (size_t i = 0; i < self.n; i++) {
        const struct run_child *child = &self.told[i];
        if (ports_check(port_of(child->endpoint), child->instance.at, err) < 0) return -1;
        if (child->feed.len > 0 && ports_check(port_of(child->feed), "the feed", err) < 0)
            return -1;
    }
    return postgres_runs() ? 0 : ports_check(self.plan->pg_port, "PostgreSQL", err);
}

static int prepare(struct err *err)
{
    const struct supervised *plan = self.plan;
    if (make_folder(plan->dir, "", 0755, err) < 0 || make_folder(plan->dir, "log", 0755, err) < 0 ||
        make_folder(plan->dir, "secrets", 0700, err) < 0 || make_key(err) < 0 || make_keys(err) < 0)
        return -1;
    for (size_t i = 0; i < plan->n; i++) {
        self.told[i] = plan->children[i];
        self.children[i].told = &self.told[i];
    }
    self.n = plan->n;
    if (check_ports(err) < 0 || look_for_stop(err) < 0) return -1;
    if (start_postgres(err) < 0 || prepare_roles(err) < 0 || prepare_schemas(err) < 0) return -1;
    if (find_clock(err) < 0 || make_guests(err) < 0) return -1;
    return look_for_stop(err);
}

int supervisor_run(const struct supervised *supervised,
                   void (*started)(void *ctx, const struct err *err), void *ctx)
{
    struct err err;
    self.plan = supervised;
    self.arena = arena_create();
    self.run = (struct run_file){.supervisor = getpid(),
                                 .home = text_of(supervised->home),
                                 .base_port = supervised->base_port};
    log_start("kefu", "supervisor", LOG_INFO);
    sigset_t stop = supervisor_signals();
    if (prepare(&err) < 0) {
        started(ctx, &err);
        if (self.run.postgres.len > 0) stop_postgres();
        return 1;
    }
    loop_on_signal(SIGCHLD, on_child, NULL);
    loop_on_signal(SIGTERM, on_stop, NULL);
    loop_on_signal(SIGINT, on_stop, NULL);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    loop_timer_start(&self.rounds, ROUND_MS, ROUND_MS, on_round, NULL);
    for (size_t i = 0; i < self.n; i++) start_child(&self.children[i]);
    started(ctx, NULL);
    loop_run();
    loop_timer_stop(&self.rounds);
    loop_timer_stop(&self.patience);
    loop_finish();
    stop_postgres();
    run_file_remove(supervised->dir);
    log_info("stopped", "children=%zu", self.n);
    return 0;
}
