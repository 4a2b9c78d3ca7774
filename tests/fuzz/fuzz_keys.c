/* Any bytes as the list of keys: refused with file and line, or every line of it can be found by
   its key and has a good name and roles. */
#include "net/keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct keys_list *list = keys_list_parse((text){(const char *)data, size}, "clients", &err);
    if (list == NULL && err.message[0] == '\0') abort();
    for (size_t i = 0; list != NULL && i < keys_list_n(list); i++) {
        const struct keys_client *client = keys_list_at(list, i);
        const struct keys_client *found = keys_list_find(list, text_of(client->key));
        if (found == NULL || strcmp(found->key, client->key) != 0 || client->roles == 0) abort();
        if (!keys_key_good(text_of(client->key)) || !keys_name_good(text_of(client->name))) abort();
        keys_roles_text(client->roles);
    }
    keys_list_destroy(list);
    return 0;
}
