#include "reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { MAPPED_BITS = 96 }; /* in front of an IPv4 address in ::ffff:0:0/96 */

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Addresses that the registries of special-purpose addresses (RFC 6890) call not globally
   reachable. */
static const char *const special_ipv4[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
};
/* Of IPv6 only 2000::/3 is public, and of that not: protocols, examples, and what carries IPv4. */
static const char *const special_ipv6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};

static bool is_within(const unsigned char address[16], const struct network *network)
{
    int whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(address, network->address, (size_t)whole) != 0) return false;
    return rest == 0 || (address[whole] ^ network->address[whole]) >> (8 - rest) == 0;
}

static bool parse_address(text given, struct network *out)
{
    char string[INET6_ADDRSTRLEN];
    if (given.len == 0 || given.len >= sizeof(string)) return false;
    memcpy(string, given.at, given.len);
    string[given.len] = '\0';
    memcpy(out->address, mapped, sizeof(mapped));
    out->bits = MAPPED_BITS;
    if (inet_pton(AF_INET, string, out->address + sizeof(mapped)) == 1) return true;
    out->bits = 0;
    return inet_pton(AF_INET6, string, out->address) == 1;
}

static bool parse_network(text given, struct network *out)
{
    text size = given, address = text_take(&size, '/');
    int64_t bits;
    if (!parse_address(address, out)) return false;
    int most = 128 - out->bits;
    if (size.at == NULL) return out->bits = 128, true;
    if (!text_to_int(size, &bits) || bits < 0 || bits > most) return false;
    out->bits += (int)bits;
    return true;
}

int reach_parse(text list, struct reach *out, struct err *err)
{
    *out = (struct reach){.n = 0};
    while (list.len > 0) {
        text given = text_take(&list, ',');
        if (out->n == REACH_NETWORKS_MAX)
            return err_set(err, "more than %d networks", REACH_NETWORKS_MAX);
        if (!parse_network(given, &out->allowed[out->n++]))
            return err_set(err, "%.*s is no network such as 10.1.0.0/16", TEXT_ARG(given));
    }
    return 0;
}

static bool is_one_of(const unsigned char address[16], const char *const *networks, size_t n)
{
    struct network network;
    for (size_t i = 0; i < n; i++)
        if (parse_network(text_of(networks[i]), &network) && is_within(address, &network))
            return true;
    return false;
}

static bool is_public(const unsigned char address[16])
{
    if (memcmp(address, mapped, sizeof(mapped)) == 0)
        return !is_one_of(address, special_ipv4, COUNT(special_ipv4));
    return (address[0] & 0xe0) == 0x20 && !is_one_of(address, special_ipv6, COUNT(special_ipv6));
}

static bool read_sockaddr(const struct sockaddr *from, unsigned char to[16])
{
    memcpy(to, mapped, sizeof(mapped));
    if (from->sa_family == AF_INET)
        memcpy(to + sizeof(mapped), &((const struct sockaddr_in *)from)->sin_addr, 4);
    else if (from->sa_family == AF_INET6)
        memcpy(to, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
    else
        return false;
    return true;
}

bool reach_allows(const struct reach *reach, const struct sockaddr *address)
{
    unsigned char bytes[16];
    if (!read_sockaddr(address, bytes)) return false;
    for (size_t i = 0; i < reach->n; i++)
        if (is_within(bytes, &reach->allowed[i])) return true;
    return is_public(bytes);
}
