/* address: what is taken at the door is what can be sent to. */
#include "test.h"

#include "base/address.h"

#include <stdlib.h>
#include <string.h>

struct address_case {
    const char *given;
    const char *fault; /* a part of what is said; NULL: it is good */
};

static void check_all(const struct address_case *cases, size_t n,
                      const char *(*find_fault)(text given))
{
    for (size_t i = 0; i < n; i++) {
        const char *fault = find_fault(text_of(cases[i].given));
        test_row(cases[i].given);
        if (CHECK((fault == NULL) == (cases[i].fault == NULL)) && fault != NULL)
            CHECK_HAS(text_of(fault), cases[i].fault);
    }
}

TEST(mail)
{
    static const struct address_case cases[] = {
        {"sp01@example.org", NULL},
        {"Some.One+kefu@Example.COM", NULL},
        {"o'brien_1@mail.example.co.uk", NULL},
        {"a@b.c", NULL},
        {"a@xn--fsqu00a.xn--0zwm56d", NULL},
        {"", "has no @"},
        {"nobody", "has no @"},
        {"@", "name before"},
        {"@b.c", "name before"},
        {"a@", "domain"},
        {"a@b", "domain"},
        {"a@.c", "domain"},
        {"a@b.", "domain"},
        {"a@b..c", "domain"},
        {"a@-b.c", "domain"},
        {"a@b-.c", "domain"},
        {"a@b_c.d", "domain"},
        {"a@127.0.0.1", "domain"},
        {"a@[127.0.0.1]", "domain"},
        {"a@b@c.d", "domain"},
        {"a@@b.c", "domain"},
        {".a@b.c", "name before"},
        {"a.@b.c", "name before"},
        {"a..b@c.d", "name before"},
        {"-a@b.c", "name before"},
        {"\"a b\"@c.d", "blanks"},
        {"\"ab\"@c.d", "name before"},
        {"<a@b.c>", "name before"},
        {"a@b.c>,<d@e.f", "domain"},
        {"a@b.c,d@e.f", "domain"},
        {"a(b)@c.d", "name before"},
        {"a b@c.d", "blanks"},
        {"a@b.c\r\nRCPT TO:<x@y.z>", "blanks"},
        {"a@b.c\x7f", "blanks"},
        {"a@exa\u200bmple.org", "beyond ASCII"},
        {"\u202e"
         "a@b.c",
         "beyond ASCII"},
        {"a@例子.测试", "xn--"},
        {"客@example.org", "beyond ASCII"},
    };
    check_all(cases, COUNT(cases), address_mail_fault);
}

static char *repeat(char c, size_t n, const char *before, const char *behind)
{
    size_t at = strlen(before), len = at + n + strlen(behind);
    char *made = calloc(1, len + 1);
    memcpy(made, before, at);
    memset(made + at, c, n);
    memcpy(made + at + n, behind, strlen(behind));
    return made;
}

TEST(lengths)
{
    static const struct {
        char c;
        size_t n;
        const char *before, *behind;
        bool good;
    } cases[] = {
        {'a', 64, "", "@b.c", true},  {'a', 65, "", "@b.c", false},  {'b', 63, "a@", ".c", true},
        {'b', 64, "a@", ".c", false}, {'a', 300, "", "@b.c", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *made = repeat(cases[i].c, cases[i].n, cases[i].before, cases[i].behind);
        test_row(made);
        CHECK((address_mail_fault(text_of(made)) == NULL) == cases[i].good);
        free(made);
    }
    char *path = repeat('a', ADDRESS_WEB_MAX - 11, "http://b.c/", "");
    CHECK(address_web_fault(text_of(path)) == NULL);
    free(path);
    path = repeat('a', ADDRESS_WEB_MAX - 10, "http://b.c/", "");
    CHECK_HAS(text_of(address_web_fault(text_of(path))), "longer");
    free(path);
}

TEST(web)
{
    static const struct address_case cases[] = {
        {"https://hooks.example.org/in?a=1&b=%20", NULL},
        {"http://example.org", NULL},
        {"http://hook", NULL},
        {"http://my_service:8080/in", NULL},
        {"https://example.org:443?x", NULL},
        {"http://192.0.2.1:8080/", NULL},
        {"http://[2001:db8::1]/", NULL},
        {"http://[2001:db8::1]:1024/", NULL},
        {"http://xn--fsqu00a.xn--0zwm56d/", NULL},
        {"http://127.0.0.1:8080/", NULL}, /* a form; the network is judged when it is sent */
        {"http://[::ffff:127.0.0.1]:7102/", NULL},
        {"", "does not begin"},
        {"ftp://example.org/", "does not begin"},
        {"file:///etc/passwd", "does not begin"},
        {"gopher://example.org/", "does not begin"},
        {"HTTP://example.org/", "does not begin"},
        {"//example.org/", "does not begin"},
        {"http:/example.org/", "does not begin"},
        {"http://", "no host"},
        {"http:///in", "no host"},
        {"http://?in", "no host"},
        {"http://:80/", "no host"},
        {"http://a..b/", "no host"},
        {"http://-a/", "no host"},
        {"http://例子.测试/", "beyond ASCII"},
        {"http://example.org/\r\nHost: inside", "blanks"},
        {"http://example.org/ HTTP/1.1", "blanks"},
        {"http://exa\u200bmple.org/", "beyond ASCII"},
        {"http://a@b.c/", "names a user"},
        {"http://example.org:80@127.0.0.1/", "names a user"},
        {"http://a.b/@in", NULL},
        {"http://a.b\\@c.d/", "no URL has"},
        {"http://a.b/#in", "no URL has"},
        {"http://a.b/{in}", "no URL has"},
        {"http://2130706433/", "no host"},
        {"http://127.1/", "no host"},
        {"http://0x7f000001/", "no host"},
        {"http://0x7f.0.0.1/", "no host"},
        {"http://127.0.0.0x1/", "no host"},
        {"http://0177.0.0.1/", "no host"},
        {"http://1.2.3.4.5/", "no host"},
        {"http://1.2.3.256/", "no host"},
        {"http://[::1/", "no host"},
        {"http://[]/", "no host"},
        {"http://[127.0.0.1]/", "no host"},
        {"http://[fe80::1%25eth0]/", "no host"},
        {"http://[::1]x/", "no host"},
        {"http://[::1]:/", "port"},
        {"http://a.b:/", "port"},
        {"http://a.b:0/", "port"},
        {"http://a.b:22/", "port"},
        {"http://a.b:25/", "port"},
        {"http://a.b:1023/", "port"},
        {"http://a.b:1024/", NULL},
        {"http://a.b:65535/", NULL},
        {"http://a.b:65536/", "port"},
        {"http://a.b:80800000/", "port"},
        {"http://a.b:+80/", "port"},
        {"http://a.b:80:80/", "port"},
    };
    check_all(cases, COUNT(cases), address_web_fault);
}
