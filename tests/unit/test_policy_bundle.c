/* The bundle in deploy/policy hangs together: messages name templates that exist in both languages,
   templates use what they declare and say nothing forbidden (rules 6.3, 6.4), topics name
   departments that exist. */
#include "test.h"

#include "data/yaml.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct yaml *read_policy(const char *name, struct arena *arena)
{
    char path[300];
    snprintf(path, sizeof(path), "deploy/policy/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) test_skip(path);
    char *body = arena_alloc(arena, 128 * 1024);
    size_t len = fread(body, 1, 128 * 1024 - 1, file);
    fclose(file);
    struct err err = {0};
    const struct yaml *top = yaml_read((text){body, len}, name, arena, &err);
    CHECK_ROW(top != NULL, "%s", err.message);
    if (top == NULL) exit(1);
    return top;
}

static const char *const locales[] = {"zh-CN", "en"};

static const struct yaml *read_template(const char *locale, const char *id, struct arena *arena)
{
    text name = arena_printf(arena, "templates/%s/%s.yaml", locale, id);
    return read_policy(name.at, arena);
}

static bool has_item(const struct yaml *list, text value)
{
    YAML_EACH(item, list)
    {
        if (text_equal(item->value, value)) return true;
    }
    return false;
}

static bool has_entry(const struct yaml *list, const char *key, text value)
{
    YAML_EACH(item, list)
    {
        const struct yaml *own = yaml_get(item, key);
        if (own != NULL && text_equal(own->value, value)) return true;
    }
    return false;
}

/* Every {name} is declared under `uses`. */
static void check_placeholders(const struct yaml *template, const struct yaml *part)
{
    for (const char *at = strchr(part->value.at, '{'); at != NULL; at = strchr(at + 1, '{')) {
        const char *end = strchr(at, '}');
        if (!CHECK_ROW(end != NULL, "%s: a { is not closed", template->file)) return;
        text name = {at + 1, (size_t)(end - at - 1)};
        CHECK_ROW(has_item(yaml_get(template, "uses"), name), "%s: uses lacks %.*s", template->file,
                  TEXT_ARG(name));
    }
}

static const char *const forbidden[] = {
    "没有这回事", "处理不了", "不属于开发商", "我不知道", "问领导", "喊什么",
    "要下班了",   "墙上有",   "立即",         "马上",     "保证",   "肯定",
};

static void check_template(const struct yaml *template, const char *locale, const char *id)
{
    static const char *const keys[] = {"id",       "version", "locale",   "audience",
                                       "channels", "rule",    "elements", "uses",
                                       "subject",  "body",    NULL};
    struct err err = {0};
    struct yaml_reader reader = {.err = &err};
    yaml_only(&reader, template, keys);
    CHECK_TEXT(yaml_text(&reader, template, "id"), id);
    CHECK_TEXT(yaml_text(&reader, template, "locale"), locale);
    yaml_int(&reader, template, "version", 1, 1000000);
    yaml_text(&reader, template, "rule");
    yaml_text(&reader, template, "subject");
    text body = yaml_text(&reader, template, "body");
    CHECK_ROW(!reader.failed, "%s", err.message);
    if (reader.failed) return;
    check_placeholders(template, yaml_get(template, "subject"));
    check_placeholders(template, yaml_get(template, "body"));
    for (size_t i = 0; i < COUNT(forbidden); i++)
        CHECK_ROW(strstr(body.at, forbidden[i]) == NULL, "%s says %s", template->file,
                  forbidden[i]);
    bool customer = text_is(yaml_text(&reader, template, "audience"), "customer");
    if (customer && strcmp(locale, "zh-CN") == 0) CHECK_HAS(body, "您");
    CHECK_ROW(strstr(body.at, "你") == NULL, "%s: NTF-26", template->file);
}

TEST(messages_have_templates_in_both_languages)
{
    struct arena *arena = arena_create();
    YAML_EACH(message, yaml_get(read_policy("notify.yaml", arena), "messages"))
    {
        const char *id = yaml_get(message, "template")->value.at;
        for (size_t i = 0; i < COUNT(locales); i++)
            check_template(read_template(locales[i], id, arena), locales[i], id);
    }
    arena_destroy(arena);
}

TEST(languages_have_the_same_templates)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(locales); i++) {
        text folder = arena_printf(arena, "deploy/policy/templates/%s", locales[i]);
        DIR *directory = opendir(folder.at);
        if (directory == NULL) test_skip(folder.at);
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            if (entry->d_name[0] == '.') continue;
            text id = arena_printf(arena, "%.*s", (int)strcspn(entry->d_name, "."), entry->d_name);
            check_template(read_template(locales[1 - i], id.at, arena), locales[1 - i], id.at);
        }
        closedir(directory);
    }
    arena_destroy(arena);
}

/* What the rules want said in so many words. */
static const struct said_row {
    const char *template, *zh, *en;
} said[] = {
    {"ack_complaint", "抱歉", "sorry"},                    /* NTF-19 */
    {"inquiry_promise", "{promised_at}", "{promised_at}"}, /* NTF-41 */
    {"suggestion_thanks", "感谢", "Thank you"},            /* SUG-04 */
};

TEST(templates_say_what_they_must)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(said); i++) {
        CHECK_HAS(yaml_get(read_template("zh-CN", said[i].template, arena), "body")->value,
                  said[i].zh);
        CHECK_HAS(yaml_get(read_template("en", said[i].template, arena), "body")->value,
                  said[i].en);
    }
    arena_destroy(arena);
}

static const struct topics_row {
    const char *kind;
    size_t n; /* INT-35, INT-66, INT-36, INT-67; inquiry is extensible */
} topics[] = {{"inquiry", 9}, {"complaint", 13}, {"suggestion", 3}, {"repair", 14}};

TEST(topics_have_departments)
{
    struct arena *arena = arena_create();
    const struct yaml *top = read_policy("topics.yaml", arena);
    const struct yaml *units = yaml_get(read_policy("organisation.yaml", arena), "units");
    for (size_t i = 0; i < COUNT(topics); i++) {
        const struct yaml *list = yaml_get(yaml_get(top, topics[i].kind), "topics");
        CHECK_INT((int64_t)yaml_count(list), (int64_t)topics[i].n);
        YAML_EACH(topic, list)
        {
            text department = yaml_get(topic, "department")->value;
            CHECK_ROW(has_entry(units, "id", department), "topics.yaml:%d: no unit %s", topic->line,
                      department.at);
        }
    }
    YAML_EACH(row, yaml_get(yaml_get(read_policy("routing.yaml", arena), "topic_map"), "rows"))
    {
        text department = yaml_get(row, "department")->value;
        CHECK_ROW(has_entry(units, "id", department), "routing.yaml:%d: no unit %s", row->line,
                  department.at);
    }
    arena_destroy(arena);
}

TEST(the_tree_hangs_together)
{
    struct arena *arena = arena_create();
    const struct yaml *top = read_policy("organisation.yaml", arena);
    const struct yaml *units = yaml_get(top, "units"), *roles = yaml_get(top, "roles");
    size_t tops = 0;
    YAML_EACH(unit, units)
    {
        const struct yaml *under = yaml_get(unit, "under");
        tops += under == NULL;
        CHECK_ROW(under == NULL || has_entry(units, "id", under->value),
                  "organisation.yaml:%d: under", unit->line);
        CHECK_ROW(yaml_get(yaml_get(top, "unit_types"), yaml_get(unit, "type")->value.at) != NULL,
                  "organisation.yaml:%d: type", unit->line);
    }
    CHECK_INT((int64_t)tops, 1);
    YAML_EACH(line, yaml_get(top, "reports_to"))
    {
        YAML_EACH(role, line)
        CHECK_ROW(yaml_get(roles, role->value.at) != NULL, "organisation.yaml:%d", role->line);
    }
    YAML_EACH(permission, yaml_get(top, "permissions"))
    {
        YAML_EACH(role, yaml_get(permission, "roles"))
        CHECK_ROW(yaml_get(roles, role->value.at) != NULL, "organisation.yaml:%d: %s", role->line,
                  role->value.at);
    }
    arena_destroy(arena);
}
