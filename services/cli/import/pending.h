/*
 * pending: the alarms of escalation that fall due before an instant, by ticket. While one of a
 * ticket is pending, what happens to the ticket later must wait for it.
 */
#ifndef KEFU_CLI_PENDING_H
#define KEFU_CLI_PENDING_H

#include "cli/client/client.h"

struct pending_ticket {
    int64_t ticket;
    time_us due; /* its first */
};

struct pending {
    struct pending_ticket *at; /* by ticket */
    size_t n;
    time_us known_until; /* later alarms were not looked at; 0: all were */
};

/* Asks escalation; what is found lives in the arena. -1 with err if it does not answer. */
MUST_CHECK int pending_ask(struct client *client, int64_t patience_ms, struct arena *arena,
                           struct pending *out, struct err *err);
/* Does the ticket have an alarm that is due by then, or may it have one? */
bool pending_by(const struct pending *pending, int64_t ticket, time_us at);

#endif
