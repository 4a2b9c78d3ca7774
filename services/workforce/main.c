/* workforce: who people are, what they may and can do, when they are on duty. See README.md. */
#include "handlers.h"

#include "organisation.h"
#include "store.h"
#include "workforce.msg.h"

static const struct handler handlers[] = {
    {.kind = ON_COMMAND,
     .hears = &unit_set_shape,
     .loads = {{&units_read, NULL}, {&staff_read, NULL}},
     .decide = on_unit_set},
    {.kind = ON_COMMAND,
     .hears = &staff_set_shape,
     .loads =
         {{&staff_lock, "staff"}, {&duty_lock, "staff"}, {&units_read, NULL}, {&staff_read, NULL}},
     .decide = on_staff_set},
    {.kind = ON_COMMAND,
     .hears = &duty_set_shape,
     .loads = {{&staff_lock, "staff"}, {&duty_lock, "staff"}},
     .decide = on_duty_set},
    {.kind = ON_QUERY,
     .hears = &staff_list_shape,
     .loads = {{&lines_asked, NULL}},
     .decide = on_staff_list},
};

int main(int argc, char **argv)
{
    const struct service service = {
        .name = "workforce",
        .handlers = handlers,
        .handlers_n = COUNT(handlers),
        .store = workforce_store,
        .store_n = workforce_store_n,
        .policy = &organisation_owner,
    };
    return service_main(argc, argv, &service);
}
