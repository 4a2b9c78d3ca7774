#include "commands.h"

#include "data/json.h"
#include "cli/world/keyring.h"
#include "cli/client/console.h"

#include <stdio.h>
#include <string.h>

static enum exit_status key(const struct words *words);

static const char *given_roles, *given_public, *given_keys, *given_rights;
static struct option_list given_sources;

static const struct option options[] = {
    {"roles", OPTION_TEXT, &given_roles, "ROLES",
     "of new: service, publisher, subscriber, gateway, operator; joined by commas"},
    {"source", OPTION_LIST, &given_sources, "NAME",
     "of a new publisher: a source that it speaks for; may be given several times"},
    {"may", OPTION_TEXT, &given_rights, "RIGHTS",
     "of a new publisher: what it may touch beyond its own contacts: tickets, customers, recorders;"
     " joined by commas"},
    {"public", OPTION_TEXT, &given_public, "KEY",
     "of new: a public key made elsewhere (Z85), so that its secret never comes here"},
    {"keys", OPTION_TEXT, &given_keys, "DIR", "the directory of keys (secrets in --dir)"},
};

const struct command command_key = {
    .name = "key",
    .args = "init | new NAME --roles ROLES [--source NAME…] [--may RIGHTS] | list | revoke NAME",
    .least = 1,
    .most = 2,
    .usage =
        "The keys of all who may connect: services, other systems, dashboards, operators.\n"
        "`init` makes those of all services and of an operator (kefu up does it by itself, and on a"
        " test clock makes a publisher and a dashboard to try).\n"
        "`new` writes the secret to NAME.secret and adds the public key to the list `clients`,"
        " both in the directory of keys; hand\n"
        "over the secret, and of the list the line of the service to connect to. `revoke` also ends"
        " what is connected already.\n"
        "A publisher records contacts of its own sources and adds to its own tickets; others' are"
        " not known to it. With the right tickets it\n"
        "adds to all, with customers it changes what is on file of a customer, with recorders it"
        " says which person took a contact.\n"
        "Services notice a changed list within a second.",
    .examples = "  kefu key init --keys secrets/keys\n"
                "  kefu key new crm --roles publisher --source crm --source crm-mail"
                " --may customers,recorders\n"
                "  kefu key new lobby --roles subscriber --public"
                " 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'\n"
                "  kefu key list --json\n"
                "  kefu key revoke crm",
    .options = options,
    .options_n = COUNT(options),
    .exec = key};

static struct key_line line_of(const struct keys_client *client, struct arena *arena)
{
    return (struct key_line){.name = arena_text(arena, text_of(client->name)),
                             .roles = arena_text(arena, text_of(keys_roles_text(client->roles))),
                             .sources = text_of(client->sources),
                             .rights = arena_text(arena, text_of(keys_rights_text(client->rights))),
                             .key = text_of(client->key)};
}

static void print_line(const struct key_line *line)
{
    struct buf out = {0};
    if (common_options.json)
        json_write(&out, &key_line_shape, line);
    else
        buf_printf(&out, "%-16s %s  %-12s %s%s%.*s", line->name.at, line->key.at, line->roles.at,
                   line->sources.at == NULL ? "" : line->sources.at,
                   line->rights.len > 0 ? "  " : "", TEXT_ARG(line->rights));
    buf_add_char(&out, '\n');
    (void)terminal_print(&out);
}

static int print_list(const char *dir, const char *only, struct err *err)
{
    struct keys_list *list = keyring_list(dir, err);
    struct arena *arena = arena_create();
    for (size_t i = 0; list != NULL && i < keys_list_n(list); i++) {
        struct key_line line = line_of(keys_list_at(list, i), arena);
        if (only == NULL || text_is(line.name, only)) print_line(&line);
    }
    arena_destroy(arena);
    keys_list_destroy(list);
    return list == NULL ? -1 : 0;
}

static int make(const char *dir, const char *name, struct err *err)
{
    struct buf sources = {0};
    for (size_t i = 0; i < given_sources.n; i++)
        buf_printf(&sources, "%s%s", i > 0 ? "," : "", given_sources.at[i]);
    struct keyring_wish wish = {name, given_roles, sources.len > 0 ? buf_text(&sources).at : "",
                                given_public, given_rights};
    int bad = keyring_add(dir, &wish, err);
    buf_finish(&sources);
    return bad < 0 ? -1 : print_list(dir, name, err);
}

static int init(const char *dir, struct err *err)
{
    return keyring_make_world(dir, err) < 0 ? -1 : print_list(dir, NULL, err);
}

static enum exit_status key(const struct words *words)
{
    const char *what = words->at[0], *name = words->n > 1 ? words->at[1] : NULL;
    char dir[4096];
    struct err err = {0};
    int bad;
    snprintf(dir, sizeof(dir), "%s%s", given_keys != NULL ? given_keys : common_options.dir,
             given_keys != NULL ? "" : "/secrets");
    if (strcmp(what, "new") == 0 && name != NULL && given_roles != NULL)
        bad = make(dir, name, &err);
    else if (strcmp(what, "init") == 0 && name == NULL)
        bad = init(dir, &err);
    else if (strcmp(what, "revoke") == 0 && name != NULL)
        bad = keyring_revoke(dir, name, &err);
    else if (strcmp(what, "list") == 0 && name == NULL)
        bad = print_list(dir, NULL, &err);
    else
        return misuse("it takes init, new NAME --roles ROLES, list, or revoke NAME");
    return bad < 0 ? complain(STATUS_FAILED, &err) : STATUS_OK;
}
