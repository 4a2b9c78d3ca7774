#include "policy/bundle.h"

#include "base/file.h"
#include "data/encoding.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 400, FILE_BYTES = 1 * MIB };

const struct policy_file *policy_find(const struct policy_files *files, const char *name)
{
    for (size_t i = 0; i < files->n; i++)
        if (text_is(files->at[i].name, name)) return &files->at[i];
    return NULL;
}

bool policy_owns(const struct policy_owner *owner, text name)
{
    for (const char *const *pattern = owner->files; *pattern != NULL; pattern++) {
        size_t len = strlen(*pattern);
        bool folder = len > 0 && (*pattern)[len - 1] == '/';
        if (folder ? text_starts(name, *pattern) : text_is(name, *pattern)) return true;
    }
    return false;
}

/* In whatever encoding an editor has saved it: what is published is UTF-8. */
static int read_file(const char *path, struct arena *arena, text *out, struct err *err)
{
    text bytes = file_text(path, FILE_BYTES, arena, err);
    if (bytes.at == NULL) return -1;
    *out = encoding_read(bytes, "auto", arena, err);
    return out->at == NULL ? err_prefix(err, "%s", path) : 0;
}

struct walk {
    const char *top;
    const struct policy_owner *owner;
    struct arena *arena;
    struct policy_file *at;
    size_t n;
};

/* `below` is the path under the top, "" or ending with a slash. */
static int walk_folder(struct walk *walk, const char *below, struct err *err)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", walk->top, below);
    DIR *dir = opendir(path);
    if (dir == NULL) return err_set(err, "cannot read the directory %s: %s", path, strerror(errno));
    int bad = 0;
    for (struct dirent *entry; bad == 0 && (entry = readdir(dir)) != NULL;) {
        char name[700];
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof(name), "%s%s", below, entry->d_name);
        if (entry->d_type == DT_DIR) {
            char deeper[701];
            snprintf(deeper, sizeof(deeper), "%s/", name);
            bad = walk_folder(walk, deeper, err);
        } else if (policy_owns(walk->owner, text_of(name)) && text_of(name).len > 5 &&
                   strcmp(name + strlen(name) - 5, ".yaml") == 0) {
            if (walk->n == FILES_MAX) {
                bad = err_set(err, "more than %d policy files", FILES_MAX);
                break;
            }
            struct policy_file *file = &walk->at[walk->n++];
            snprintf(path, sizeof(path), "%s/%s", walk->top, name);
            file->name = arena_text(walk->arena, text_of(name));
            bad = read_file(path, walk->arena, &file->body, err);
        }
    }
    closedir(dir);
    return bad;
}

static int order(const void *a, const void *b)
{
    return text_compare(((const struct policy_file *)a)->name,
                        ((const struct policy_file *)b)->name);
}

int policy_read(const char *directory, const struct policy_owner *owner, struct arena *arena,
                struct policy_files *out, struct err *err)
{
    struct walk walk = {.top = directory, .owner = owner, .arena = arena};
    walk.at = ARENA_ARRAY(arena, struct policy_file, FILES_MAX);
    if (walk_folder(&walk, "", err) < 0) return -1;
    qsort(walk.at, walk.n, sizeof(*walk.at), order);
    *out = (struct policy_files){walk.at, walk.n};
    return 0;
}
