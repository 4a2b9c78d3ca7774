/*
 * keys: what one process knows of keys. A directory holds NAME.secret, the secret key of this
 * process (all replicas of a service share it), and `clients`, the list of all who may connect, one
 * line each:
 *
 *   # name    public key (Z85, 40 characters)            roles       sources and rights
 *   routing   Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID   service
 *   crm       D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs   publisher   crm,crm-mail customers
 *
 * A publisher speaks for its sources, and its rights say what else it may touch: RIGHT_….
 * A service's own line tells clients its key as a server. A name may stand there twice, with the
 * old key and the new.
 */
#ifndef KEFU_KEYS_H
#define KEFU_KEYS_H

#include "base/err.h"
#include "data/shape.h"

enum { KEY_SIZE = 41 }; /* 40 characters and a NUL */

struct keys_client {
    char key[KEY_SIZE];
    const char *name;
    unsigned roles;      /* ROLE_… */
    const char *sources; /* joined by commas, or "" */
    unsigned rights;     /* RIGHT_… */
};

/* The list alone. It is immutable. NULL with err, which names `path` and the line. */
struct keys_list;
MUST_CHECK struct keys_list *keys_list_parse(text file, const char *path, struct err *err);
void keys_list_destroy(struct keys_list *list); /* NULL is fine */
/* In the order of the file. */
size_t keys_list_n(const struct keys_list *list);
const struct keys_client *keys_list_at(const struct keys_list *list, size_t i);
/* The client with this public key; NULL: there is none. */
const struct keys_client *keys_list_find(const struct keys_list *list, text key);
/* "service", "publisher,operator"… joined by commas. 0 with err if one is none. */
unsigned keys_roles(text words, struct err *err);
/* The words again, in a static buffer. */
const char *keys_roles_text(unsigned roles);
/* "tickets,customers"…; none is fine. -1 with err if one is no right. */
MUST_CHECK int keys_rights(text words, unsigned *rights, struct err *err);
const char *keys_rights_text(unsigned rights); /* in a static buffer */
/* Letters, digits and any of "-_.@"; 1 to 40 of them. */
bool keys_name_good(text name);
/* A public or secret key by its form. */
bool keys_key_good(text key);
bool keys_has_source(const struct keys_client *client, text source);

void keys_new_pair(char public_key[KEY_SIZE], char secret_key[KEY_SIZE]);
/* A key as it is written, a good one, and its bytes. */
enum { KEY_BYTES = 32 };
void keys_decode(const char *key, unsigned char bytes[KEY_BYTES]);
void keys_encode(const unsigned char bytes[KEY_BYTES], char key[KEY_SIZE]);

/* DIR/NAME.secret and DIR/clients. A secret that others may read, or that is the key of another
   name, is refused, and a list that others may change. */
struct keys;
MUST_CHECK struct keys *keys_open(const char *dir, const char *name, struct err *err);
/* The same from memory. */
MUST_CHECK struct keys *keys_create(const char *name, const char *secret, text clients,
                                    struct err *err);
void keys_destroy(struct keys *keys); /* NULL is fine */
const char *keys_name(const struct keys *keys);
const char *keys_public(const struct keys *keys);
const char *keys_secret(const struct keys *keys);
/* The public key of a service as a server, or NULL; until the next keys_reload(). */
const char *keys_of_service(const struct keys *keys, const char *service);
/* Until the next keys_reload(). */
const struct keys_client *keys_find(const struct keys *keys, text key);
/* May the holder of this key connect in one of these roles? */
bool keys_admit(struct keys *keys, text key, unsigned roles);

enum keys_news {
    KEYS_SAME,
    KEYS_CHANGED, /* nobody lost anything */
    KEYS_REVOKED  /* a key is gone, or lost a role */
};
/* Read the list again if the file is another one than before, or in any case with `always`. -1
   with err: the file is broken, and the list stays as it was. */
MUST_CHECK int keys_reload(struct keys *keys, bool always, enum keys_news *news, struct err *err);

#endif
