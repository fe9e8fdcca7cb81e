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

TEST(a_trusted_peer_is_believed)
{
    struct fa_proxy proxy = proxy_of("127.0.0.1");
    struct fa_http_request *req = forwarded("6.6.6.6, 1.2.3.4, 127.0.0.1");
    struct fa_proxy_client client;
    CHECK_EQ_INT(fa_proxy_client(&proxy, &LOOPBACK, req, &client), FA_OK);
    CHECK_EQ_SPAN(client.host, "1.2.3.4");
    CHECK_EQ_INT(client.port, 0);
    CHECK_EQ_INT(
        fa_proxy_scheme(&proxy, &LOOPBACK, req, FA_HTTP_SCHEME_HTTP), FA_HTTP_SCHEME_HTTPS);
    req = forwarded(""); /* it names nobody */
    CHECK_EQ_INT(fa_proxy_client(&proxy, &LOOPBACK, req, &client), FA_OK);
    CHECK_EQ_SPAN(client.host, "127.0.0.1");
    fa_trusted_deinit(&proxy.trusted);
}

TEST(another_one_is_not)
{
    struct fa_proxy proxy = proxy_of("127.0.0.1");
    struct fa_http_request *req = forwarded("1.2.3.4");
    struct fa_proxy_client client;
    CHECK_EQ_INT(fa_proxy_client(&proxy, &OTHER, req, &client), FA_OK);
    CHECK_EQ_SPAN(client.host, "8.8.8.8");
    CHECK_EQ_INT(client.port, 6);
    CHECK_EQ_INT(fa_proxy_scheme(&proxy, &OTHER, req, FA_HTTP_SCHEME_HTTP), FA_HTTP_SCHEME_HTTP);
    CHECK_EQ_INT(fa_proxy_client(&proxy, &LOCAL, req, &client), FA_ERR_UNSUPPORTED);
    fa_trusted_deinit(&proxy.trusted);
}

TEST(sockets_and_everybody)
{
    struct fa_proxy proxy = proxy_of("unix, 1.2.3.4");
    struct fa_http_request *req = forwarded("6.6.6.6, 1.2.3.4");
    struct fa_proxy_client client;
    CHECK_EQ_INT(fa_proxy_client(&proxy, &LOCAL, req, &client), FA_OK);
    CHECK_EQ_SPAN(client.host, "6.6.6.6");
    fa_trusted_deinit(&proxy.trusted);
    proxy = proxy_of("*");
    req = forwarded("6.6.6.6:7, 9.9.9.9");
    CHECK_EQ_INT(fa_proxy_client(&proxy, &OTHER, req, &client), FA_OK);
    CHECK_EQ_SPAN(client.host, "6.6.6.6");
    CHECK_EQ_INT(client.port, 7);
    fa_trusted_deinit(&proxy.trusted);
}

int main(void)
{
    RUN(a_trusted_peer_is_believed);
    RUN(another_one_is_not);
    RUN(sockets_and_everybody);
    return CHECK_END();
}
