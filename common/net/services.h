/*
 * services: which services there are and where each one listens, as deploy/services.txt lists them.
 * The table is generated from that file; a service's number is its place in it.
 */
#ifndef KEFU_SERVICES_H
#define KEFU_SERVICES_H

#include "base/base.h"
#include "services_list.h"

struct service_entry {
    const char *name;
    int port;      /* of the first replica on a machine; `kefu up` counts on from it */
    bool deployed; /* false: a service for tests only */
};

enum { SERVICES_MAX = 8 }; /* numbers of what services create leave room for so many (ids.c) */

/* Of the generated header: SERVICES_EACH(A, BETWEEN) is A("intake") BETWEEN A("routing") … for all
   that are deployed, SERVICES_FIRST_PORT is the port of the first one. */
extern const struct service_entry services_list[];
extern const size_t services_n; /* at most SERVICES_MAX */

/* The service's place in the list, or -1. */
int services_number(text name);

#endif
