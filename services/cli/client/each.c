#include "each.h"

#include "fields.h"

#include <stdio.h>
#include <string.h>

static void print(const char *service, const struct shape *answer, const void *body,
                  struct list rows, const struct field *field)
{
    struct buf out = {0};
    if (common_options.json) {
        printf("{\"service\":\"%s\"}\n", service);
        talk_print(answer, body);
        return;
    }
    if (rows.n == 0) return;
    buf_printf(&out, "%s:\n", service);
    words_table(&out, field->of, rows);
    talk_flush(&out);
}

enum exit_status each_list(const struct shape *query, const void *body, const char *only,
                           const char *list, size_t *total)
{
    enum exit_status status = STATUS_OK;
    const struct field *field = shape_field(query->answer, text_of(list));
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    for (size_t s = 0; s < client_services(client); s++) {
        const char *service = client_service_name(client, s);
        struct arena *arena = arena_create();
        if (only != NULL && strcmp(only, service) != 0) continue;
        const void *answer =
            talk_call(client,
                      (struct question){
                          .shape = query, .body = body, .service = (int)s, .replica = ANY_REPLICA},
                      arena, &status);
        struct list rows = {0};
        if (answer != NULL) memcpy(&rows, (const char *)answer + field->offset, sizeof(rows));
        if (answer != NULL) print(service, query->answer, answer, rows, field);
        if (total != NULL) *total += rows.n;
        arena_destroy(arena);
    }
    client_close(client);
    return status;
}
