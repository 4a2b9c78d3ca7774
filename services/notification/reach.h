/*
 * reach: to which addresses a webhook may be sent. By default to those of the public internet
 * alone: a URL that somebody of the staff stored must not make this service knock at the machine
 * itself, at its neighbours or at a cloud's metadata. An operator may allow networks
 * (webhook-allow). Pure.
 */
#ifndef KEFU_NOTIFICATION_REACH_H
#define KEFU_NOTIFICATION_REACH_H

#include "base/err.h"

struct sockaddr;

enum { REACH_NETWORKS_MAX = 16 };

struct network {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;                  /* of the 128 */
};

struct reach {
    struct network allowed[REACH_NETWORKS_MAX];
    size_t n;
};

/* "10.1.0.0/16,fd00::/8,127.0.0.1": networks, or single addresses. An empty list allows none. */
MUST_CHECK int reach_parse(text list, struct reach *out, struct err *err);
/* A public address, or one in a network that is allowed. Anything but IPv4 and IPv6 is neither. */
bool reach_allows(const struct reach *reach, const struct sockaddr *address);

#endif
