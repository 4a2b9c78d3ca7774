#include "base/address.h"

#include <arpa/inet.h>
#include <string.h>

enum { LOCAL_MAX = 64, DOMAIN_MAX = 253, LABEL_MAX = 63, PORT_SYSTEM_MAX = 1023 };

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_ascii_glyphs(text given)
{
    for (size_t i = 0; i < given.len; i++)
        if (given.at[i] <= ' ' || given.at[i] >= 0x7f) return false;
    return true;
}

static bool has_only_digits(text given)
{
    for (size_t i = 0; i < given.len; i++)
        if (given.at[i] < '0' || given.at[i] > '9') return false;
    return given.len > 0;
}

/* Letters, digits and hyphens, the latter inside only; a host of the web may have an underscore. */
static bool is_label(text label, const char *besides)
{
    if (label.len == 0 || label.len > LABEL_MAX) return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_letter_or_digit(label.at[i]) && strchr(besides, label.at[i]) == NULL) return false;
    return label.at[0] != '-' && label.at[label.len - 1] != '-';
}

/* How many labels the domain has; 0 if it is none. `last` is the last of them. */
static int count_labels(text domain, const char *besides, text *last)
{
    int n = 0;
    if (domain.len == 0 || domain.len > DOMAIN_MAX || domain.at[domain.len - 1] == '.') return 0;
    for (; domain.len > 0; n++) {
        *last = text_take(&domain, '.');
        if (!is_label(*last, besides)) return 0;
    }
    return n;
}

/* --- mail --- */

/* Words of RFC 5322's atext, joined by dots. */
static bool is_dot_atom(text local)
{
    char before = '.';
    for (size_t i = 0; i < local.len; i++) {
        char c = local.at[i];
        if (c == '.' ? before == '.'
                     : !is_letter_or_digit(c) && strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL)
            return false;
        before = c;
    }
    return before != '.' && local.at[0] != '-'; /* a hyphen would begin an option of a mailer */
}

const char *address_mail_fault(text given)
{
    text domain = given, local = text_take(&domain, '@'), top = {0};
    if (given.len > ADDRESS_MAIL_MAX) return "is longer than 254 bytes";
    if (!is_ascii_glyphs(given))
        return "has blanks or characters beyond ASCII: write its domain in the form xn--";
    if (local.len == given.len) return "has no @";
    if (local.len > LOCAL_MAX || !is_dot_atom(local)) return "has no plain name before the @";
    if (count_labels(domain, "-", &top) < 2 || has_only_digits(top))
        return "has no domain behind the @";
    return NULL;
}

/* --- the web --- */

/* Numbers are addresses, in whatever form a resolver takes them: only the usual one is taken. */
static bool is_host_name(text host)
{
    char address[INET_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in_addr)];
    text last = {0};
    if (count_labels(host, "-_", &last) == 0) return false;
    if (!has_only_digits(last) && !text_starts(last, "0x") && !text_starts(last, "0X")) return true;
    if (host.len >= sizeof(address)) return false;
    memcpy(address, host.at, host.len);
    address[host.len] = '\0';
    return inet_pton(AF_INET, address, bytes) == 1;
}

static bool is_bracketed(text inside)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inside.len >= sizeof(address)) return false;
    memcpy(address, inside.at, inside.len);
    address[inside.len] = '\0';
    return inet_pton(AF_INET6, address, bytes) == 1;
}

static bool is_port(text given)
{
    int64_t port;
    if (!has_only_digits(given) || given.len > 5 || !text_to_int(given, &port)) return false;
    return port == 80 || port == 443 || (port > PORT_SYSTEM_MAX && port <= UINT16_MAX);
}

static const char *authority_fault(text authority)
{
    bool good;
    if (authority.len > 0 && authority.at[0] == '[') {
        text inside = {authority.at + 1, authority.len - 1};
        text host = text_take(&inside, ']');
        good = host.len + 1 < authority.len && is_bracketed(host);
        authority = inside;
        if (good && inside.len == 0) return NULL;
        good = good && text_take(&authority, ':').len == 0;
    } else {
        text host = text_take(&authority, ':');
        good = is_host_name(host);
        if (good && authority.at == NULL) return NULL;
    }
    if (!good) return "has no host name or address";
    return is_port(authority) ? NULL : "has a port other than 80, 443, or 1024 and above";
}

const char *address_web_fault(text given)
{
    text rest = given;
    size_t len = 0;
    if (given.len > ADDRESS_WEB_MAX) return "is longer than 1000 bytes";
    if (!is_ascii_glyphs(given)) return "has blanks or characters beyond ASCII";
    if (!text_starts(given, "http://") && !text_starts(given, "https://"))
        return "does not begin with http:// or https://";
    text_take(&rest, '/'), text_take(&rest, '/');
    for (size_t i = 0; i < rest.len; i++)
        if (strchr("\"<>\\^`{|}#", rest.at[i]) != NULL) return "has a character that no URL has";
    while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?') len++;
    if (memchr(rest.at, '@', len) != NULL) return "names a user";
    return authority_fault((text){rest.at, len});
}
