/*
 * policy: what the company decides, as YAML files. A service owns some files of the bundle; a
 * published set is kept in its schema as a version; the version in force is read by the first
 * statement of every transaction and compiled before it is used.
 */
#ifndef KEFU_BUNDLE_H
#define KEFU_BUNDLE_H

#include "base/arena.h"
#include "base/err.h"

struct policy_file {
    text name; /* "flows/complaint.yaml", relative to the bundle */
    text body;
};

struct policy_files {
    const struct policy_file *at;
    size_t n;
};

struct policy_owner {
    const char *const *
        /* patterns such as "flows/" (all of that folder) or "routing.yaml"; ends with NULL */
        files;
    /* Check and compile. The result lives in `arena` for as long as the process. Errors say
       file:line. NULL on failure. */
    const void *(*compile)(const struct policy_files *files, struct arena *arena, struct err *err);
};

/* The file of that name, or NULL. */
const struct policy_file *policy_find(const struct policy_files *files, const char *name);
/* Does a pattern list cover this file name? */
bool policy_owns(const struct policy_owner *owner, text name);
/* Read from a directory all files that the owner covers, sorted by name. -1 with err. */
MUST_CHECK int policy_read(const char *directory, const struct policy_owner *owner,
                           struct arena *arena, struct policy_files *out, struct err *err);

#endif
