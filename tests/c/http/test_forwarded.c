/* X-Forwarded-For and -Proto: who is taken at whose word. */
#include "http/forwarded.h"

#include <string.h>

#include "check.h"

static void check_text(fa_span found, const char *text, int line)
{
    check_eq_span(found, (fa_span){text, strlen(text)}, text, __FILE__, line);
}

/* Trusts all that begins with "10." */
static bool trusts_tens(const void *ctx, fa_span host)
{
    (void)ctx;
    return host.len >= 3 && memcmp(host.ptr, "10.", 3) == 0;
}

/* `first` and `second`: values of two such headers, NULL: there is none. */
static const struct fa_http_request *request(
    const char *name, const char *first, const char *second)
{
    static struct fa_http_request req;
    req.header_count = 1;
    req.headers[0] = (struct fa_http_header){FA_SPAN("Host"), FA_SPAN("x")};
    for (int i = 0; i < 2; i++) {
        const char *value = i == 0 ? first : second;
        if (value == NULL) continue;
        req.headers[req.header_count++] =
            (struct fa_http_header){{name, strlen(name)}, {value, strlen(value)}};
    }
    return &req;
}

TEST(the_right_most_untrusted_one_is_the_client)
{
    static const struct {
        const char *first, *second, *host;
        uint32_t port;
        const char *leftmost; /* where everybody is trusted */
    } cases[] = {
        {NULL, NULL, "", 0, ""},
        {"1.2.3.4", NULL, "1.2.3.4", 0, "1.2.3.4"},
        {"6.6.6.6, 1.2.3.4", NULL, "1.2.3.4", 0, "6.6.6.6"},
        {"6.6.6.6, 1.2.3.4, 10.0.0.1", NULL, "1.2.3.4", 0, "6.6.6.6"},
        {"6.6.6.6, 1.2.3.4", "10.0.0.1,10.0.0.2", "1.2.3.4", 0, "6.6.6.6"},
        {"6.6.6.6", "1.2.3.4", "1.2.3.4", 0, "6.6.6.6"},
        {"10.0.0.9, 10.0.0.1", "10.0.0.2", "10.0.0.9", 0, "10.0.0.9"},
        {"1.2.3.4:5678, 10.0.0.1:80", NULL, "1.2.3.4", 5678, "1.2.3.4"},
        {"[2001:db8::1]:443", NULL, "2001:db8::1", 443, "2001:db8::1"},
        {"[2001:db8::1]", NULL, "2001:db8::1", 0, "2001:db8::1"},
        {"[::1]:x", NULL, "::1", 0, "::1"},
        {"[::1]x", NULL, "[::1]x", 0, "[::1]x"},
        {"[::1", NULL, "[::1", 0, "[::1"},
        {"2001:db8::1", NULL, "2001:db8::1", 0, "2001:db8::1"},
        {"10.0.0.1:x", NULL, "10.0.0.1:x", 0, "10.0.0.1:x"},
        {"unknown", NULL, "unknown", 0, "unknown"},
        {"", NULL, "", 0, ""},
        {"1.2.3.4,", NULL, "", 0, "1.2.3.4"},
        {",10.0.0.1", NULL, "", 0, ""},
        {"\xa0 1.2.3.4\t", NULL, "1.2.3.4", 0, "1.2.3.4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fa_http_request *req =
            request("X-Forwarded-For", cases[i].first, cases[i].second);
        struct fa_forwarded_client found = fa_forwarded_client(req, trusts_tens, NULL);
        check_text(found.host, cases[i].host, __LINE__);
        CHECK_EQ_INT(found.port, cases[i].port);
        check_text(fa_forwarded_client(req, NULL, NULL).host, cases[i].leftmost, __LINE__);
    }
}

TEST(schemes)
{
    static const struct {
        const char *first, *second;
        enum fa_http_scheme scheme;
    } cases[] = {
        {NULL, NULL, FA_HTTP_SCHEME_HTTP},
        {"https", NULL, FA_HTTP_SCHEME_HTTPS},
        {" https ", NULL, FA_HTTP_SCHEME_HTTPS},
        {"http", "https", FA_HTTP_SCHEME_HTTPS},
        {"https", "http", FA_HTTP_SCHEME_HTTP},
        {"https", "ftp", FA_HTTP_SCHEME_HTTP},
        {"ws", NULL, FA_HTTP_SCHEME_WS},
        {"wss", NULL, FA_HTTP_SCHEME_WSS},
        {"HTTPS", NULL, FA_HTTP_SCHEME_HTTP},
        {"https,http", NULL, FA_HTTP_SCHEME_HTTP},
        {"", NULL, FA_HTTP_SCHEME_HTTP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fa_http_request *req =
            request("x-forwarded-proto", cases[i].first, cases[i].second);
        CHECK_EQ_INT(fa_forwarded_scheme(req, FA_HTTP_SCHEME_HTTP), cases[i].scheme);
    }
}

TEST(prefixes)
{
    static const struct {
        const char *first, *second, *prefix;
    } cases[] = {
        {NULL, NULL, ""},
        {"/shop", NULL, "/shop"},
        {" /shop/v1/ ", NULL, "/shop/v1"},
        {"/a-b_c.d~e!$&'()*+,;=:@9", NULL, "/a-b_c.d~e!$&'()*+,;=:@9"},
        {"/first", "/last", "/last"},
        {"/", NULL, ""},
        {"///", NULL, ""},
        {"", NULL, ""},
        {"shop", NULL, ""},
        {"//evil.example", NULL, ""},
        {"/a//b", NULL, ""},
        {"/a%2fb", NULL, ""},
        {"/a?b", NULL, ""},
        {"/a b", NULL, ""},
        {"/a\\b", NULL, ""},
        {"/\xc3\xa9", NULL, ""},
        {"/shop", "nonsense", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_text(
            fa_forwarded_prefix(request("x-forwarded-prefix", cases[i].first, cases[i].second)),
            cases[i].prefix, (int)i);
    }
}

int main(void)
{
    RUN(the_right_most_untrusted_one_is_the_client);
    RUN(schemes);
    RUN(prefixes);
    return CHECK_END();
}
