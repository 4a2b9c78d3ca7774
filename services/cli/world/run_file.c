#include "run_file.h"

#include "base/file.h"
#include "data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 4 * MIB };

static void path_of(const char *dir, const char *name, char *out, size_t room)
{
    snprintf(out, room, "%s/%s", dir, name);
}

const struct run_file *run_file_read(const char *dir, struct arena *arena, struct err *err)
{
    char path[4096];
    path_of(dir, "run.json", path, sizeof(path));
    if (access(path, F_OK) != 0) {
        err_set(err, "nothing is running in %s (kefu up starts it)", dir);
        return NULL;
    }
    text json = file_text(path, FILE_BYTES_MAX, arena, err);
    if (json.at == NULL) return NULL;
    const struct run_file *run = json_read(json, &run_file_shape, arena, err);
    if (run == NULL) err_prefix(err, "%s", path);
    return run;
}

int run_file_write(const char *dir, const struct run_file *run, struct err *err)
{
    char path[4096], fresh[4096];
    struct buf json = {0};
    int result = 0;
    path_of(dir, "run.json", path, sizeof(path));
    path_of(dir, "run.json.new", fresh, sizeof(fresh));
    json_write(&json, &run_file_shape, run);
    buf_add_char(&json, '\n');
    FILE *file = fopen(fresh, "we");
    bool good = file != NULL && fwrite(json.at, 1, json.len, file) == json.len;
    if (file != NULL) good = fclose(file) == 0 && good;
    if (!good || rename(fresh, path) != 0) result = err_set(err, "%s: %s", path, strerror(errno));
    buf_finish(&json);
    return result;
}

void run_file_remove(const char *dir)
{
    char path[4096];
    path_of(dir, "run.json", path, sizeof(path));
    (void)unlink(path);
}
