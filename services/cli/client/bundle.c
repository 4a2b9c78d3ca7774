#include "bundle.h"

#include "data/pack.h"
#include "data/pack_scan.h"
#include "policy/bundle.h"
#include "runtime.msg.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

enum { PATTERNS_MAX = 200 };

/* Everything in the directory: its files by name, its folders by "name/". */
static int list_patterns(const char *directory, struct arena *arena, const char **patterns,
                         struct err *err)
{
    DIR *dir = opendir(directory);
    size_t n = 0;
    if (dir == NULL) return err_set(err, "%s: %s", directory, strerror(errno));
    for (struct dirent *entry; n + 1 < PATTERNS_MAX && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            patterns[n++] =
                arena_printf(arena, "%s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : "").at;
    patterns[n] = NULL;
    closedir(dir);
    return 0;
}

/* The files go in one message; the rest of it is the envelope. */
enum { ENVELOPE_MAX = 1024 };

static int check_size(const char *directory, const struct policy_files *files,
                      const struct policy_publish *bundle, struct err *err)
{
    const struct policy_file *largest = &files->at[0];
    struct buf packed = {0};
    pack_write(&packed, &policy_publish_shape, bundle);
    size_t size = packed.len, max = pack_limits_outside.bytes - ENVELOPE_MAX;
    buf_finish(&packed);
    if (size <= max) return 0;
    for (size_t i = 1; i < files->n; i++)
        if (files->at[i].body.len > largest->body.len) largest = &files->at[i];
    return err_set(err,
                   "%s: the policy files have %zu bytes together, at most %zu are allowed;"
                   " the largest is %.*s with %zu",
                   directory, size, max, TEXT_ARG(largest->name), largest->body.len);
}

static int read_bundle(const char *directory, struct arena *arena, struct policy_publish *out,
                       struct err *err)
{
    const char *patterns[PATTERNS_MAX];
    struct policy_files files;
    if (list_patterns(directory, arena, patterns, err) < 0) return -1;
    if (policy_read(directory, &(struct policy_owner){.files = patterns}, arena, &files, err) < 0)
        return -1;
    if (files.n == 0) return err_set(err, "%s holds no policy files", directory);
    struct policy_part *parts = ARENA_ARRAY(arena, struct policy_part, files.n);
    for (size_t i = 0; i < files.n; i++)
        parts[i] = (struct policy_part){files.at[i].name, files.at[i].body};
    out->files = (struct list){parts, files.n};
    return check_size(directory, &files, out, err);
}

/* Tell one service; nothing is added to the results if it owns no policy. */
static int publish_to(struct client *client, struct question *question, struct arena *arena,
                      struct bundle_results *results, struct err *err)
{
    const char *name = client_service_name(client, (size_t)question->service);
    struct reply reply = client_call(client, question, arena);
    if (reply.kind == REPLY_REFUSED && strstr(reply.err.message, "owns no policy") != NULL)
        return 0;
    if (reply.kind != REPLY_ANSWERED) {
        *err = reply.err;
        return err_prefix(err, "%s", name);
    }
    const struct policy_published *published = reply.body;
    if (results->n < COUNT(results->at))
        results->at[results->n++] =
            (struct bundle_result){name, published->version, published->changed};
    return 0;
}

int bundle_publish(struct client *client, const char *directory, enum bundle_wish wish,
                   int64_t patience_ms, struct bundle_results *results, struct err *err)
{
    struct arena *arena = arena_create();
    struct policy_publish body = {0};
    int bad = read_bundle(directory, arena, &body, err);
    results->n = 0;
    for (size_t s = 0; s < client_services(client) && bad == 0; s++) {
        struct question question = {.shape = &policy_publish_shape,
                                    .body = &body,
                                    .service = (int)s,
                                    .replica = ANY_REPLICA,
                                    .actor = TEXT("operator"),
                                    .patience_ms = patience_ms};
        size_t before = results->n;
        body.check_only = given_bool(wish != BUNDLE_PUBLISH);
        bad = publish_to(client, &question, arena, results, err);
        if (wish != BUNDLE_FIRST || bad < 0 || results->n == before ||
            results->at[before].version > 0)
            continue;
        results->n = before;
        body.check_only = given_bool(false);
        bad = publish_to(client, &question, arena, results, err);
    }
    arena_destroy(arena);
    return bad;
}
