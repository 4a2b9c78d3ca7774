/*
 * edits: real files with the edits that the fuzzer's bytes describe, so that every input is nearly
 * right. An edit: which file, where (two bytes), how many bytes go (255: all that follow), how many
 * come, and those; up to EDITS_MAX of them.
 */
#ifndef KEFU_FUZZ_EDITS_H
#define KEFU_FUZZ_EDITS_H

#include "base/buf.h"
#include "policy/bundle.h"

#include <stdlib.h>

enum { EDITS_MAX = 8, EDIT_HEAD = 5, CUT_REST = 255 };

/* Returns how many bytes the edit took. */
static inline size_t edit_file(struct policy_file *files, size_t n, text edit, struct arena *arena)
{
    const uint8_t *head = (const uint8_t *)edit.at;
    struct policy_file *file = &files[head[0] % n];
    size_t place = (size_t)(head[1] << 8 | head[2]) % (file->body.len + 1);
    size_t left = file->body.len - place, cut = head[3] == CUT_REST ? left : head[3];
    size_t come = head[4] < edit.len - EDIT_HEAD ? head[4] : edit.len - EDIT_HEAD;
    struct buf body = {0};
    if (cut > left) cut = left;
    buf_add_text(&body, (text){file->body.at, place});
    buf_add_text(&body, (text){edit.at + EDIT_HEAD, come});
    buf_add_text(&body, (text){file->body.at + place + cut, left - cut});
    file->body = body.len == 0 ? TEXT("") : arena_text(arena, buf_text(&body));
    buf_finish(&body);
    return EDIT_HEAD + come;
}

/* The files as edited, in the arena. */
static inline struct policy_files edit_files(const struct policy_files *whole, const uint8_t *data,
                                             size_t size, struct arena *arena)
{
    struct policy_file *files = arena_copy(arena, whole->at, sizeof(*files) * whole->n);
    text rest = {(const char *)data, size};
    for (int i = 0; i < EDITS_MAX && rest.len >= EDIT_HEAD; i++) {
        size_t taken = edit_file(files, whole->n, rest, arena);
        rest = (text){rest.at + taken, rest.len - taken};
    }
    return (struct policy_files){files, whole->n};
}

/* The owner's part of deploy/policy, edited, through its loader. */
static inline int load_edited_policy(const struct policy_owner *owner, const uint8_t *data,
                                     size_t size)
{
    static struct policy_files bundle;
    static struct arena *for_ever;
    struct err err = {0};
    if (for_ever == NULL) for_ever = arena_create();
    if (bundle.n == 0 && policy_read("deploy/policy", owner, for_ever, &bundle, &err) < 0) abort();
    struct arena *arena = arena_create();
    struct policy_files files = edit_files(&bundle, data, size, arena);
    const void *policy = owner->compile(&files, arena, &err);
    if (policy == NULL && err.message[0] == '\0') abort(); /* whoever refuses says why */
    arena_destroy(arena);
    return 0;
}

#endif
