#include "file_channel.h"

#include "base/buf.h"
#include "data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory and those above it. */
static int make_directory(const char *path, struct err *err)
{
    char part[1024];
    size_t len = strlen(path);
    if (len >= sizeof(part)) return err_set(err, "the inbox's path is too long");
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, i == len ? 0700 : 0755) != 0 && errno != EEXIST)
            return err_set(err, "inbox: %s", strerror(errno));
    }
    return 0;
}

static void add_text(struct buf *out, const char *name, text value)
{
    buf_printf(out, ",\"%s\":", name);
    json_quote(out, value);
}

static void write_line(struct buf *out, const struct inbox_line *line)
{
    buf_printf(out, "{\"at\":\"");
    json_add_time(out, line->at);
    buf_printf(out, "\",\"message\":%" PRId64 ",\"ticket\":%" PRId64, line->message, line->ticket);
    add_text(out, "to", line->to);
    add_text(out, "template", line->template);
    add_text(out, "subject", line->subject);
    add_text(out, "body", line->body);
    buf_printf(out, "}\n");
}

static int open_day(const char *directory, time_us at, struct err *err)
{
    struct buf day = {0};
    char path[1200];
    json_add_time(&day, at);
    snprintf(path, sizeof(path), "%s/%.10s.jsonl", directory, buf_text(&day).at);
    buf_finish(&day);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT && make_directory(directory, err) == 0)
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? err_set(err, "inbox: %s", strerror(errno)) : fd;
}

int inbox_add(const char *directory, const struct inbox_line *line, struct err *err)
{
    struct buf out = {0};
    int fd = open_day(directory, line->at, err);
    if (fd < 0) return -1;
    write_line(&out, line);
    ssize_t written = write(fd, out.at, out.len);
    int result = written == (ssize_t)out.len
                     ? 0
                     : err_set(err, "inbox: %s", written < 0 ? strerror(errno) : "disk full");
    buf_finish(&out);
    close(fd);
    return result;
}
