#include "time/holiday.h"
#include "test.h"

#include "time/calendar.h"
#include "time/date.h"

static struct arena *arena;
static struct err err;

static struct holidays read_or_fail(const char *file)
{
    struct holidays read = {0};
    arena = arena_create();
    CHECK_ROW(holiday_read(text_of(file), arena, &read, &err) == 0, "%s", err.message);
    return read;
}

static void check_yaml(const struct holidays *read, const char *want)
{
    struct buf out = {0};
    holiday_write_yaml(read, TEXT("09:00-18:00"), &out);
    CHECK_TEXT(buf_text(&out), want);
    buf_finish(&out);
    arena_destroy(arena);
}

#define CN_2027                                                                                    \
    "{\"$schema\": \"s\", \"$id\": \"i\", \"year\": 2027, \"papers\": [\"p\"], \"days\": ["        \
    "{\"name\": \"元旦\", \"date\": \"2027-01-01\", \"isOffDay\": true},"                        \
    "{\"name\": \"元旦\", \"date\": \"2026-12-31\", \"isOffDay\": true},"                        \
    "{\"name\": \"元旦\", \"date\": \"2027-01-03\", \"isOffDay\": false}]}"

TEST(holiday_cn_with_a_date_of_the_year_before)
{
    struct holidays read = read_or_fail(CN_2027);
    check_yaml(&read, "holidays:\n"
                      "  - 2026-12-31   # 元旦\n"
                      "  - 2027-01-01   # 元旦\n"
                      "special:\n"
                      "  2027-01-03: \"09:00-18:00\"   # 元旦\n");
}

TEST(holidays_go_into_the_rules)
{
    struct holidays read = read_or_fail(CN_2027);
    struct calendar_rules *rules = calendar_rules_create();
    CHECK(calendar_rules_set_hours(rules, TEXT("thu"), TEXT("08:00-09:00"), &err) == 0);
    CHECK(holiday_apply(&read, rules, TEXT("09:00-18:00"), &err) == 0);
    CHECK_INT(calendar_rules_on(rules, date_days(2026, 12, 24))->n, 1);
    CHECK_INT(calendar_rules_on(rules, date_days(2026, 12, 31))->n, 0); /* a Thursday, closed */
    CHECK_INT(calendar_rules_on(rules, date_days(2027, 1, 3))->n, 1);   /* a Sunday, worked */
    CHECK(holiday_apply(&read, rules, TEXT("nine to six"), &err) < 0);
    calendar_rules_destroy(rules);
    arena_destroy(arena);
}

TEST(all_day_events_of_icalendar)
{
    struct holidays read = read_or_fail("BEGIN:VCALENDAR\r\n"
                                        "BEGIN:VTIMEZONE\r\nDTSTART:19700101\r\nEND:VTIMEZONE\r\n"
                                        "BEGIN:VEVENT\r\n"
                                        "DTSTART;VALUE=DATE:20270206\r\n"
                                        "DTEND;VALUE=DATE:20270208\r\n"
                                        "SUMMARY:春节 \r\n 假期\r\n"
                                        "END:VEVENT\r\n"
                                        "BEGIN:VEVENT\r\n"
                                        "DTSTART;TZID=Asia/Shanghai:20270210T090000\r\n"
                                        "SUMMARY:a meeting\r\n"
                                        "RRULE:FREQ=DAILY\r\n"
                                        "END:VEVENT\r\n"
                                        "BEGIN:VEVENT\r\n"
                                        "SUMMARY:春节 补班\r\n"
                                        "DTSTART;VALUE=DATE:20270130\r\n"
                                        "END:VEVENT\r\n"
                                        "END:VCALENDAR\r\n");
    check_yaml(&read, "holidays:\n"
                      "  - 2027-02-06   # 春节 假期\n"
                      "  - 2027-02-07   # 春节 假期\n"
                      "special:\n"
                      "  2027-01-30: \"09:00-18:00\"   # 春节 补班\n");
}

TEST(a_name_cannot_leave_its_comment)
{
    struct holidays read =
        read_or_fail("{\"year\": 2027, \"days\": [{\"date\": \"2027-01-01\", \"isOffDay\": true, "
                     "\"name\": \"a\\nb\\u0085c\\u2028d\\re\"}]}");
    check_yaml(&read, "holidays:\n  - 2027-01-01   # a b c d e\nspecial:\n  {}\n");
}

TEST(bad_files_are_refused)
{
#define EVENT(lines) "BEGIN:VCALENDAR\nBEGIN:VEVENT\n" lines "END:VEVENT\nEND:VCALENDAR\n"
    static const struct {
        const char *file;
        const char *why;
    } rows[] = {
        {"", ""},
        {"{}", ""},
        {"{\"year\": 2027, \"days\": [{\"name\": \"x\", \"date\": \"2027-02-29\", \"isOffDay\": "
         "true}]}",
         "not a date: \"2027-02-29\""},
        {"{\"year\": 2027, \"days\": [{\"name\": \"x\", \"date\": \"2027-02-28\", \"isOffDay\": "
         "true}, {\"name\": \"x\", \"date\": \"2027-02-28\", \"isOffDay\": false}]}",
         "2027-02-28 is both a holiday and a workday"},
        {EVENT("DTSTART:20270101\nRRULE:FREQ=YEARLY\nSUMMARY:x\n"), "repeating event: \"x\""},
        {EVENT("DTSTART:20270101\nDTEND:20270101\n"), "event without an end within a year"},
        {EVENT("DTSTART:20270101\nDTEND:20290101\n"), "event without an end within a year"},
        {"BEGIN:VCALENDAR\nSUMMARY:\xff\n", "not UTF-8"},
        {"BEGIN:VCALENDARS\n", "not an iCalendar file"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct holidays read;
        arena = arena_create();
        test_row(rows[i].file);
        CHECK(holiday_read(text_of(rows[i].file), arena, &read, &err) < 0);
        CHECK_HAS(text_of(err.message), rows[i].why);
        arena_destroy(arena);
    }
}
