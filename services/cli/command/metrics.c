#include "commands.h"

#include "runtime.msg.h"
#include "cli/client/console.h"

#include <stdio.h>

static enum exit_status metrics(const struct words *words);

const struct command command_metrics = {
    .name = "metrics",
    .args = "SERVICE [REPLICA]",
    .least = 1,
    .most = 2,
    .usage = "The metrics of one replica (numbered from 1), as Prometheus reads them.",
    .examples = "  kefu metrics routing\n  kefu metrics escalation 2",
    .exec = metrics};

static enum exit_status metrics(const struct words *words)
{
    struct runtime_metrics query = {0};
    enum exit_status status = STATUS_OK;
    int64_t replica = 1;
    if (words->n > 1 && (!text_to_int(text_of(words->at[1]), &replica) || replica < 1))
        return misuse("'%s' is not the number of a replica", words->at[1]);
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    struct arena *arena = arena_create();
    int service = talk_service(client, words->at[0]);
    bool there = service >= 0 && (size_t)replica <= client_replicas(client, (size_t)service);
    const struct runtime_metrics_view *view =
        !there ? NULL
               : talk_call(client,
                           (struct question){.shape = &runtime_metrics_shape,
                                             .body = &query,
                                             .service = service,
                                             .replica = (int)replica - 1},
                           arena, &status);
    if (!there) status = STATUS_UNREACHABLE;
    if (view != NULL) fwrite(view->text.at, 1, view->text.len, stdout);
    arena_destroy(arena);
    client_close(client);
    return status;
}
