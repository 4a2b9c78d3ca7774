/* Log files that grow too long. */
#include "cli/world/log_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char path[64], kept[80];

static void make_log(void)
{
    snprintf(path, sizeof(path), "/tmp/kefu-log-XXXXXX");
    close(mkstemp(path));
    snprintf(kept, sizeof(kept), "%s.1", path);
}

static void remove_logs(void)
{
    unlink(path);
    unlink(kept);
}

static long size_of(const char *file)
{
    struct stat stat_of;
    return stat(file, &stat_of) == 0 ? (long)stat_of.st_size : -1;
}

TEST(a_long_file_goes_on_empty)
{
    make_log();
    int writer = open(path, O_WRONLY | O_APPEND);
    CHECK_INT(write(writer, "0123456789", 10), 10);
    log_file_limit(path, 10);
    CHECK_INT(size_of(path), 10);
    CHECK_INT(size_of(kept), -1);
    CHECK_INT(write(writer, "x", 1), 1);
    log_file_limit(path, 10);
    CHECK_INT(size_of(path), 0);
    CHECK_INT(size_of(kept), 11);
    CHECK_INT(write(writer, "after", 5), 5); /* who had it open writes at its new end */
    CHECK_INT(size_of(path), 5);
    log_file_limit(path, 4);
    CHECK_INT(size_of(kept), 5); /* the one before is gone: two files, no more */
    close(writer);
    remove_logs();
}

TEST(what_is_no_file_is_left_alone)
{
    char link[80];
    make_log();
    snprintf(link, sizeof(link), "%s.link", path);
    CHECK_INT(symlink(path, link), 0);
    CHECK_INT(truncate(path, 100), 0);
    log_file_limit(link, 10);
    log_file_limit("/tmp", 10);
    log_file_limit("/tmp/kefu-there-is-no-such-file", 10);
    CHECK_INT(size_of(path), 100);
    unlink(link);
    remove_logs();
}
