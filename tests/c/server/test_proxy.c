/* The origin of a request: the peer's word, or a trusted proxy's. */
#include "server/proxy.h"

#include <string.h>

#include "check.h"

static const struct fa_socket_address LOOPBACK = {
    .family = FA_SOCKET_IPV4, .port = 5, .ip = {127, 0, 0, 1}};
static const struct fa_socket_address OTHER = {
    .family = FA_SOCKET_IPV4, .port = 6, .ip = {8, 8, 8, 8}};
static const struct fa_socket_address LOCAL = {.family = FA_SOCKET_UNIX};

static struct fa_proxy proxy_of(const char *list)
{
    struct fa_proxy proxy;
    fa_span bad;
    fa_trusted_init(&proxy.trusted);
    CHECK_EQ_INT(fa_trusted_parse(&proxy.trusted, (fa_span){list, strlen(list)}, &bad), FA_OK);
    return proxy;
}

static struct fa_http_request *forwarded(const char *addresses)
{
    static struct fa_http_request req;
    req.header_count = 2;
    req.headers[0] =
        (struct fa_http_header){FA_SPAN("X-Forwarded-For"), {addresses, strlen(addresses)}};
    req.headers[1] = (struct fa_http_header){FA_SPAN("X-Forwarded-Proto"), FA_SPAN("https")};
    return &req;
}

/* Who the client of this peer's request is, by a list of trusted ones. */
static void check_client(const char *list, const struct fa_socket_address *peer,
    const char *addresses, const char *host, uint32_t port)
{
    struct fa_proxy proxy = proxy_of(list);
    struct fa_proxy_client client;
    CHECK_EQ_INT(fa_proxy_client(&proxy, peer, forwarded(addresses), &client), FA_OK);
    CHECK(fa_span_eq(client.host, (fa_span){host, strlen(host)}));
    CHECK_EQ_INT(client.port, port);
    fa_trusted_deinit(&proxy.trusted);
}

static enum fa_http_scheme scheme_of(const struct fa_socket_address *peer)
{
    struct fa_proxy proxy = proxy_of("127.0.0.1");
    enum fa_http_scheme scheme =
        fa_proxy_scheme(&proxy, peer, forwarded("1.2.3.4"), FA_HTTP_SCHEME_HTTP);
    fa_trusted_deinit(&proxy.trusted);
    return scheme;
}

TEST(a_trusted_peer_is_believed)
{
    check_client("127.0.0.1", &LOOPBACK, "6.6.6.6, 1.2.3.4, 127.0.0.1", "1.2.3.4", 0);
    check_client("127.0.0.1", &LOOPBACK, "", "127.0.0.1", 5); /* it names nobody */
    CHECK_EQ_INT(scheme_of(&LOOPBACK), FA_HTTP_SCHEME_HTTPS);
}

TEST(another_one_is_not)
{
    check_client("127.0.0.1", &OTHER, "1.2.3.4", "8.8.8.8", 6);
    CHECK_EQ_INT(scheme_of(&OTHER), FA_HTTP_SCHEME_HTTP);
    struct fa_proxy proxy = proxy_of("127.0.0.1");
    struct fa_proxy_client client;
    CHECK_EQ_INT(
        fa_proxy_client(&proxy, &LOCAL, forwarded("1.2.3.4"), &client), FA_ERR_UNSUPPORTED);
    fa_trusted_deinit(&proxy.trusted);
}

TEST(sockets_and_everybody)
{
    check_client("unix, 1.2.3.4", &LOCAL, "6.6.6.6, 1.2.3.4", "6.6.6.6", 0);
    check_client("*", &OTHER, "6.6.6.6:7, 9.9.9.9", "6.6.6.6", 7);
}

int main(void)
{
    RUN(a_trusted_peer_is_believed);
    RUN(another_one_is_not);
    RUN(sockets_and_everybody);
    return CHECK_END();
}
