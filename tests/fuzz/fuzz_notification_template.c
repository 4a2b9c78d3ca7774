/* Templates and clock times of policy, and mail made of any subject and body: whatever the bytes,
   nothing breaks, a template that passes the check renders without braces of its own, and no
   subject or body adds a header. */
#include "base/address.h"
#include "notification/mail.h"
#include "notification/quiet.h"
#include "notification/template.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail_unless(bool good)
{
    if (!good) abort();
}

static void check_mail(text any, struct arena *arena)
{
    const struct mail mail = {
        .from = TEXT("a@example.org"), .to = TEXT("b@example.org"), .subject = any, .body = any};
    text written = mail_write(&mail, arena);
    bool header = true;
    for (text rest = written; rest.len > 0;) {
        text line = text_take(&rest, '\n');
        static const char *const known[] = {
            "Date: ",   "From: ",         "To: ",     "Message-ID: ",
            "Subject:", "MIME-Version: ", "Content-", " =?UTF-8?B?"};
        bool fine = !header;
        if (line.len == 1 && line.at[0] == '\r') header = false;
        for (size_t i = 0; i < COUNT(known); i++) fine = fine || text_starts(line, known[i]);
        fail_unless(fine || (line.len == 1 && line.at[0] == '\r'));
        fail_unless(line.len <= 79 && line.len > 0 && line.at[line.len - 1] == '\r');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_create();
    text any = {(const char *)data, size};
    int32_t second;
    struct values values = {0};
    struct err err;
    for (int i = 0; i < VALUES; i++) values.at[i] = TEXT("x");
    if (template_check(any, UINT32_MAX, &err) == 0) {
        text rendered = template_render(any, &values, arena);
        fail_unless(rendered.len == 0 || memchr(rendered.at, '{', rendered.len) == NULL);
        template_fill(rendered, any, arena);
    }
    if (quiet_parse(any, &second)) fail_unless(second >= 0 && second < 86400);
    address_mail_fault(any);
    address_web_fault(any);
    check_mail(any, arena);
    arena_destroy(arena);
    return 0;
}
