/*
 * keyring: a directory of keys as the command line makes and changes it (common/net/keys.h says
 * what is in it). Changes are made in one stroke; services notice by themselves.
 */
#ifndef KEFU_CLI_KEYRING_H
#define KEFU_CLI_KEYRING_H

#include "base/arena.h"
#include "net/keys.h"

struct keyring_wish {
    const char *name, *roles;
    const char *sources; /* of a publisher, joined by commas; "" none */
    /* made elsewhere; NULL: make a pair, and keep the secret in NAME.secret */
    const char *public_key;
    const char *rights; /* of a publisher, joined by commas; NULL none */
};

/* The directory is made if it is not there. */
MUST_CHECK int keyring_add(const char *dir, const struct keyring_wish *wish, struct err *err);
/* All keys of that name. Its secret file goes, too. */
MUST_CHECK int keyring_revoke(const char *dir, const char *name, struct err *err);
/* The list; NULL with err. */
MUST_CHECK struct keys_list *keyring_list(const char *dir, struct err *err);
/* What a system needs: a key for each service that is deployed, and for the operator. What is there
   stays; so it does in the next two. */
MUST_CHECK int keyring_make_world(const char *dir, struct err *err);
/* One more service, such as one for tests that is wished. */
MUST_CHECK int keyring_make_service(const char *dir, const char *service, struct err *err);
/* A publisher and a dashboard to try: not for a system that customers' data come to. */
MUST_CHECK int keyring_make_guests(const char *dir, struct err *err);
/* The keys that the command line speaks with: the environment's KEFU_KEY (which --key sets), else
   DIR/secrets/operator.secret. */
MUST_CHECK struct keys *keyring_open(const char *dir, struct err *err);

#endif
