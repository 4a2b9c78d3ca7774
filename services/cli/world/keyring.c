#include "keyring.h"

#include "base/buf.h"
#include "base/file.h"
#include "net/services.h"
#include "run_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, LIST_BYTES_MAX = 4 * MIB };

static const char head[] =
    "# Who may connect: name, public key, roles, and the sources and rights of a publisher. "
    "`kefu key` changes it.\n";

/* --- files --- */

static int write_file(const char *path, mode_t mode, text bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool good = fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0) close(fd);
    return good ? 0 : err_set(err, "%s: %s", path, strerror(why));
}

/* The list as it stands; nothing if there is none yet. */
static text read_clients(const char *dir, struct arena *arena, struct err *err)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/clients", dir);
    if (access(path, F_OK) != 0 && errno == ENOENT) return (text){head, sizeof(head) - 1};
    return file_text(path, LIST_BYTES_MAX, arena, err);
}

/* In one stroke, and only if it can be read again. */
static int write_clients(const char *dir, text bytes, struct err *err)
{
    char path[PATH_SIZE], fresh[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/clients", dir);
    snprintf(fresh, sizeof(fresh), "%s/clients.new", dir);
    struct keys_list *list = keys_list_parse(bytes, path, err);
    if (list == NULL) return -1;
    keys_list_destroy(list);
    (void)unlink(fresh);
    if (write_file(fresh, 0644, bytes, err) < 0) return -1;
    return rename(fresh, path) == 0 ? 0 : err_set(err, "%s: %s", path, strerror(errno));
}

/* One change at a time. Returns what to close. */
static int lock(const char *dir, struct err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0) return fd;
    err_set(err, "%s: %s", dir, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

/* --- changes --- */

static int add(const char *dir, const struct keyring_wish *wish, struct arena *arena,
               struct err *err)
{
    char public_key[KEY_SIZE], secret[KEY_SIZE], path[PATH_SIZE];
    text before = read_clients(dir, arena, err);
    if (before.at == NULL) return -1;
    bool own = wish->public_key == NULL;
    if (own) keys_new_pair(public_key, secret);
    const char *gap = before.len > 0 && before.at[before.len - 1] != '\n' ? "\n" : "";
    text after =
        arena_printf(arena, "%.*s%s%-14s %s %-12s %s%s%s\n", TEXT_ARG(before), gap, wish->name,
                     own ? public_key : wish->public_key, wish->roles, wish->sources,
                     wish->rights == NULL ? "" : " ", wish->rights == NULL ? "" : wish->rights);
    struct keys_list *list = keys_list_parse(after, "clients", err);
    if (list == NULL) return -1;
    keys_list_destroy(list);
    snprintf(path, sizeof(path), "%s/%s.secret", dir, wish->name);
    if (own && write_file(path, 0600, arena_printf(arena, "%s\n", secret), err) < 0) return -1;
    if (write_clients(dir, after, err) == 0) return 0;
    if (own) (void)unlink(path);
    return -1;
}

int keyring_add(const char *dir, const struct keyring_wish *wish, struct err *err)
{
    struct err reason;
    if (!keys_name_good(text_of(wish->name)))
        return err_set(err, "'%s' is no name: letters, digits and -_.@, 40 at most", wish->name);
    if (keys_roles(text_of(wish->roles), &reason) == 0) return err_set(err, "%s", reason.message);
    if (wish->rights != NULL && wish->sources[0] == '\0')
        return err_set(err, "rights are for a publisher: it needs a source");
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_set(err, "%s: %s", dir, strerror(errno));
    int held = lock(dir, err);
    if (held < 0) return -1;
    struct arena *arena = arena_create();
    int bad = add(dir, wish, arena, err);
    arena_destroy(arena);
    close(held);
    return bad;
}

/* The file without the lines of that name. */
static text without(text file, const char *name, size_t *gone, struct arena *arena)
{
    struct buf kept = {0};
    while (file.len > 0) {
        text line = text_take(&file, '\n');
        size_t start = 0, end;
        while (start < line.len && (line.at[start] == ' ' || line.at[start] == '\t')) start++;
        for (end = start; end < line.len && line.at[end] != ' ' && line.at[end] != '\t';) end++;
        bool mine = text_is((text){line.at + start, end - start}, name);
        *gone += mine;
        if (!mine) buf_printf(&kept, "%.*s\n", TEXT_ARG(line));
    }
    text copy = arena_text(arena, buf_text(&kept));
    buf_finish(&kept);
    return copy;
}

int keyring_revoke(const char *dir, const char *name, struct err *err)
{
    char path[PATH_SIZE];
    size_t gone = 0;
    int held = lock(dir, err);
    if (held < 0) return -1;
    struct arena *arena = arena_create();
    text before = read_clients(dir, arena, err), after = {0};
    int bad = before.at == NULL ? -1 : 0;
    if (bad == 0) after = without(before, name, &gone, arena);
    if (bad == 0 && gone == 0) bad = err_set(err, "there is no key of %s in %s", name, dir);
    if (bad == 0) bad = write_clients(dir, after, err);
    snprintf(path, sizeof(path), "%s/%s.secret", dir, name);
    if (bad == 0 && unlink(path) < 0 && errno != ENOENT)
        bad = err_set(err, "%s: %s", path, strerror(errno));
    arena_destroy(arena);
    close(held);
    return bad;
}

struct keys_list *keyring_list(const char *dir, struct err *err)
{
    char path[PATH_SIZE];
    struct arena *arena = arena_create();
    struct keys_list *list = NULL;
    snprintf(path, sizeof(path), "%s/clients", dir);
    text file = file_text(path, LIST_BYTES_MAX, arena, err);
    if (file.at != NULL) list = keys_list_parse(file, path, err);
    arena_destroy(arena);
    return list;
}

/* --- a system on one machine --- */

static int add_missing(const char *dir, const struct keyring_wish *wish, struct err *err)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s.secret", dir, wish->name);
    return access(path, F_OK) == 0 ? 0 : keyring_add(dir, wish, err);
}

int keyring_make_service(const char *dir, const char *service, struct err *err)
{
    return add_missing(dir, &(struct keyring_wish){service, "service", "", NULL, NULL}, err);
}

int keyring_make_world(const char *dir, struct err *err)
{
    for (size_t i = 0; i < services_n; i++)
        if (services_list[i].deployed && keyring_make_service(dir, services_list[i].name, err) < 0)
            return -1;
    return add_missing(dir, &(struct keyring_wish){"operator", "operator", "", NULL, NULL}, err);
}

int keyring_make_guests(const char *dir, struct err *err)
{
    const struct keyring_wish publisher = {"publisher", "publisher", "pbx,crm", NULL,
                                           "tickets,customers,recorders"},
                              dashboard = {"dashboard", "subscriber", "", NULL, NULL};
    return add_missing(dir, &publisher, err) < 0 ? -1 : add_missing(dir, &dashboard, err);
}

struct keys *keyring_open(const char *dir, struct err *err)
{
    char path[PATH_SIZE];
    const char *given = getenv("KEFU_KEY");
    if (given == NULL || given[0] == '\0')
        snprintf(path, sizeof(path), "%s/secrets/operator.secret", dir);
    else
        snprintf(path, sizeof(path), "%s%s", strchr(given, '/') == NULL ? "./" : "", given);
    char *name = strrchr(path, '/') + 1, *end = strrchr(name, '.');
    if (end == NULL || strcmp(end, ".secret") != 0) {
        err_set(err, "%s: a key's file is called NAME.secret", path);
        return NULL;
    }
    name[-1] = *end = '\0';
    return keys_open(path, name, err);
}
