#include "commands.h"

#include "runtime.msg.h"
#include "cli/client/console.h"

static enum exit_status metrics(const struct words *words);

const struct command command_metrics = {
    .name = "metrics",
    .args = "SERVICE [REPLICA]",
    .least = 1,
    .most = 2,
    .usage = "The metrics of one replica (numbered from 1), as Prometheus reads them.",
    .examples = "  kefu metrics routing\n  kefu metrics escalation 2",
    .exec = metrics};

/* The replica that is meant; -1 after a complaint. */
static int find_replica(struct client *client, int service, int64_t number)
{
    size_t n = client_replicas(client, (size_t)service);
    if ((uint64_t)number <= n) return (int)number - 1;
    misuse("there is no replica %lld: %s has %zu", (long long)number,
           client_service_name(client, (size_t)service), n);
    return -1;
}

static enum exit_status print_metrics(struct client *client, const char *name, int64_t number)
{
    struct runtime_metrics query = {0};
    struct buf out = {0};
    enum exit_status status = STATUS_OK;
    int service = talk_service(client, name);
    int replica = service < 0 ? -1 : find_replica(client, service, number);
    if (replica < 0) return STATUS_USAGE;
    struct arena *arena = arena_create();
    const struct runtime_metrics_view *view =
        talk_call(client,
                  (struct question){.shape = &runtime_metrics_shape,
                                    .body = &query,
                                    .service = service,
                                    .replica = replica},
                  arena, &status);
    if (view != NULL) buf_add_text(&out, view->text);
    (void)terminal_print(&out);
    arena_destroy(arena);
    return status;
}

static enum exit_status metrics(const struct words *words)
{
    int64_t number = 1;
    if (words->n > 1 && (!text_to_int(text_of(words->at[1]), &number) || number < 1))
        return misuse("'%s' is not the number of a replica, from 1 on", words->at[1]);
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    enum exit_status status = print_metrics(client, words->at[0], number);
    client_close(client);
    return status;
}
