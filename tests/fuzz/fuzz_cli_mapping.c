/* How a file of requests becomes commands, and the roster that goes with it, with any edit: refused
   with file and line, or read. */
#include "cli/import/mapping.h"
#include "cli/import/people.h"
#include "base/file.h"

#include "edits.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAP, STAFF, FILES };

static const struct policy_files *real_files(void)
{
    static struct policy_file files[FILES] = {{TEXT("deploy/import/baltimore.yaml"), {0}},
                                              {TEXT("deploy/import/baltimore-staff.yaml"), {0}}};
    static const struct policy_files all = {files, FILES};
    static struct arena *for_ever;
    struct err err;
    if (for_ever == NULL) for_ever = arena_create();
    for (int i = 0; i < FILES && files[i].body.at == NULL; i++)
        if ((files[i].body = file_text(files[i].name.at, MIB, for_ever, &err)).at == NULL) abort();
    return &all;
}

/* A file in memory: its name is good until it is closed. */
static int offer(text body, char *name, size_t room)
{
    int file = memfd_create("edited", MFD_CLOEXEC);
    if (file < 0 || write(file, body.at, body.len) != (ssize_t)body.len) abort();
    snprintf(name, room, "/proc/self/fd/%d", file);
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_create();
    struct policy_files edited = edit_files(real_files(), data, size, arena);
    char name[64];
    struct err err = {0};
    int file = offer(edited.at[MAP].body, name, sizeof(name));
    const struct mapping *mapping = mapping_read(name, arena, &err);
    if (mapping == NULL && err.message[0] == '\0') abort();
    if (mapping != NULL) mapping_topic(mapping, TEXT("SW-Bulk Pick up"));
    mapping_finish(mapping);
    close(file);
    err = (struct err){0};
    file = offer(edited.at[STAFF].body, name, sizeof(name));
    const struct people *people = people_read(name, arena, &err);
    if (people == NULL && err.message[0] == '\0') abort();
    people_finish(people);
    close(file);
    arena_destroy(arena);
    return 0;
}
