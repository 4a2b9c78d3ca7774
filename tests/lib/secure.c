#include "secure.h"

#include <stdio.h>

#include "test.h"

struct keys *secure_keys(void)
{
    static struct keys *keys;
    char public_key[KEY_SIZE], secret_key[KEY_SIZE], clients[100];
    struct err err = {0};
    if (keys != NULL) return keys;
    keys_new_pair(public_key, secret_key);
    snprintf(clients, sizeof(clients), "test %s service\n", public_key);
    keys = keys_create("test", secret_key, text_of(clients), &err);
    CHECK_STRING(err.message, "");
    assert(keys != NULL);
    return keys;
}

struct bus *secure_bus(void)
{
    return bus_create(secure_keys());
}
