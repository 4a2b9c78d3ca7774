#include "each.h"

#include "fields.h"

#include <string.h>

static void print(const char *service, const struct shape *answer, const void *body,
                  struct list rows, const struct field *field)
{
    struct buf out = {0};
    if (common_options.json) {
        buf_printf(&out, "{\"service\":\"%s\"}\n", service);
        (void)terminal_print(&out);
        talk_print(answer, body);
        return;
    }
    if (rows.n == 0) return;
    buf_printf(&out, "%s:\n", service);
    words_table(&out, field->of, rows);
    (void)terminal_print(&out);
}

/* Ask one service, print its rows. */
static enum exit_status ask_one(struct client *client, const struct shape *query, const void *body,
                                size_t service, const struct field *list, size_t *total)
{
    enum exit_status status = STATUS_OK;
    struct arena *arena = arena_create();
    struct question question = {
        .shape = query, .body = body, .service = (int)service, .replica = ANY_REPLICA};
    const void *answer = talk_call(client, question, arena, &status);
    if (answer != NULL) {
        struct list rows;
        memcpy(&rows, (const char *)answer + list->offset, sizeof(rows));
        print(client_service_name(client, service), query->answer, answer, rows, list);
        if (total != NULL) *total += rows.n;
    }
    arena_destroy(arena);
    return status;
}

enum exit_status each_list(const struct shape *query, const void *body, const char *only,
                           const char *list, size_t *total)
{
    enum exit_status status = STATUS_OK;
    const struct field *field = shape_field(query->answer, text_of(list));
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    int named = only != NULL ? talk_service(client, only) : -1;
    if (only != NULL && named < 0) status = STATUS_USAGE;
    for (size_t s = 0; s < client_services(client) && status != STATUS_USAGE; s++) {
        if (only != NULL && (int)s != named) continue;
        enum exit_status one = ask_one(client, query, body, s, field, total);
        if (one != STATUS_OK) status = one;
    }
    client_close(client);
    return status;
}
