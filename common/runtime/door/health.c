#include "runtime/door/health.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "runtime/core/runtime.h"
#include "runtime.msg.h"

enum { PATIENCE_MS = 2000 };

static void on_hello(void *ctx, const void *answer, const struct err *err)
{
    *(bool *)ctx = answer != NULL;
    if (answer == NULL)
        fprintf(stderr, "%s at %s: %s\n", runtime.service->name, runtime.settings.endpoint,
                err->message);
    loop_stop();
}

/* Where the endpoint is reached from this host: "static:127.0.0.1:7102" for "tcp://0.0.0.0:7102" or
   "tcp://127.0.0.1:7102". */
static const char *own_address(struct arena *arena)
{
    text address = text_of(runtime.settings.endpoint);
    if (text_starts(address, "tcp://"))
        address = (text){address.at + strlen("tcp://"), address.len - strlen("tcp://")};
    text port = address, host = text_take(&port, ':');
    if (text_is(host, "0.0.0.0") || text_is(host, "*")) host = TEXT("127.0.0.1");
    return arena_printf(arena, "static:%.*s:%.*s", TEXT_ARG(host), TEXT_ARG(port)).at;
}

int health_ask(void)
{
    struct arena *arena = arena_create();
    struct runtime_hello hello = {text_of(runtime.service->name)};
    bool good = false;
    runtime.settings.peers[runtime_service_number()] = own_address(arena);
    service_ask(runtime.service->name, &runtime_hello_shape, &hello, PATIENCE_MS, on_hello, &good);
    loop_run();
    peers_destroy(runtime_peers(runtime.service->name));
    bus_destroy(runtime.bus);
    loop_finish();
    arena_destroy(arena);
    return good ? 0 : 1;
}
