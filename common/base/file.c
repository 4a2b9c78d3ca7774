#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 * KIB, INPUT_IDLE_S = 60 };

static const char *file_kind(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

static int refuse_size(const char *path, size_t max, struct err *err)
{
    if (max % MIB == 0) return err_set(err, "%s: is larger than %zu MiB", path, max / MIB);
    if (max % KIB == 0) return err_set(err, "%s: is larger than %zu KiB", path, max / KIB);
    return err_set(err, "%s: is larger than %zu bytes", path, max);
}

/* Without waiting: a FIFO that nobody writes to would hold the process. */
static int open_regular(const char *path, size_t max, struct stat *status, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), bad = 0;
    if (fd < 0 || fstat(fd, status) != 0)
        bad = err_set(err, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status->st_mode))
        bad = err_set(err, "%s: is %s, not a regular file", path, file_kind(status->st_mode));
    else if ((uintmax_t)status->st_size > max)
        bad = refuse_size(path, max, err);
    if (bad < 0 && fd >= 0) close(fd);
    return bad < 0 ? -1 : fd;
}

/* Files of /proc say that they are empty, and a file may grow meanwhile. */
static int read_open(int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
    size_t before = out->len;
    ssize_t n;
    while ((n = read(fd, buf_reserve(out, PIECE), PIECE)) > 0) {
        buf_grew(out, (size_t)n);
        if (out->len - before > max) return refuse_size(path, max, err);
    }
    return n < 0 ? err_set(err, "%s: %s", path, strerror(errno)) : 0;
}

int file_read(const char *path, size_t max, struct buf *out, struct stat *status, struct err *err)
{
    struct stat own;
    size_t before = out->len;
    if (status == NULL) status = &own;
    int fd = open_regular(path, max, status, err);
    if (fd < 0) return -1;
    buf_reserve(out, (size_t)status->st_size + PIECE + 1);
    int bad = read_open(fd, path, max, out, err);
    if (bad < 0) out->len = before;
    close(fd);
    return bad;
}

int file_guard(const char *path, const struct stat *status, unsigned refused, struct err *err)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return err_set(err, "%s: belongs to user %u, neither to this one nor to root", path,
                       (unsigned)status->st_uid);
    if (status->st_uid == 0) refused &= ~(unsigned)S_IRGRP;
    if ((status->st_mode & refused) == 0) return 0;
    return err_set(err, "%s: others may %s it: its mode is %04o (chmod %s)", path,
                   status->st_mode & refused & (S_IRGRP | S_IROTH) ? "read" : "change",
                   (unsigned)status->st_mode & 07777, refused & S_IROTH ? "600" : "644");
}

int file_secret(const char *path, size_t max, struct buf *out, struct err *err)
{
    struct stat status;
    size_t before = out->len;
    if (file_read(path, max, out, &status, err) < 0) return -1;
    if (file_guard(path, &status, S_IRWXG | S_IRWXO, err) == 0) return 0;
    explicit_bzero(out->at + before, out->len - before);
    out->len = before;
    return -1;
}

static text keep_bytes(const struct buf *bytes, struct arena *arena)
{
    return (text){arena_copy(arena, bytes->len > 0 ? buf_text(bytes).at : "", bytes->len + 1),
                  bytes->len};
}

text file_text(const char *path, size_t max, struct arena *arena, struct err *err)
{
    struct buf bytes = {0};
    bool good = file_read(path, max, &bytes, NULL, err) == 0;
    text whole = good ? keep_bytes(&bytes, arena) : (text){0};
    buf_finish(&bytes);
    return whole;
}

static int read_input(size_t max, struct buf *out, struct err *err)
{
    static const char name[] = "standard input";
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    while (true) {
        int ready = poll(&input, 1, INPUT_IDLE_S * 1000);
        if (ready == 0) return err_set(err, "%s: nothing came for %d s", name, INPUT_IDLE_S);
        ssize_t n = ready < 0 ? -1 : read(STDIN_FILENO, buf_reserve(out, PIECE), PIECE);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) return err_set(err, "%s: %s", name, strerror(errno));
        if (n == 0) return 0;
        buf_grew(out, (size_t)n);
        if (out->len > max) return refuse_size(name, max, err);
    }
}

text file_given(const char *name, size_t max, struct arena *arena, struct err *err)
{
    struct buf bytes = {0};
    if (strcmp(name, "-") != 0) return file_text(name, max, arena, err);
    bool good = read_input(max, &bytes, err) == 0;
    text whole = good ? keep_bytes(&bytes, arena) : (text){0};
    buf_finish(&bytes);
    return whole;
}
