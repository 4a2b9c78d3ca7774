/*
 * people: the units and staff that come with an import or a demo (staff.yaml), and their shifts.
 * Commands for workforce.
 */
#ifndef KEFU_CLI_PEOPLE_H
#define KEFU_CLI_PEOPLE_H

#include "cli/client/client.h"
#include "wall.h"
#include "workforce.msg.h"

struct shift {
    int weekday;         /* 0 = Monday */
    int64_t from, until; /* seconds after midnight */
};

struct person {
    struct staff_set set;
    const struct shift *shifts;
    size_t shifts_n;
};

struct people {
    struct zone *zone; /* NULL: no shifts */
    const struct unit_set *units;
    size_t units_n;
    const struct person *at;
    size_t n;
};

/* NULL with err (file:line). */
MUST_CHECK const struct people *people_read(const char *file, struct arena *arena, struct err *err);
void people_finish(const struct people *people); /* NULL is fine */
/* Send unit.set and staff.set of all. */
MUST_CHECK int people_send(const struct people *people, struct client *client, int64_t patience_ms,
                           struct err *err);

#endif
