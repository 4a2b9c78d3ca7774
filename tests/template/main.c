/* sample: one sentence that says what it is for. See README.md. */
#include "handlers.h"

#include "sample.msg.h"
#include "store.h"

static const struct handler handlers[] = {
    {.kind = ON_COMMAND,
     .hears = &sample_note_shape,
     .loads = {{&note_lock, "key"}},
     .decide = on_sample_note},
    {.kind = ON_QUERY,
     .hears = &sample_get_shape,
     .loads = {{&note_read, "key"}},
     .decide = on_sample_get},
};

int main(int argc, char **argv)
{
    const struct service service = {.name = "sample",
                                    .handlers = handlers,
                                    .handlers_n = COUNT(handlers),
                                    .store = sample_store,
                                    .store_n = sample_store_n};
    return service_main(argc, argv, &service);
}
