/* intake: what was said and by whom. See README.md. */
#include "handlers.h"

#include "canary.h"
#include "intake.msg.h"
#include "policy.h"
#include "routing.msg.h"
#include "store.h"
#include "vault.h"

static const struct setting settings[] = {
    {"key-file", SETTING_TEXT, &intake_settings.key_file, NULL, 1, 4096,
     "File with the keys that personal data are sealed with."},
    {"org-unit", SETTING_TEXT, &intake_settings.org_unit, "service", 1, 64,
     "Organisation unit of contacts that name none."},
};

static const struct handler handlers[] = {
    {.kind = ON_COMMAND,
     .hears = &contact_record_shape,
     .creates = true,
     .number = complainer_of_contact,
     .loads = {{&contact_known, ""}, {&closing_read, "#"}},
     .decide = on_contact_record},
    {.kind = ON_COMMAND,
     .hears = &contact_follow_up_shape,
     .number = origin_of_follow_up,
     .loads = {{&ticket_lock, "ticket"}, {&follow_up_known, "#"}},
     .decide = on_contact_follow_up},
    {.kind = ON_COMMAND,
     .hears = &note_record_shape,
     .loads = {{&ticket_lock, "ticket"}},
     .decide = on_note_record},
    {.kind = ON_EVENT,
     .from = "routing",
     .hears = &ticket_started_shape,
     .decide = on_ticket_started},
    {.kind = ON_EVENT, .from = "routing", .hears = &ticket_moved_shape, .decide = on_ticket_moved},
    {.kind = ON_QUERY,
     .hears = &ticket_record_shape,
     .loads = {{&record_asked, "ticket"}, {&note_page_asked, "ticket"}},
     .decide = on_ticket_record},
    {.kind = ON_QUERY,
     .hears = &address_get_shape,
     .loads = {{&record_asked, "ticket"}, {&notes_named, "notes"}},
     .decide = on_address_get},
    {.kind = ON_QUERY,
     .hears = &customer_find_shape,
     .number = customer_of_find,
     .loads = {{&customer_asked, "#"}, {&contacts_asked, "#"}},
     .decide = on_customer_find},
    {.kind = ON_QUERY,
     .hears = &source_list_shape,
     .loads = {{&source_page_asked, NULL}},
     .decide = on_source_list},
};

static void open_vault(void)
{
    struct err err;
    if (vault_load(intake_settings.key_file, &err) < 0)
        fatal("make one with: (umask 077; echo \"1 $(openssl rand -hex 32)\" > FILE),"
              " and keep a copy: without it nothing can be opened",
              "key file: %s", err.message);
    if (canary_check(&err) < 0)
        fatal(
            "put back the key file that was used before, or its copy: a new one cannot open what is"
            " there (deploy/runbook.md, \"Another key of personal data\")",
            "key file: %s does not open this database: %s", intake_settings.key_file, err.message);
}

int main(int argc, char **argv)
{
    const struct service service = {
        .name = "intake",
        .handlers = handlers,
        .handlers_n = COUNT(handlers),
        .store = intake_store,
        .store_n = intake_store_n,
        .policy = &intake_policy_owner,
        .lanes = 2, /* publishers wait for its commits: while one lane commits, the other decides */
        .settings = settings,
        .settings_n = COUNT(settings),
        .start = open_vault,
    };
    return service_main(argc, argv, &service);
}
