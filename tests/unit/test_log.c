#include "base/err.h"
#include "base/log.h"
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(values_are_quoted_when_needed)
{
    static const struct {
        const char *given, *want;
    } rows[] = {
        {"plain", "plain"},
        {"tcp://127.0.0.1:7102", "tcp://127.0.0.1:7102"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"line\nlevel=error", "\"line\\nlevel=error\""},
        {"tab\tcr\r", "\"tab\\tcr\\r\""},
        {"\x1b[31m", "\"\\x1b[31m\""},
        {"\x7f", "\"\\x7f\""},
        {"工单", "工单"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].given);
        CHECK_STRING(log_quoted(rows[i].given), rows[i].want);
    }
    test_row(NULL);
    CHECK_STRING(log_quoted(NULL), "\"\"");
    CHECK_STRING(log_text((text){"a\0b", 3}), "\"a\\x00b\"");
}

TEST(long_values_are_cut)
{
    char given[5000];
    memset(given, '\x01', sizeof(given));
    text got = text_of(log_text((text){given, sizeof(given)}));
    CHECK(got.len < 1024);
    CHECK_HAS(got, "...\"");
}

TEST(four_values_on_one_line)
{
    const char *a = log_quoted("a"), *b = log_quoted("b"), *c = log_quoted("c"),
               *d = log_quoted("d");
    CHECK_STRING(a, "a");
    CHECK_STRING(b, "b");
    CHECK_STRING(c, "c");
    CHECK_STRING(d, "d");
}

/* What is written to standard error while `speak` runs. */
static text listen(void (*speak)(void), char *into, size_t size)
{
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    int old = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    speak();
    dup2(old, STDERR_FILENO);
    close(old);
    ssize_t len = read(ends[0], into, size);
    close(ends[0]);
    return (text){into, len > 0 ? (size_t)len : 0};
}

static void speak_two_lines(void)
{
    log_start("intake", "one 1", LOG_INFO);
    log_debug("quiet", "n=%d", 1);
    log_info("lease_taken", "partition=%d", 7);
    log_warn("empty", "%s", "");
}

TEST(a_line_is_logfmt)
{
    char heard[4096];
    text got = listen(speak_two_lines, heard, sizeof(heard));
    CHECK_HAS(got,
              "Z level=info service=intake instance=\"one 1\" event=lease_taken partition=7\n");
    CHECK_HAS(got, "level=warn");
    CHECK(memmem(got.at, got.len, "quiet", 5) == NULL);
    CHECK(text_starts(got, "ts=2"));
    CHECK(got.len > 26 && got.at[13] == 'T' && got.at[22] == '.' && got.at[26] == 'Z');
    CHECK(!log_wants(LOG_DEBUG));
    CHECK(log_wants(LOG_ERROR));
}

static void speak_too_long(void)
{
    char value[8000];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_error("long", "value=%s", value);
}

TEST(a_line_too_long_is_cut_and_ended)
{
    char heard[16384];
    text got = listen(speak_too_long, heard, sizeof(heard));
    CHECK(got.len > 1000 && got.len <= 4096);
    CHECK(got.at[got.len - 1] == '\n');
}

static void speak_fatal(void)
{
    pid_t child = fork();
    if (child == 0) fatal("start it", "no database at %s", "here");
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

TEST(fatal_says_why_and_ends)
{
    char heard[4096];
    text got = listen(speak_fatal, heard, sizeof(heard));
    CHECK_HAS(got, "level=error");
    CHECK_HAS(got, "event=fatal reason=\"no database at here\"\nHINT: start it\n");
}

static void speak_a_flood(void)
{
    log_start("intake", "one", LOG_INFO);
    for (int i = 0; i < LOG_BURST + 50; i++) log_warn("refused", "n=%d", i);
    log_warn("another", "n=%d", 1);
    usleep(3000000 / LOG_RATE); /* the allowance grows with real time alone */
    log_warn("refused", "n=%d", -1);
    log_warn("refused", "n=%d", -2);
}

static size_t count_lines(text written, const char *words)
{
    size_t n = 0;
    while (written.len > 0) {
        text line = text_take(&written, '\n');
        n += memmem(line.at, line.len, words, strlen(words)) != NULL;
    }
    return n;
}

TEST(a_flood_of_lines_is_cut_and_counted)
{
    static char written[1 << 16];
    text got = listen(speak_a_flood, written, sizeof(written));
    CHECK_INT(count_lines(got, "event=refused"), LOG_BURST + 2);
    CHECK_INT(count_lines(got, "event=another"), 1);
    CHECK_INT(count_lines(got, "left_out"), 1);
    CHECK_HAS(got, "event=refused n=-1 left_out=50\n");
    CHECK_HAS(got, "event=refused n=-2\n");
}
