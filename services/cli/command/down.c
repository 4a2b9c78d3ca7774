#include "commands.h"

#include "base/arena.h"
#include "cli/world/run_file.h"
#include "cli/world/run_lock.h"
#include "cli/world/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum exit_status down(const struct words *words);

const struct command command_down = {
    .name = "down",
    .most = 0,
    .usage = "Stop all services (they finish what they are doing; after 30 s they are killed) and"
             " PostgreSQL.",
    .examples = "  kefu down\n  kefu down --dir /tmp/t1",
    .exec = down};

enum { LOOK_US = 20 * 1000, WAIT_LOOKS = 100 * 50 };

static bool wait_for_end(pid_t pid)
{
    for (int i = 0; i < WAIT_LOOKS; i++) {
        if (kill(pid, 0) < 0 && errno == ESRCH) return true;
        usleep(LOOK_US);
    }
    return false;
}

/* Is the process still what run.json says, and not another that got its number? */
static bool is_ours(const struct run_child *child)
{
    char path[64], program[4096], name[80];
    if (child->pid <= 0) return false;
    snprintf(path, sizeof(path), "/proc/%lld/exe", (long long)child->pid);
    ssize_t n = readlink(path, program, sizeof(program) - 1);
    if (n <= 0) return false;
    program[n] = '\0';
    snprintf(name, sizeof(name), "/kefu-%.60s", child->service.at);
    return strstr(program, name) != NULL;
}

/* The supervisor was killed: do what it would have done. */
static enum exit_status clean_up(const struct run_file *run, struct arena *arena)
{
    struct err err;
    for (size_t i = 0; i < run->children.n; i++) {
        const struct run_child *child = &LIST(run->children, struct run_child)[i];
        if (is_ours(child)) kill((pid_t)child->pid, SIGTERM);
    }
    for (size_t i = 0; i < run->children.n; i++) {
        const struct run_child *child = &LIST(run->children, struct run_child)[i];
        if (is_ours(child) && !wait_for_end((pid_t)child->pid)) kill((pid_t)child->pid, SIGKILL);
    }
    char *script = (char *)(uintptr_t)arena_printf(arena, "%s/deploy/postgres.sh", run->home.at).at;
    char *argv[] = {script, "stop", (char *)(uintptr_t)run->postgres.at, NULL};
    if (program_run(argv, NULL, &err) < 0) return complain(STATUS_FAILED, &err);
    run_file_remove(common_options.dir);
    return STATUS_OK;
}

/* Until whoever holds the directory is gone: it may still be starting. */
static enum exit_status stop_holder(void)
{
    struct err err;
    pid_t holder = 0, told = 0;
    for (int i = 0; i < WAIT_LOOKS; i++) {
        if (run_lock_look(common_options.dir, &holder) != RUN_LOCK_HELD) return STATUS_OK;
        if (holder > 0 && holder != told && kill(holder, SIGTERM) == 0) told = holder;
        usleep(LOOK_US);
    }
    if (told != 0)
        err_set(&err, "the supervisor %d does not end", (int)told);
    else
        err_set(&err, "cannot stop the supervisor %d: %s", (int)holder, strerror(errno));
    return complain(STATUS_FAILED, &err);
}

static enum exit_status down(const struct words *words)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    enum exit_status status;
    (void)words;
    if (run_lock_look(common_options.dir, NULL) == RUN_LOCK_HELD) {
        status = stop_holder();
    } else {
        const struct run_file *run = run_file_read(common_options.dir, arena, &err);
        status = run == NULL ? complain(STATUS_UNREACHABLE, &err) : clean_up(run, arena);
    }
    arena_destroy(arena);
    return status;
}
