/* The bundle compiles; faults in it are found with file and line. */
#include "notification/handlers.h"
#include "notification/notify_rules.h"

#include "test.h"

#include <string.h>

static struct policy_files bundle(struct arena *arena)
{
    struct policy_files files = {0};
    struct err err;
    CHECK_ROW(policy_read("deploy/policy", &notification_policy, arena, &files, &err) == 0, "%s",
              err.message);
    return files;
}

/* The bundle with one change in one file. */
static struct policy_files changed(struct policy_files files, const char *name, const char *from,
                                   const char *to, struct arena *arena)
{
    struct policy_file *copy = arena_copy(arena, files.at, files.n * sizeof(*copy));
    for (size_t i = 0; i < files.n; i++) {
        const char *at = text_is(copy[i].name, name) ? strstr(copy[i].body.at, from) : NULL;
        if (at == NULL) continue;
        copy[i].body = arena_printf(arena, "%.*s%s%s", (int)(at - copy[i].body.at), copy[i].body.at,
                                    to, at + strlen(from));
    }
    return (struct policy_files){copy, files.n};
}

TEST(the_bundle_compiles)
{
    struct arena *arena = arena_create();
    struct policy_files files = bundle(arena);
    struct err err = {0};
    const struct notify_rules *rules = notification_policy.compile(&files, arena, &err);
    CHECK_ROW(rules != NULL, "%s", err.message);
    if (rules == NULL) return;
    CHECK_INT(rules->max_attempts, 3);
    CHECK_INT(rules->min_gap, 4 * HOUR_US);
    CHECK_INT((int64_t)rules->quiet.n, 2);
    CHECK(rules_quiet_channel(rules, TEXT("call")) && !rules_quiet_channel(rules, TEXT("mail")));
    CHECK(rules_urgency(rules, TEXT("emergency_repair")) != NULL &&
          rules_urgency(rules, TEXT("dinner")) == NULL);
    CHECK_TEXT(rules_word(rules, "kinds", TEXT("complaint"), TEXT("en")), "complaint");
    CHECK_TEXT(rules_word(rules, "kinds", TEXT("complaint"), TEXT("fr")), "投诉");
    CHECK_TEXT(rules_word(rules, "kinds", TEXT("unheard"), TEXT("en")), "unheard");
    CHECK_TEXT(rules_template(rules, TEXT("reply"), TEXT("en"))->locale, "en");
    CHECK_TEXT(rules_template(rules, TEXT("reply"), TEXT("fr"))->locale, "zh-CN");
    arena_destroy(arena);
}

static const struct {
    const char *file, *from, *to, *fault;
} faults[] = {
    {"templates/en/reply.yaml", "{words}", "{word}", "templates/en/reply.yaml:9"},
    {"templates/en/reply.yaml", "{words}", "{word}", "nobody knows the placeholder {word}"},
    {"templates/zh-CN/complaint_alert.yaml", "subject: '", "subject: '{share}",
     "{share} has no value here"},
    {"templates/en/reply.yaml", "subject: '", "subject: '{words}", "{words} has no value here"},
    {"templates/en/reply.yaml", "id: reply", "id: replied",
     "would make it templates/en/replied.yaml"},
    {"notify.yaml", "template: complaint_alert", "template: complaint_alarm",
     "there is no template"},
    {"notify.yaml", "cause: \"alert/{ticket}\"", "cause: \"alert/{tickets}\"",
     "nobody knows the placeholder {tickets}"},
    {"notify.yaml", "on: ticket.queued", "on: ticket.lost", "notify.yaml:"},
    {"notify.yaml", "purpose: result, ", "", "a call needs a purpose"},
    {"quiet.yaml", "from: \"12:00\"", "from: \"12:61\"", "must be HH:MM"},
    {"quiet.yaml", "until: \"14:00\"", "until: \"12:00\"", "may not last a whole day"},
    {"quiet.yaml", "from: \"12:00\"", "from: \"08:00\"", NULL},
    {"quiet.yaml", "{from: \"12:00\", until: \"14:00\"}", "{from: \"08:00\", until: \"21:00\"}",
     "no hour is left"},
    {"quiet.yaml", "zone: Asia/Shanghai", "zone: Asia/Nowhere", "quiet.yaml:4"},
};

TEST(faults_are_found)
{
    struct arena *arena = arena_create();
    struct policy_files files = bundle(arena);
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct err err = {0};
        struct policy_files bad =
            changed(files, faults[i].file, faults[i].from, faults[i].to, arena);
        const void *rules = notification_policy.compile(&bad, arena, &err);
        if (faults[i].fault == NULL)
            CHECK_ROW(rules != NULL, "%zu: %s", i, err.message);
        else
            CHECK_ROW(rules == NULL && strstr(err.message, faults[i].fault) != NULL, "%zu: %s", i,
                      err.message);
    }
    arena_destroy(arena);
}

TEST(a_missing_file_is_a_fault)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    CHECK(notification_policy.compile(&(struct policy_files){0}, arena, &err) == NULL);
    CHECK_HAS(text_of(err.message), "quiet.yaml");
    arena_destroy(arena);
}
