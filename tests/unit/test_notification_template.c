/* Templates: placeholders that are missing, unknown or poisonous; and the mail made of them. */
#include "notification/template.h"

#include "notification/sign.h"
#include "notification/mail.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *what, *pattern;
    const char *fault; /* NULL: good */
} checks[] = {
    {"plain", "Hello", NULL},
    {"allowed", "{ticket}: {kind}", NULL},
    {"unknown", "{tickett}", "nobody knows the placeholder {tickett}"},
    {"known, but without a value here", "{share}", "the placeholder {share} has no value here"},
    {"never closed", "{ticket", "a brace is not closed"},
    {"never closed behind others", "{ticket} {", "a brace is not closed"},
    {"empty", "{}", "nobody knows the placeholder {}"},
    {"nested", "{ {ticket} }", "nobody knows the placeholder { {ticket}"},
};

TEST(placeholders_are_checked)
{
    const uint32_t allowed = VALUE_BIT(VALUE_TICKET) | VALUE_BIT(VALUE_KIND);
    for (size_t i = 0; i < COUNT(checks); i++) {
        struct err err = {0};
        int result = template_check(text_of(checks[i].pattern), allowed, &err);
        test_row(checks[i].what);
        CHECK_INT(result, checks[i].fault == NULL ? 0 : -1);
        CHECK_STRING(err.message, checks[i].fault == NULL ? "" : checks[i].fault);
    }
    test_row(NULL);
}

TEST(rendering)
{
    struct arena *arena = arena_create();
    struct values values = {0};
    values.at[VALUE_TICKET] = TEXT("26112200001");
    values.at[VALUE_LABEL] = TEXT("Z**\r\nBcc: all@example.org\x7f\x01{words}");
    CHECK_TEXT(template_render(TEXT("a {ticket} b"), &values, arena), "a 26112200001 b");
    CHECK_TEXT(template_render(TEXT("{topic}"), &values, arena), "–");
    CHECK_TEXT(template_render(TEXT("{label}"), &values, arena),
               "Z**  Bcc: all@example.org  {words}");
    text body = template_render(TEXT("{label}|{words}|{answer}."), &values, arena);
    CHECK(template_has_mark(body));
    CHECK(!template_has_mark(template_render(TEXT("{label}"), &values, arena)));
    CHECK_TEXT(
        template_fill(body, TEXT("line 1\nline 2 {ticket}"), arena),
        "Z**  Bcc: all@example.org  {words}|line 1\nline 2 {ticket}|line 1\nline 2 {ticket}.");
    arena_destroy(arena);
}

/* The headers of a written mail, one line each. */
static text write(const char *subject, const char *body, struct arena *arena)
{
    const struct mail mail = {.from = TEXT("kefu@example.org"),
                              .to = TEXT("sp01@example.org"),
                              .subject = text_of(subject),
                              .body = text_of(body),
                              .message = 42,
                              .at = 1774000000 * SECOND_US,
                              .automatic = true};
    return mail_write(&mail, arena);
}

static bool begins_a_line(text written, const char *with)
{
    for (text rest = written; rest.len > 0;)
        if (text_starts(text_take(&rest, '\n'), with)) return true;
    return false;
}

TEST(no_subject_adds_a_header)
{
    static const char *const poison[] = {
        "x\r\nBcc: all@example.org", "x\nBcc: all@example.org",  "x\rBcc: all@example.org",
        "x\r\n\r\nBcc: body",        "\r\nBcc: all@example.org", "新投诉\r\nBcc: all@example.org",
    };
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(poison); i++) {
        text written = write(poison[i], "body", arena);
        CHECK_ROW(!begins_a_line(written, "Bcc:"), "%zu: %s", i, written.at);
        CHECK_HAS(written, "\r\n\r\nYm9keQ==\r\n");
        CHECK_HAS(written, "Message-ID: <kefu-42@example.org>\r\n");
    }
    arena_destroy(arena);
}

TEST(long_subjects_are_cut_between_characters)
{
    struct arena *arena = arena_create();
    text written =
        write("投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉投诉", "b", arena);
    for (text rest = written; rest.len > 0;) {
        text line = text_take(&rest, '\n');
        CHECK(line.len <= 77);
        if (!text_starts(line, " =?") && !text_starts(line, "Subject: =?")) continue;
        const char *from = strstr(line.at, "?B?") + 3;
        CHECK((strstr(from, "?=") - from) % 4 == 0);
    }
    CHECK_HAS(written, "Subject: =?UTF-8?B?");
    arena_destroy(arena);
}

/* RFC 4231, test case 2. */
TEST(signatures)
{
    struct arena *arena = arena_create();
    CHECK_TEXT(encode_hmac(TEXT("Jefe"), TEXT("what do ya want for nothing?"), arena),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK_TEXT(encode_base64(TEXT("body"), arena), "Ym9keQ==");
    arena_destroy(arena);
}
