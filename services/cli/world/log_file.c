#include "log_file.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, PIECE_SIZE = 1 << 16 };

/* Until the end, which may move on meanwhile. */
static int copy_log(int from, int to)
{
    char piece[PIECE_SIZE];
    ssize_t n;
    while ((n = read(from, piece, sizeof(piece))) > 0)
        if (write(to, piece, (size_t)n) != n) return -1;
    return (int)n;
}

static int keep_log(const char *path, int from)
{
    char kept[PATH_SIZE];
    if ((size_t)snprintf(kept, sizeof(kept), "%s.1", path) >= sizeof(kept)) return -1;
    int to = open(kept, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (to < 0) return -1;
    int bad = copy_log(from, to);
    close(to);
    return bad;
}

void log_file_limit(const char *path, size_t most)
{
    struct stat stat;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && (size_t)stat.st_size > most) {
        if (keep_log(path, fd) < 0)
            log_warn("log_lost", "file=%s reason=%s", log_quoted(path),
                     log_quoted(strerror(errno)));
        if (ftruncate(fd, 0) < 0)
            log_warn("log_too_long", "file=%s reason=%s", log_quoted(path),
                     log_quoted(strerror(errno)));
    }
    close(fd);
}
