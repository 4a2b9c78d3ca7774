#include "cli/world/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PID_SIZE = 24 };

int run_lock_take(const char *dir, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/lock", dir);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock < 0) return err_set(err, "%s: %s", path, strerror(errno));
    struct flock whole = {.l_type = F_WRLCK};
    if (fcntl(lock, F_OFD_SETLK, &whole) == 0 && ftruncate(lock, 0) == 0) return lock;
    close(lock);
    return err_set(err, "it runs already in %s (kefu down stops it)", dir);
}

void run_lock_sign(int lock)
{
    char pid[PID_SIZE];
    int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (pwrite(lock, pid, (size_t)n, 0) != n) return; /* nobody can stop it by name, that is all */
}

enum run_lock_state run_lock_look(const char *dir, pid_t *holder)
{
    char path[PATH_MAX], pid[PID_SIZE] = "";
    int64_t number = 0;
    snprintf(path, sizeof(path), "%s/lock", dir);
    int lock = open(path, O_RDONLY | O_CLOEXEC);
    if (lock < 0) return RUN_LOCK_NONE;
    struct flock whole = {.l_type = F_WRLCK}; /* only asked for: a look is in nobody's way */
    bool held = fcntl(lock, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    ssize_t n = pread(lock, pid, sizeof(pid) - 1, 0);
    close(lock);
    if (n > 0 && pid[n - 1] == '\n') (void)text_to_int((text){pid, (size_t)n - 1}, &number);
    if (holder != NULL) *holder = (pid_t)number;
    return held ? RUN_LOCK_HELD : RUN_LOCK_FREE;
}
