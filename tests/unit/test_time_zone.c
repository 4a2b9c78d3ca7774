#include "time/zone.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "time/date.h"

TEST(dates_are_numbered_from_1970)
{
    static const struct {
        const char *date;
        int64_t days;
        int weekday;
    } rows[] = {
        {"1970-01-01", 0, 3},     {"1969-12-31", -1, 2},      {"2000-02-29", 11016, 1},
        {"2026-11-22", 20779, 6}, {"1900-03-01", -25508, 3},  {"0001-01-01", -719162, 0},
        {"20260214", 20498, 5},   {"9999-12-31", 2932896, 4},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t days = 0;
        test_row(rows[i].date);
        CHECK(date_read(text_of(rows[i].date), &days));
        CHECK_INT(days, rows[i].days);
        CHECK_INT(date_weekday(days), rows[i].weekday);
        struct date date = date_of(days);
        CHECK_INT(date_days(date.year, date.month, date.day), days);
    }
}

TEST(no_instant_is_out_of_range)
{
    static const int64_t instants[] = {INT64_MIN,     INT64_MIN / 2, -62135596801, -62135596800,
                                       253402300799,  253402300800,  253402387200, INT64_MAX / 2,
                                       INT64_MAX - 1, INT64_MAX};
    struct err err = {0};
    struct zone_rule rule;
    CHECK(zone_rule_read(TEXT("CET-1CEST,M3.5.0,M10.5.0/3"), &rule, &err) == 0);
    for (size_t i = 0; i < COUNT(instants); i++) {
        struct date date = date_of(instants[i]);
        CHECK(date.year == (instants[i] < 0 ? 1 : 9999));
        CHECK_INT(date_weekday(date_days(date.year, date.month, date.day)), date.year == 1 ? 0 : 4);
        struct zone_era era = zone_rule_era(&rule, instants[i]);
        CHECK(era.from <= instants[i] && (instants[i] < era.until || era.until == INT64_MAX));
        CHECK(era.offset == 3600 || era.offset == 7200);
    }
    CHECK_INT(date_days(0, 1, 1), date_days(1, 1, 1));
    CHECK_INT(date_days(10000, 12, 31), date_days(9999, 12, 31));
}

TEST(dates_that_do_not_exist_are_refused)
{
    static const char *const rows[] = {"",           "2026-02-29", "1900-02-29", "2026-13-01",
                                       "2026-00-01", "2026-01-00", "2026-1-01",  "2026/01/01",
                                       "2026-01-32", "0000-01-01", "2026-01-1x", "202601011",
                                       "-026-01-01", "2026-0101"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t days;
        CHECK_ROW(!date_read(text_of(rows[i]), &days), "%s was read", rows[i]);
    }
}

TEST(seconds_before_1970_lie_on_the_day_before)
{
    CHECK_INT(date_day_of(0), 0);
    CHECK_INT(date_day_of(-1), -1);
    CHECK_INT(date_day_of(-86400), -1);
    CHECK_INT(date_day_of(-86401), -2);
    CHECK_INT(date_day_of(86399), 0);
}

static const char *const zones[] = {
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Gaza",
    "America/Nuuk",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "America/Scoresbysund",
    "Asia/Kolkata",
    "Africa/Monrovia",
};

/* The C library is the other opinion, 1900 to 2199. */
TEST(zones_read_as_the_system_does)
{
    uint64_t random = 20261122;
    for (size_t i = 0; i < COUNT(zones); i++) {
        struct err err = {0};
        struct zone *zone = zone_load(text_of(zones[i]), &err);
        test_row(zones[i]);
        if (!CHECK_ROW(zone != NULL, "%s", err.message)) continue;
        setenv("TZ", zones[i], 1);
        tzset();
        for (int n = 0; n < 3000; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            time_t at = (time_t)(random >> 20) % INT64_C(9467020800) - 2208902400;
            struct tm local;
            localtime_r(&at, &local);
            struct zone_era era = zone_era(zone, at);
            CHECK_ROW(era.offset == local.tm_gmtoff && era.from <= at && at < era.until,
                      "%s at %lld: %d, not %ld", zones[i], (long long)at, era.offset,
                      local.tm_gmtoff);
        }
        zone_destroy(zone);
    }
}

/* At every change the system must see it too, and one second earlier must not. */
TEST(changes_are_found_to_the_second)
{
    for (size_t i = 0; i < COUNT(zones); i++) {
        struct zone *zone = zone_load(text_of(zones[i]), NULL);
        test_row(zones[i]);
        if (!CHECK(zone != NULL)) continue;
        setenv("TZ", zones[i], 1);
        tzset();
        time_t at = 946684800;    /* 2000 */
        while (at < 4102444800) { /* 2100 */
            struct zone_era era = zone_era(zone, at);
            struct tm local;
            time_t last = era.until - 1;
            if (era.until > 4102444800) break;
            CHECK(localtime_r(&last, &local) != NULL && local.tm_gmtoff == era.offset);
            at = era.until;
            CHECK_ROW(localtime_r(&at, &local) != NULL &&
                          local.tm_gmtoff == zone_era(zone, at).offset,
                      "%s changes at %lld", zones[i], (long long)at);
        }
        zone_destroy(zone);
    }
}

TEST(rules_of_the_far_future)
{
    static const struct {
        const char *rule;
        int64_t at;
        int32_t offset;
    } rows[] = {
        {"UTC0", 0, 0},
        {"<+0330>-3:30", 4102444800, 12600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600}, /* 2026-03-29T00:59:59Z */
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1792889999, 7200}, /* 2026-10-25T00:59:59Z */
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1792890000, 3600},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 1774745999, 0}, /* summer is standard */
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 1774746000, 3600},
        {"XXX3EDT4,0/0,J365/23", 1767225600, -14400}, /* summer all year */
        {"XXX3EDT4,0/0,J365/23", 1780000000, -14400},
        {"AAA0BBB,J60/0,J61/0", 1709251200,
         3600}, /* 2024-03-01: day 60 although it is a leap year */
        {"AAA0BBB,J60/0,J61/0", 1709251199, 0},
        {"AAA0BBB,59/0,60/0", 1709164800, 3600},                /* 2024-02-29 */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774745999, -7200}, /* a time of day before midnight */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774746000, -3600},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zone_rule rule;
        struct err err = {0};
        test_row(rows[i].rule);
        if (CHECK_ROW(zone_rule_read(text_of(rows[i].rule), &rule, &err) == 0, "%s", err.message))
            CHECK_INT(zone_rule_era(&rule, rows[i].at).offset, rows[i].offset);
    }
}

TEST(bad_rules_are_refused)
{
    static const char *const rows[] = {
        "",
        "UT0",
        "UTC",
        "UTC25",
        "<+0>0",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1x",
        "<CET-1CEST",
        "UTC0:60",
        "UTC0 ",
        "UTC0,",
        "CET-1CEST,M13.5.0,M1.1.1",
        "CET-1CEST,M3.6.0,M1.1.1",
        "CET-1CEST,M3.5.7,M1.1.1",
        "CET-1CEST,J0,J1",
        "CET-1CEST,366,J1",
        "CET-1CEST,M3.5.0/168,M1.1.1",
        "CET-1CEST,M3.5.0,M10.5.0/3,",
        "UTC99999999999999999999",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zone_rule rule;
        CHECK_ROW(zone_rule_read(text_of(rows[i]), &rule, NULL) < 0, "\"%s\" was read", rows[i]);
    }
}

static size_t read_berlin(char *bytes, size_t room)
{
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "re");
    if (file == NULL) test_skip("tzdata");
    size_t len = fread(bytes, 1, room, file);
    fclose(file);
    return len;
}

TEST(a_file_cut_short_is_refused_at_any_length)
{
    char bytes[8192];
    size_t len = read_berlin(bytes, sizeof(bytes));
    for (size_t n = 0; n < len; n++) {
        char *part = malloc(n + 1); /* of that size, so that reading on is seen */
        memcpy(part, bytes, n);
        part = realloc(part, n > 0 ? n : 1);
        struct zone *zone = zone_parse((text){part, n}, NULL);
        CHECK_ROW(zone == NULL, "%zu bytes of %zu were read", n, len);
        zone_destroy(zone);
        free(part);
    }
}

TEST(damaged_files_do_no_harm)
{
    char bytes[8192];
    size_t len = read_berlin(bytes, sizeof(bytes));
    uint64_t random = 7;
    int refused = 0;
    for (int n = 0; n < 20000; n++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t place = (size_t)(random >> 33) % len;
        if (n % 4 == 0) place %= 44; /* the header above all */
        char kept = bytes[place];
        bytes[place] = (char)(random >> 24);
        struct zone *zone = zone_parse((text){bytes, len}, NULL);
        refused += zone == NULL;
        if (zone != NULL) CHECK(zone_era(zone, 1774746000).from <= 1774746000);
        zone_destroy(zone);
        bytes[place] = kept;
    }
    CHECK(refused > 1000);
}

TEST(names_that_leave_the_directory_are_refused)
{
    static const char *const rows[] = {
        "",  "/etc/passwd", "../../etc/passwd", "Europe/../Berlin", "Asia/Shanghai\n",
        ".", "Europe",      "No/Such",          "zone.tab",         "tzdata.zi"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        struct zone *zone = zone_load(text_of(rows[i]), &err);
        CHECK_ROW(zone == NULL && err.message[0] != '\0', "\"%s\" was read", rows[i]);
        zone_destroy(zone);
    }
}
