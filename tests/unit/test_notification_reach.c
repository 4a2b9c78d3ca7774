/* reach: webhooks go to the public internet, and where an operator allows. */
#include "notification/reach.h"

#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static struct reach reach_of(const char *list)
{
    struct reach reach;
    struct err err;
    CHECK_ROW(reach_parse(text_of(list), &reach, &err) == 0, "%s: %s", list, err.message);
    return reach;
}

static bool is_reached(const struct reach *reach, const char *address)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &ipv4.sin_addr) == 1)
        return reach_allows(reach, (struct sockaddr *)&ipv4);
    CHECK_ROW(inet_pton(AF_INET6, address, &ipv6.sin6_addr) == 1, "%s is no address", address);
    return reach_allows(reach, (struct sockaddr *)&ipv6);
}

TEST(the_public_internet_alone)
{
    static const struct {
        const char *what, *address;
        bool public;
    } rows[] = {
        {"a public one", "93.184.215.14", true},
        {"below the private ones", "9.255.255.255", true},
        {"private", "10.0.0.0", false},
        {"private, the last", "10.255.255.255", false},
        {"above the private ones", "11.0.0.0", true},
        {"this host", "0.0.0.0", false},
        {"the carrier's", "100.64.0.1", false},
        {"behind the carrier's", "100.128.0.0", true},
        {"loopback", "127.0.0.1", false},
        {"loopback, another", "127.255.255.254", false},
        {"metadata of a cloud", "169.254.169.254", false},
        {"before the private 172", "172.15.255.255", true},
        {"private", "172.16.0.1", false},
        {"private, the last 172", "172.31.255.255", false},
        {"behind the private 172", "172.32.0.0", true},
        {"private", "192.168.1.1", false},
        {"of benchmarks", "198.19.0.1", false},
        {"an example", "203.0.113.9", false},
        {"multicast", "224.0.0.1", false},
        {"broadcast", "255.255.255.255", false},
        {"a public one", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", true},
        {"unspecified", "::", false},
        {"loopback", "::1", false},
        {"IPv4 loopback, mapped", "::ffff:127.0.0.1", false},
        {"IPv4 private, mapped", "::ffff:10.1.2.3", false},
        {"IPv4 public, mapped", "::ffff:93.184.215.14", true},
        {"IPv4, compatible", "::127.0.0.1", false},
        {"IPv4 loopback through NAT64", "64:ff9b::7f00:1", false},
        {"IPv4 loopback through 6to4", "2002:7f00:1::1", false},
        {"Teredo", "2001:0:53aa:64c::1", false},
        {"an example", "2001:db8::1", false},
        {"behind the protocols", "2001:200::1", true},
        {"link-local", "fe80::1", false},
        {"unique local", "fd00::1", false},
        {"multicast", "ff02::1", false},
        {"not given out", "4000::1", false},
    };
    struct reach none = reach_of("");
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].what);
        CHECK_INT(is_reached(&none, rows[i].address), rows[i].public);
    }
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    CHECK(!reach_allows(&none, (struct sockaddr *)&local));
}

TEST(and_what_is_allowed)
{
    static const struct {
        const char *list, *address;
        bool reached;
    } rows[] = {
        {"10.1.0.0/16", "10.1.255.255", true},
        {"10.1.0.0/16", "10.2.0.0", false},
        {"10.1.0.0/16", "::ffff:10.1.0.1", true},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},
        {"10.0.0.0/9", "10.127.0.1", true},
        {"10.0.0.0/9", "10.128.0.1", false},
        {"127.0.0.0/8,::1", "::1", true},
        {"127.0.0.0/8,::1", "127.3.2.1", true},
        {"127.0.0.0/8,::1", "::2", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"0.0.0.0/0", "10.0.0.1", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "127.0.0.1", true},
        {"10.1.0.0/16", "93.184.215.14", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reach reach = reach_of(rows[i].list);
        CHECK_ROW(is_reached(&reach, rows[i].address) == rows[i].reached, "%s within %s",
                  rows[i].address, rows[i].list);
    }
}

TEST(what_is_no_list_of_networks)
{
    static const char *const lists[] = {"x",
                                        "10.0.0.0/33",
                                        "10.0.0/8",
                                        "::/129",
                                        "10.0.0.0/",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/8;::1",
                                        "10.0.0.0/8, ::1",
                                        ",",
                                        "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
                                        "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
                                        "1.1.1.1,1.1.1.1,1.1.1.1"};
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct reach reach;
        struct err err;
        CHECK_ROW(reach_parse(text_of(lists[i]), &reach, &err) < 0, "%s", lists[i]);
    }
}
