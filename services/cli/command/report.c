#include "commands.h"

#include "reporting.msg.h"
#include "cli/client/summary.h"
#include "cli/client/console.h"

static enum exit_status report(const struct words *words);

/* A period has to be named for the key figures to be computed now instead of read from the feed,
   where they may be a second old, or on a test clock a day. This one (the year 2100) ends with the
   present. */
#define UNTIL_NOW INT64_C(4102444800000000)

const struct command command_report = {
    .name = "report",
    .most = 0,
    .usage = "The numbers of the day: tickets by kind and state, who holds what, clocks, messages,"
             " key figures.",
    .examples = "  kefu report\n  kefu report --json",
    .exec = report};

static enum exit_status report(const struct words *words)
{
    struct report_summary query = {.to = UNTIL_NOW};
    struct buf out = {0};
    enum exit_status status = STATUS_OK;
    (void)words;
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    struct arena *arena = arena_create();
    int service = talk_service(client, "reporting");
    const struct report_summary_view *view =
        service < 0 ? NULL
                    : talk_call(client,
                                (struct question){.shape = &report_summary_shape,
                                                  .body = &query,
                                                  .service = service,
                                                  .replica = ANY_REPLICA},
                                arena, &status);
    if (service < 0) status = STATUS_UNREACHABLE;
    if (view != NULL && common_options.json)
        talk_print(&report_summary_view_shape, view);
    else if (view != NULL)
        summary_write(&out, view);
    (void)terminal_print(&out);
    arena_destroy(arena);
    client_close(client);
    return status;
}
