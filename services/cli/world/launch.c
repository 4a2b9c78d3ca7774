#include "cli/world/launch.h"

#include "base/arena.h"
#include "cli/world/program.h"
#include "cli/world/run_file.h"
#include "cli/world/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESTARTS_MAX = 5, LINE_SIZE = 400, LOG_END = 2000 };

/* --- in the supervisor's process --- */

/* The supervisor's report to the process that started it: one line. */
static void say_started(void *ctx, const struct err *err)
{
    int fd = *(int *)ctx;
    const char *words = err != NULL ? err->message : "started";
    if (write(fd, words, strlen(words)) < 0 || close(fd) < 0) return;
}

static void leave_terminal(const char *dir)
{
    char path[PATH_MAX];
    setsid();
    snprintf(path, sizeof(path), "%s/supervisor.log", dir);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    if (log >= 0) dup2(log, STDOUT_FILENO);
    if (log >= 0) dup2(log, STDERR_FILENO);
}

static NORETURN void supervise(const struct launch *launch, int lock, int fd, pid_t parent)
{
    run_lock_sign(lock);
    if (launch->detach)
        leave_terminal(launch->plan->dir);
    else
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!launch->detach && getppid() != parent) exit(1);
    exit(supervisor_run(launch->plan, say_started, &fd));
}

/* --- in the process that launches it --- */

static volatile sig_atomic_t told_to_stop;

static void note_stop(int signo)
{
    (void)signo;
    told_to_stop = 1;
}

static void hear_signals(void)
{
    struct sigaction action = {.sa_handler = note_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Wait for the supervisor's line. */
static int hear_started(struct launch *launch, int fd, struct err *err)
{
    char line[LINE_SIZE];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof(line) - 1) {
        got = read(fd, line + n, sizeof(line) - 1 - n);
        if (got < 0 && errno == EINTR)
            launch_stop(launch);
        else if (got <= 0)
            break;
        else
            n += (size_t)got;
    }
    line[n] = '\0';
    close(fd);
    if (strcmp(line, "started") == 0) return 0;
    return err_set(err, "%s", n > 0 ? line : "the supervisor ended");
}

int launch_start(struct launch *launch, struct err *err)
{
    int pipes[2];
    pid_t parent = getpid();
    int lock = run_lock_take(launch->plan->dir, err);
    if (lock < 0) return -1;
    if (pipe2(pipes, O_CLOEXEC) < 0) return err_set(err, "pipe: %s", strerror(errno));
    (void)fflush(NULL);
    hear_signals();
    sigset_t stop = supervisor_signals();
    sigprocmask(SIG_BLOCK, &stop, NULL);
    launch->supervisor = fork();
    if (launch->supervisor != 0) sigprocmask(SIG_UNBLOCK, &stop, NULL);
    if (launch->supervisor < 0) return err_set(err, "fork: %s", strerror(errno));
    if (launch->supervisor == 0) {
        close(pipes[0]);
        supervise(launch, lock, pipes[1], parent);
    }
    close(pipes[1]);
    return hear_started(launch, pipes[0], err);
}

static text read_end(const char *path, char *bytes, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t length = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = length > (off_t)size ? length - (off_t)size : 0;
    ssize_t n = fd < 0 ? 0 : pread(fd, bytes, size, from);
    if (fd >= 0) close(fd);
    return program_last_line((text){bytes, n > 0 ? (size_t)n : 0});
}

/* Does a replica of the service die as soon as it is started? Its log says why. */
static int look_for_deaths(const char *dir, const char *service, struct err *err)
{
    struct arena *arena = arena_create();
    char end[LOG_END];
    int bad = 0;
    const struct run_file *run = run_file_read(dir, arena, err);
    for (size_t i = 0; run != NULL && i < run->children.n && bad == 0; i++) {
        const struct run_child *child = &LIST(run->children, struct run_child)[i];
        if (!text_is(child->service, service) || child->restarts < RESTARTS_MAX) continue;
        text line = read_end(child->log.at, end, sizeof(end));
        bad = err_set(err, "%s does not start: %.*s", child->instance.at, TEXT_ARG(line));
    }
    arena_destroy(arena);
    return bad;
}

int launch_look(struct launch *launch, const char *service, struct err *err)
{
    int status;
    if (told_to_stop) return err_set(err, "stopped while it was starting");
    if (waitpid(launch->supervisor, &status, WNOHANG) == launch->supervisor) {
        launch->supervisor = 0;
        return err_set(err, "the supervisor ended (kefu down, or see %s/supervisor.log)",
                       launch->plan->dir);
    }
    return service != NULL ? look_for_deaths(launch->plan->dir, service, err) : 0;
}

void launch_stop(struct launch *launch)
{
    if (launch->supervisor > 0) kill(launch->supervisor, SIGTERM);
}

bool launch_wait(struct launch *launch)
{
    int status = 0;
    if (launch->supervisor == 0) return false; /* it has ended already */
    if (told_to_stop) launch_stop(launch);
    while (waitpid(launch->supervisor, &status, 0) < 0 && errno == EINTR) launch_stop(launch);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
