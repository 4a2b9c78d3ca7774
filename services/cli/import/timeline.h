/*
 * timeline: all that an import does, in the order of time: what is opened, walked and ended, and who
 * comes on and goes off duty. Pure.
 */
#ifndef KEFU_CLI_TIMELINE_H
#define KEFU_CLI_TIMELINE_H

#include "import_rows.h"
#include "people.h"

/* Of one instant, in this order; each group is settled before the next begins (the mapping says
   why). */
enum group { GROUP_OFF_DUTY, GROUP_ON_DUTY, GROUP_OPEN, GROUP_WALK, GROUP_END, GROUP_EXIT };

struct moment {
    time_us at;
    enum group group;
    size_t order; /* inside the group */
    struct import_row *row;
    const struct person *person;
    bool done;
};

struct timeline {
    struct moment *at;
    size_t n, room;
    struct import_row stand_in; /* what duplicates are merged into, if the mapping has one */
};

/* The moments of the rows, and of the people's shifts (NULL: without them), until then. They point
   into the rows, the people and the timeline, which must stay where it is. */
void timeline_make(struct timeline *timeline, const struct import_rows *rows,
                   const struct mapping *mapping, const struct people *people, time_us until);
void timeline_finish(struct timeline *timeline);

bool moment_is_duty(const struct moment *moment);

#endif
