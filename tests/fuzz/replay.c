/*
 * replay: runs a fuzzer's function on files, without a fuzzer: once with nothing, then with each
 * file of the folder that is named. So what was once found, and what the fuzzer begins with, is
 * tried by every compiler with every `make test`.
 */
#include "base/buf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *folder, const char *name)
{
    char path[4096], chunk[4096];
    struct buf bytes = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) abort();
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buf_add_text(&bytes, (text){chunk, n});
    fclose(file);
    printf("# %s\n", path); /* the last one before a crash is the culprit */
    fflush(stdout);
    /* A copy of just the size, so that a byte read beyond it is seen. */
    char *copy = malloc(bytes.len + (bytes.len == 0));
    if (copy == NULL) abort();
    if (bytes.len > 0) memcpy(copy, bytes.at, bytes.len);
    LLVMFuzzerTestOneInput((const uint8_t *)copy, bytes.len);
    free(copy);
    buf_finish(&bytes);
}

int main(int n, char **args)
{
    size_t ran = 0;
    DIR *folder = n == 2 ? opendir(args[1]) : NULL;
    if (folder == NULL) {
        printf("not ok replay: no folder of inputs\n");
        return 1;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        run_file(args[1], entry->d_name);
        ran++;
    }
    closedir(folder);
    printf(ran > 0 ? "ok replay_of_%zu_inputs\n" : "not ok replay: there are %zu inputs\n", ran);
    return ran == 0;
}
