/*
 * gate: who may ask what. Every request passes here first: its key must be on the list (still: it
 * may have been revoked since it connected), the limits of publishers and subscribers must allow
 * it, the roles of the key must be among those that the message is for, only a gateway or an
 * operator may name a person as the actor, and a publisher speaks for its own sources. The
 * rights of its key are for handlers to ask (gate_rights). Refusals are counted and logged. Requests without an answer yet are bounded for the whole process, in number
 * and in bytes, whatever they wait for and whoever sent them.
 */
#ifndef KEFU_GATE_H
#define KEFU_GATE_H

#include "net/bus.h"
#include "data/pack.h"

/* The first three are for keys that are neither service nor gateway nor operator. */
struct gate_limits {
    int64_t in_flight; /* requests not yet answered */
    int64_t rate;      /* a second; as many may come at once */
    int64_t bytes;     /* of one request */
    int64_t open;      /* requests of all clients not yet answered */
    int64_t open_bytes;
};

/* The list is watched: a change in the file takes effect within a second, SIGHUP at once. All are
   borrowed. */
void gate_start(struct bus *bus, struct keys *keys, const struct gate_limits *limits);
void gate_stop(void);

enum gate_verdict { GATE_OPEN, GATE_REFUSED, GATE_BUSY };
/* Whose request this is, and may it come in now? Unless GATE_OPEN, err says why. */
MUST_CHECK enum gate_verdict gate_enter(struct bus_request *request, const struct header *header,
                                        size_t bytes, struct err *err);
/* May it wait for its answer? A client may have as much open as is left free, so one alone takes
   half of the room, two a third each, and whoever comes next still finds some. Otherwise err says
   why not. */
MUST_CHECK int gate_admit(struct bus_request *request, size_t bytes, struct err *err);
/* Requests that were admitted and are not answered yet. */
int64_t gate_open_requests(void);
/* It is being refused or told to try again. Who makes that happen more than a thousand times a
   second is heard later, whatever its role. */
void gate_note_refusal(struct bus_request *request);
/* May it ask this? The request has entered. */
MUST_CHECK int gate_allow(const struct bus_request *request, const struct header *header,
                          const struct shape *shape, struct err *err);
/* May it say this body? */
MUST_CHECK int gate_allow_body(const struct bus_request *request, const struct header *header,
                               const struct shape *shape, const void *body, struct err *err);

/* Name, role, sources and rights of the client of an admitted request; all live as long as the
   process. */
text gate_name(const struct bus_request *request);
text gate_role(const struct bus_request *request); /* the highest of its roles */
text gate_sources(const struct bus_request *request);
unsigned gate_rights(const struct bus_request *request); /* RIGHT_… */

#endif
