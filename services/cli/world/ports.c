#include "cli/world/ports.h"

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
    unsigned long inode, user;
};

enum { STATE_LISTEN = 0x0a, NAME_SIZE = 64 };

static bool find_listener(const char *table, int64_t port, struct listener *found)
{
    char line[400];
    bool there = false;
    FILE *file = fopen(table, "re");
    while (file != NULL && !there && fgets(line, sizeof(line), file) != NULL) {
        unsigned at = 0, state = 0;
        int n = sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %lu %*d %lu", &at, &state,
                       &found->user, &found->inode);
        there = n == 4 && at == (unsigned)port && state == STATE_LISTEN;
    }
    if (file != NULL) (void)fclose(file);
    return there;
}

static bool has_socket(const char *process, unsigned long inode)
{
    char folder[300], wanted[64], link[64];
    bool has = false;
    snprintf(folder, sizeof(folder), "/proc/%s/fd", process);
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
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

/* "nginx (process 812)"; false if this user may not see it. */
static bool name_process(unsigned long inode, char *name, size_t size)
{
    bool found = false;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry;
         processes != NULL && !found && (entry = readdir(processes)) != NULL;) {
        char path[300], command[NAME_SIZE] = "?";
        found =
            entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_socket(entry->d_name, inode);
        if (!found) continue;
        snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file != NULL && fgets(command, sizeof(command), file) != NULL)
            command[strcspn(command, "\n")] = '\0';
        if (file != NULL) (void)fclose(file);
        snprintf(name, size, "%s (process %.20s)", command, entry->d_name);
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
        if (!name_process(listener.inode, name, sizeof(name)))
            snprintf(name, sizeof(name), "a process of user %lu", listener.user);
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
