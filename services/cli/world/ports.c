#include "cli/world/ports.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listening socket, as /proc/net/tcp has it. */
struct listener {
    int64_t inode, user;
};

enum { NAME_SIZE = 64, TABLE_MAX = 16 * MIB };

/* The column of a line of /proc/net/tcp, from 0 on. */
static text column_of(text line, int column)
{
    text word = {0};
    for (int i = 0; i <= column && line.len > 0; i++) {
        while (line.len > 0 && line.at[0] == ' ') line = (text){line.at + 1, line.len - 1};
        word = text_take(&line, ' ');
    }
    return word;
}

static bool read_listener(text line, int64_t port, struct listener *found)
{
    char wanted[8];
    text address = column_of(line, 1), state = column_of(line, 3);
    (void)text_take(&address, ':');
    snprintf(wanted, sizeof(wanted), "%04X", (unsigned)port & 0xffff);
    return text_is(address, wanted) && text_is(state, "0A") && /* it listens */
           text_to_int(column_of(line, 7), &found->user) &&
           text_to_int(column_of(line, 9), &found->inode);
}

static bool find_listener(const char *table, int64_t port, struct listener *found)
{
    struct buf file = {0};
    bool there = false;
    if (file_read(table, TABLE_MAX, &file, NULL, NULL) < 0) return false;
    text rest = buf_text(&file);
    while (!there && rest.len > 0) there = read_listener(text_take(&rest, '\n'), port, found);
    buf_finish(&file);
    return there;
}

static bool has_socket(const char *process, int64_t inode)
{
    char folder[300], wanted[64], link[64];
    bool has = false;
    snprintf(folder, sizeof(folder), "/proc/%s/fd", process);
    snprintf(wanted, sizeof(wanted), "socket:[%" PRId64 "]", inode);
    DIR *descriptors = opendir(folder);
    for (struct dirent *entry;
         descriptors != NULL && !has && (entry = readdir(descriptors)) != NULL;) {
        ssize_t n = readlinkat(dirfd(descriptors), entry->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        has = strcmp(link, wanted) == 0;
    }
    if (descriptors != NULL) closedir(descriptors);
    return has;
}

static void name_process(const char *process, char *name, size_t size)
{
    char path[300];
    struct buf command = {0};
    snprintf(path, sizeof(path), "/proc/%s/comm", process);
    if (file_read(path, NAME_SIZE, &command, NULL, NULL) < 0) buf_clear(&command);
    text rest = buf_text(&command), first = text_take(&rest, '\n');
    snprintf(name, size, "%.*s (process %.20s)", TEXT_ARG(first), process);
    buf_finish(&command);
}

/* "nginx (process 812)"; false if this user may not see it. */
static bool find_process(int64_t inode, char *name, size_t size)
{
    bool found = false;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry;
         processes != NULL && !found && (entry = readdir(processes)) != NULL;) {
        found =
            entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_socket(entry->d_name, inode);
        if (found) name_process(entry->d_name, name, size);
    }
    if (processes != NULL) closedir(processes);
    return found;
}

static int complain_of_port(int64_t port, const char *meant, struct err *err)
{
    struct listener listener;
    char name[2 * NAME_SIZE] = "another process";
    if (find_listener("/proc/net/tcp", port, &listener) ||
        find_listener("/proc/net/tcp6", port, &listener)) {
        if (!find_process(listener.inode, name, sizeof(name)))
            snprintf(name, sizeof(name), "a process of user %" PRId64, listener.user);
    }
    return err_set(err,
                   "port %" PRId64 ", meant for %s, is taken by %s (--base-port moves all ports;"
                   " kefu down ends what is left of a run that was killed)",
                   port, meant, name);
}

int ports_check(int64_t port, const char *meant, struct err *err)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_set(err, "socket: %s", strerror(errno));
    bool good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    int why = errno;
    close(fd);
    if (good) return 0;
    if (why == EADDRINUSE) return complain_of_port(port, meant, err);
    return err_set(err, "port %" PRId64 ", meant for %s: %s", port, meant, strerror(why));
}
