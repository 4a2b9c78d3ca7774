#include "base/settings.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const char *dsn;
    const char *key, *at, *peer;
    int64_t batch;
    int64_t lease;
    bool demo;
} now;

static const struct setting general[] = {
    {"dsn", SETTING_DSN, &now.dsn, NULL, 1, 200, "Where the database is."},
    {"lease", SETTING_SPAN, &now.lease, "10s", 100, 3600000, "How long a lease lasts."},
};

static const struct setting own[] = {
    {"batch-size", SETTING_INT, &now.batch, "256", 1, 4096, "Messages in one transaction."},
    {"demo", SETTING_BOOL, &now.demo, "no", 0, 0, "Make things up."},
    {"key-file", SETTING_SECRET, &now.key, "", 0, 0, "File with the key of personal data."},
    {"at", SETTING_ENDPOINT, &now.at, "", 0, 40, "Where requests are heard."},
    {"peer", SETTING_PEER, &now.peer, "static:127.0.0.1:7102", 0, 60, "Where routing is reached."},
};

static const struct settings all = {
    "kefu-intake", "intake", {{general, COUNT(general)}, {own, COUNT(own)}}};

static struct arena *arena;
static struct err err;
static enum settings_wish wish;

/* Up to three arguments; "" or NULL ends them. */
static int read_args(const char *one, const char *two, const char *three)
{
    char *argv[5] = {"kefu-intake"};
    const char *given[] = {one, two, three};
    for (int i = 0; i < 3 && given[i] != NULL; i++) argv[i + 1] = (char *)given[i];
    if (arena == NULL) arena = arena_create();
    memset(&now, 0, sizeof(now));
    return settings_read(&all, argv, arena, &wish, &err);
}

TEST(defaults)
{
    CHECK_INT(read_args("--dsn=x", NULL, NULL), 0);
    CHECK_INT(wish, SETTINGS_RUN);
    CHECK_STRING(now.dsn, "x");
    CHECK_INT(now.batch, 256);
    CHECK_INT(now.lease, 10000);
    CHECK_INT(now.demo, false);
    CHECK(now.key == NULL);
    arena_destroy(arena);
}

TEST(who_beats_whom)
{
    CHECK_INT(read_args("--dsn=x", NULL, NULL), 0);
    setenv("KEFU_BATCH_SIZE", "1", 1);
    CHECK_INT(read_args("--dsn=x", NULL, NULL), 0);
    CHECK_INT(now.batch, 1);
    setenv("KEFU_INTAKE_BATCH_SIZE", "2", 1);
    CHECK_INT(read_args("--dsn=x", NULL, NULL), 0);
    CHECK_INT(now.batch, 2);
    CHECK_INT(read_args("--dsn=x", "--batch-size=3", "--batch-size=4"), 0);
    CHECK_INT(now.batch, 4);
    setenv("KEFU_INTAKE_BATCH_SIZE", "", 1);
    CHECK_INT(read_args("--dsn=x", NULL, NULL), 0);
    CHECK_INT(now.batch, 1);
    arena_destroy(arena);
}

TEST(where_others_are_reached)
{
    static const char *const good[] = {"", "tcp://routing:7102", "static:127.0.0.1:1",
                                       "static:127.0.0.1:7102,127.0.0.2:65535"};
    char argument[100];
    for (size_t i = 0; i < COUNT(good); i++) {
        test_row(good[i]);
        snprintf(argument, sizeof(argument), "--peer=%s", good[i]);
        CHECK_INT(read_args("--dsn=x", argument, NULL), 0);
        CHECK_STRING(now.peer, good[i]);
    }
    arena_destroy(arena);
}

TEST(values)
{
    static const struct {
        const char *argument;
        int64_t lease;
        bool demo;
    } rows[] = {
        {"--lease=250ms", 250, false},  {"--lease=2s", 2000, false},
        {"--lease=10m", 600000, false}, {"--lease=1h", 3600000, false},
        {"--demo", 10000, true},        {"--demo=on", 10000, true},
        {"--demo=0", 10000, false},     {"--print-settings", 10000, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].argument);
        CHECK_INT(read_args("--dsn=x", rows[i].argument, NULL), 0);
        CHECK_INT(now.lease, rows[i].lease);
        CHECK_INT(now.demo, rows[i].demo);
    }
    CHECK_INT(wish, SETTINGS_PRINT);
    arena_destroy(arena);
}

#define NOT_A_PEER(value)                                                                          \
    "peer: \"" value "\" is not tcp://HOST:PORT or static:NUMBER:PORT,..., 1 to 65535"

TEST(errors_name_the_setting)
{
    static const struct {
        const char *argument, *field, *message;
    } rows[] = {
        {NULL, "dsn", "dsn: must be given, as --dsn=VALUE or in KEFU_DSN"},
        {"--dsn=", "dsn", "dsn: its length must be 1 to 200"},
        {"--batch-size=x", "batch-size", "batch-size: \"x\" is not a whole number"},
        {"--batch-size=0", "batch-size", "batch-size: 0 is outside 1 to 4096"},
        {"--batch-size=4097", "batch-size", "batch-size: 4097 is outside 1 to 4096"},
        {"--batch-size", "batch-size", "batch-size: write --batch-size=VALUE"},
        {"--lease=1y", "lease", "lease: \"1y\" is not a time span such as 250ms, 2s, 10m, 1h, 3d"},
        {"--lease=-5s", "lease",
         "lease: \"-5s\" is not a time span such as 250ms, 2s, 10m, 1h, 3d"},
        {"--lease=9223372036854775807d", "lease",
         "lease: \"9223372036854775807d\" is not a time span such as 250ms, 2s, 10m, 1h, 3d"},
        {"--lease=250", "lease",
         "lease: \"250\" is not a time span such as 250ms, 2s, 10m, 1h, 3d"},
        {"--lease=", "lease", "lease: \"\" is not a time span such as 250ms, 2s, 10m, 1h, 3d"},
        {"--lease=0", "lease", "lease: 0ms is outside 100ms to 3600000ms"},
        {"--lease=1ms", "lease", "lease: 1ms is outside 100ms to 3600000ms"},
        {"--demo=maybe", "demo", "demo: \"maybe\" is neither true nor false"},
        {"--key-file=/nowhere/key", "key-file",
         "key-file: /nowhere/key: No such file or directory"},
        {"--key-file=/dev/null", "key-file",
         "key-file: /dev/null: is a device, not a regular file"},
        {"--at=tcp://127.0.0.1:99999", "at",
         "at: \"tcp://127.0.0.1:99999\" is not tcp://HOST:PORT, 1 to 65535"},
        {"--at=tcp://127.0.0.1", "at",
         "at: \"tcp://127.0.0.1\" is not tcp://HOST:PORT, 1 to 65535"},
        {"--at=tcp://:1", "at", "at: \"tcp://:1\" is not tcp://HOST:PORT, 1 to 65535"},
        {"--at=tcp://a:1\r\n", "at", "at: has control characters"},
        {"--peer=tcp://routing:99999", "peer", NOT_A_PEER("tcp://routing:99999")},
        {"--peer=static:127.0.0.1:99999", "peer", NOT_A_PEER("static:127.0.0.1:99999")},
        {"--peer=static:127.0.0.1:7102,127.0.0.1:0", "peer",
         NOT_A_PEER("static:127.0.0.1:7102,127.0.0.1:0")},
        {"--peer=static:127.0.0.1:7102,,127.0.0.1:1", "peer",
         NOT_A_PEER("static:127.0.0.1:7102,,127.0.0.1:1")},
        {"--peer=static:", "peer", NOT_A_PEER("static:")},
        {"--peer=static:127.0.0.1", "peer", NOT_A_PEER("static:127.0.0.1")},
        {"--peer=127.0.0.1:7102", "peer", NOT_A_PEER("127.0.0.1:7102")},
        {"--batch=3", "", "unknown option --batch=3; see --help"},
        {"batch", "", "unexpected argument \"batch\"; see --help"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].argument);
        bool second = i > 1;
        CHECK_INT(read_args(second ? "--dsn=x" : rows[i].argument, second ? rows[i].argument : NULL,
                            NULL),
                  -1);
        CHECK_STRING(err.message, rows[i].message);
        CHECK_STRING(err.field, rows[i].field);
    }
    arena_destroy(arena);
}

TEST(secrets_come_from_files_and_are_not_shown)
{
    char path[] = "/tmp/kefu-settings-XXXXXX", argument[64];
    int file = mkstemp(path);
    CHECK_INT(write(file, "s3cret\r\nmore\n", 13), 13);
    close(file);
    snprintf(argument, sizeof(argument), "--key-file=%s", path);
    CHECK_INT(read_args("--dsn=x", argument, NULL), 0);
    CHECK_STRING(now.key, "s3cret");
    struct buf out = {0};
    settings_print(&out, &all);
    CHECK_TEXT(buf_text(&out), "dsn=x\nlease=10s\nbatch-size=256\ndemo=false\nkey-file=(set)\nat=\n"
                               "peer=static:127.0.0.1:7102\n");
    buf_finish(&out);
    CHECK_INT(chmod(path, 0644), 0);
    CHECK_INT(read_args("--dsn=x", argument, NULL), -1);
    CHECK_HAS(text_of(err.message), path);
    CHECK_HAS(text_of(err.message), "others may read it: its mode is 0644 (chmod 600)");
    unlink(path);
    arena_destroy(arena);
}

TEST(a_password_in_a_dsn_is_not_shown)
{
    static const struct {
        const char *argument, *shown;
    } rows[] = {
        {"--dsn=host=a dbname=kefu", "dsn=host=a dbname=kefu\n"},
        {"--dsn=host=a password='p w'", "dsn=(set)\n"},
        {"--dsn=postgres://u:p@a/kefu", "dsn=(set)\n"},
        {"--dsn=postgres://a/kefu?password=p", "dsn=(set)\n"},
        {"--dsn=postgres://u@a:5432/kefu", "dsn=postgres://u@a:5432/kefu\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        test_row(rows[i].argument);
        CHECK_INT(read_args(rows[i].argument, NULL, NULL), 0);
        settings_print(&out, &all);
        CHECK(text_starts(buf_text(&out), rows[i].shown));
        buf_finish(&out);
    }
    arena_destroy(arena);
}

TEST(help_comes_from_the_rows)
{
    CHECK_INT(read_args("--help", NULL, NULL), 0);
    CHECK_INT(wish, SETTINGS_HELP);
    struct buf out = {0};
    settings_help(&out, &all);
    CHECK_HAS(buf_text(&out), "Usage: kefu-intake [--name=value]...");
    CHECK_HAS(buf_text(&out), "--batch-size=NUMBER  (KEFU_INTAKE_BATCH_SIZE, KEFU_BATCH_SIZE)\n"
                              "      Messages in one transaction. Default: 256. From 1 to 4096.\n");
    CHECK_HAS(buf_text(&out), "How long a lease lasts. Default: 10s. From 100ms to 1h.\n");
    CHECK_HAS(buf_text(&out), "Where the database is. Must be given.\n");
    buf_finish(&out);
    arena_destroy(arena);
}
