/*
 * day: a demo day (deploy/demo/README.md) as a list of things to do, in the order of time.
 */
#ifndef KEFU_CLI_DAY_H
#define KEFU_CLI_DAY_H

#include "people.h"
#include "data/yaml.h"

struct day_entry {
    time_us at;
    size_t order;
    const struct yaml *node;
    text what;    /* "contact", "act", or the entry's own `what` */
    text contact; /* name of the contact it belongs to; absent of duty */
    int64_t item; /* from 1 */
    text step;    /* of its command (client.h): its place in the files */
};

struct day {
    struct zone *zone;
    int64_t day;
    text source, org_unit;
    time_us until;
    const struct people *people;
    const struct yaml *customers;
    struct day_entry *entries;
    size_t n, room;
};

/* NULL with err (file:line). */
MUST_CHECK struct day *day_read(const char *file, struct arena *arena, struct err *err);
void day_finish(struct day *day); /* NULL is fine */

#endif
