/* Whose word counts: addresses, networks, sockets, everybody. */
#include "net/trusted.h"

#include <string.h>

#include "base/alloc.h"
#include "check.h"

static void check_text(fa_span found, const char *text, int line)
{
    check_eq_span(found, (fa_span){text, strlen(text)}, text, __FILE__, line);
}

static void trust(struct fa_trusted *trusted, const char *list)
{
    fa_span bad = {NULL, 0};
    fa_trusted_init(trusted);
    CHECK_EQ_INT(fa_trusted_parse(trusted, (fa_span){list, strlen(list)}, &bad), FA_OK);
}

static bool knows(const char *list, const char *host)
{
    struct fa_trusted trusted;
    trust(&trusted, list);
    bool known = fa_trusted_has_text(&trusted, (fa_span){host, strlen(host)});
    fa_trusted_deinit(&trusted);
    return known;
}

TEST(addresses_and_networks)
{
    static const struct {
        const char *list, *host;
        bool known;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1", "::1", false},
        {"127.0.0.1,::1", "0:0:0:0:0:0:0:1", true},
        {" 10.0.0.0/8 ,, ::1 ", "10.255.0.9", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.1.2.128/25", "10.1.2.129", true},
        {"10.1.2.128/25", "10.1.2.127", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"fd00::/9", "fd7f::1", true},
        {"fd00::/9", "fd80::1", false},
        {"1.2.3.4/32", "1.2.3.4", true},
        {"2001:db8::/128", "2001:db8::", true},
        {"", "127.0.0.1", false},
        {"unix", "unix", false},
        {"*", "anything at all", true},
        {"*", "", true},
        {"10.0.0.0/8", "10.0.0.1:80", false},
        {"10.0.0.0/8", " 10.0.0.1", false},
        {"10.0.0.0/8", "010.0.0.1", false},
        {"10.0.0.0/8", "10.1", false},
        {"::/0", "fe80::1%eth0", false},
        {"::/0", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_eq_int(
            knows(cases[i].list, cases[i].host), cases[i].known, cases[i].host, __FILE__, __LINE__);
}

TEST(an_address_with_a_nul_is_none)
{
    struct fa_trusted trusted;
    trust(&trusted, "10.0.0.1");
    CHECK(!fa_trusted_has_text(&trusted, (fa_span){"10.0.0.1\0x", 10}));
    fa_trusted_deinit(&trusted);
}

TEST(peers)
{
    struct fa_trusted trusted;
    struct fa_socket_address v4 = {.family = FA_SOCKET_IPV4, .ip = {10, 0, 0, 1}};
    struct fa_socket_address v6 = {.family = FA_SOCKET_IPV6, .ip = {[15] = 1}};
    struct fa_socket_address local = {.family = FA_SOCKET_UNIX};
    struct fa_socket_address none = {.family = FA_SOCKET_NONE};
    trust(&trusted, "10.0.0.0/24,::1");
    CHECK(fa_trusted_has_peer(&trusted, &v4) && fa_trusted_has_peer(&trusted, &v6));
    CHECK(!fa_trusted_has_peer(&trusted, &local) && !fa_trusted_has_peer(&trusted, &none));
    fa_trusted_deinit(&trusted);
    CHECK(!fa_trusted_has_peer(&trusted, &v4));
    trust(&trusted, "unix");
    CHECK(fa_trusted_has_peer(&trusted, &local) && !fa_trusted_has_peer(&trusted, &v4));
    fa_trusted_deinit(&trusted);
    trust(&trusted, "*");
    CHECK(fa_trusted_has_peer(&trusted, &local) && fa_trusted_has_peer(&trusted, &none));
    fa_trusted_deinit(&trusted);
}

TEST(what_is_refused_is_named)
{
    static const struct {
        const char *list, *bad;
    } cases[] = {
        {"localhost", "localhost"},
        {"127.0.0.1, 10.0.0.1/8", "10.0.0.1/8"},
        {"10.0.0.0/33", "10.0.0.0/33"},
        {"10.0.0.0/", "10.0.0.0/"},
        {"10.0.0.0/8x", "10.0.0.0/8x"},
        {"::/129", "::/129"},
        {"/8", "/8"},
        {"1.2.3.4/0032", "1.2.3.4/0032"},
        {"127.0.0.1 ::1", "127.0.0.1 ::1"},
        {"**", "**"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fa_trusted trusted;
        fa_span bad = {NULL, 0}, list = {cases[i].list, strlen(cases[i].list)};
        trust(&trusted, "9.9.9.9");
        check_eq_int(fa_trusted_parse(&trusted, list, &bad), FA_ERR_INVALID, cases[i].list,
            __FILE__, __LINE__);
        check_text(bad, cases[i].bad, __LINE__);
        CHECK(fa_trusted_has_text(&trusted, FA_SPAN("9.9.9.9"))); /* as before */
        fa_trusted_deinit(&trusted);
    }
}

TEST(out_of_memory)
{
    struct fa_trusted trusted;
    fa_span bad;
    trust(&trusted, "::1");
    fa_alloc_fail_at(1);
    CHECK_EQ_INT(fa_trusted_parse(&trusted, FA_SPAN("127.0.0.1"), &bad), FA_ERR_NOMEM);
    fa_alloc_fail_at(0);
    CHECK(fa_trusted_has_text(&trusted, FA_SPAN("::1")));
    fa_trusted_deinit(&trusted);
}

int main(void)
{
    RUN(addresses_and_networks);
    RUN(an_address_with_a_nul_is_none);
    RUN(peers);
    RUN(what_is_refused_is_named);
    RUN(out_of_memory);
    return CHECK_END();
}
