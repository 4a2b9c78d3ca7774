/*
 * choose: who takes a waiting ticket (RTE-14, RTE-27). Pure.
 *
 * Candidates have the role, are trained, on duty and below their limit; the least loaded of them
 * takes it, among equals the one that has been idle longest, among those the first by code. All
 * tickets of one line have the same candidates but for those barred from a single ticket (ORG-70).
 */
#ifndef KEFU_ROUTING_CHOOSE_H
#define KEFU_ROUTING_CHOOSE_H

#include "policy.h"

#include "routing_rows.msg.h"

struct pool;

/* A line's demands, and the text they are kept as: role/skill/department/roster. */
struct wanted {
    text role;
    text skill;      /* absent: none needed */
    text department; /* absent: any */
    bool emergency;  /* people on the 24 h roster may take it too */
};
text wanted_write(const struct wanted *wanted, struct arena *arena);
struct wanted wanted_read(text line);

/* `people` are person rows; their loads are counted on as tickets are given out. */
struct pool *pool_create(const struct routing_policy *policy, struct list people, time_us now,
                         struct arena *arena);

/* Give a ticket of this line to somebody: the person, whose `taken` went up by one and whose
   `last_at` is now. Or NULL, then *reason says why: nobody_on_duty, nobody_skilled, all_at_limit or
   manual_queue. */
const struct person_row *pool_give(struct pool *pool, text queue, text line, text barred,
                                   const char **reason);
/* Could somebody take a ticket of this line? Gives nothing away. */
bool pool_has_room(struct pool *pool, text queue, text line, const char **reason);
/* Everyone who was given something: person rows. */
size_t pool_given(const struct pool *pool, const struct person_row **out, size_t room);

/* How many tickets the person holds, and the limit, if there is one. */
int64_t person_open(const struct person_row *person);
struct maybe_int person_most(const struct routing_policy *policy, const struct person_row *person);
time_us person_idle_since(const struct person_row *person);

#endif
