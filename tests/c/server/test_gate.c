/* What passes a gate: hosts, preflights, odd origins. */
#include "server/gate.h"

#include "check.h"

static const struct fa_gate_host NAMES[] = {
    {{"example.com", 11}, false}, {{".example.org", 12}, true}, {{"localhost", 9}, false}};
static const struct fa_gate_host OTHERS[] = {{{".org", 4}, true}};
static const struct fa_gate_hosts ONE_LIST[] = {{NAMES, 3}};
static const struct fa_gate_hosts TWO_LISTS[] = {{NAMES, 3}, {OTHERS, 1}};

/* `lines`: "name: value\r\n" each. Not by the parser, which refuses some of them earlier. */
static bool passes(const struct fa_gate *gate, const char *method, const char *lines)
{
    static struct fa_http_request req;
    req.method = fa_http_method_parse((fa_span){method, strlen(method)});
    req.header_count = 0;
    for (const char *end; *lines != '\0'; lines = end + 2) {
        const char *colon = strchr(lines, ':');
        end = strstr(lines, "\r\n");
        req.headers[req.header_count++] = (struct fa_http_header){
            {lines, (size_t)(colon - lines)}, {colon + 2, (size_t)(end - colon - 2)}};
    }
    return fa_gate_passes(gate, &req, false);
}

TEST(an_open_gate_lets_everything_through)
{
    struct fa_gate gate = {0};
    CHECK(passes(&gate, "GET", ""));
    CHECK(passes(&gate, "OPTIONS", "Origin: x\xff\r\nAccess-Control-Request-Method: GET\r\n"));
}

TEST(some_want_https)
{
    struct fa_gate gate = {.https_only = true};
    CHECK(!passes(&gate, "GET", ""));
    struct fa_http_request req = {.method = FA_HTTP_GET};
    CHECK(fa_gate_passes(&gate, &req, true));
}

TEST(hosts)
{
    struct fa_gate gate = {.hosts = ONE_LIST, .host_list_count = 1};
    CHECK(passes(&gate, "GET", "Host: example.com\r\n"));
    CHECK(passes(&gate, "GET", "HOST: EXAMPLE.com:8000\r\n"));
    CHECK(passes(&gate, "GET", "Host: localhost:80\r\n"));
    CHECK(passes(&gate, "GET", "Host: a.b.example.org\r\n"));
    CHECK(passes(&gate, "GET", "Host: .example.org\r\n"));
    static const char *const refused[] = {"", "Host: \r\n", "Host: example.org\r\n",
        "Host: notexample.com\r\n", "Host: example.com.\r\n", "Host: www.example.com\r\n",
        "Host: example.com:\r\n", "Host: example.com:8a\r\n", "Host: example.com:80:90\r\n",
        "Host: [::1]\r\n", "Host: com\r\n", "Host: :80\r\n", "Host: xexample.org\r\n"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        CHECK(!passes(&gate, "GET", refused[i]));
}

TEST(every_list_must_know_the_host)
{
    struct fa_gate gate = {.hosts = TWO_LISTS, .host_list_count = 2};
    CHECK(passes(&gate, "GET", "Host: a.example.org\r\n"));
    CHECK(!passes(&gate, "GET", "Host: example.com\r\n"));
    CHECK(!passes(&gate, "GET", "Host: other.org\r\n"));
}

TEST(a_long_host_is_not_certain)
{
    char text[400] = "Host: ";
    struct fa_gate_host any = {{"a", 1}, true};
    struct fa_gate_hosts list = {&any, 1};
    struct fa_gate gate = {.hosts = &list, .host_list_count = 1};
    memset(text + 6, 'a', 254);
    memcpy(text + 260, "\r\n", 3);
    CHECK(passes(&gate, "GET", text));
    memset(text + 6, 'a', 300);
    memcpy(text + 306, "\r\n", 3);
    CHECK(!passes(&gate, "GET", text));
}

TEST(cors)
{
    struct fa_gate gate = {.has_cors = true};
    CHECK(passes(&gate, "GET", ""));
    CHECK(passes(&gate, "GET", "Origin: https://example.com\r\n"));
    CHECK(passes(&gate, "POST", "Origin: \r\n"));
    CHECK(passes(&gate, "OPTIONS", "Access-Control-Request-Method: GET\r\n"));
    CHECK(!passes(&gate, "OPTIONS", "ORIGIN: a\r\nAccess-Control-Request-Method: GET\r\n"));
    CHECK(!passes(&gate, "GET", "Origin: caf\xe9\r\n"));
    CHECK(!passes(&gate, "GET", "Origin: a\tb\r\n"));
    CHECK(passes(&gate, "GET", "Origin: a\r\nOrigin: caf\xe9\r\n")); /* the first one counts */
}

TEST(the_first_origin)
{
    struct fa_http_request req = {.header_count = 3,
        .headers = {{FA_SPAN("Origins"), FA_SPAN("0")}, {FA_SPAN("oRiGin"), FA_SPAN("1")},
            {FA_SPAN("origin"), FA_SPAN("2")}}};
    CHECK_EQ_SPAN(fa_gate_origin(&req)->value, "1");
    req.header_count = 1;
    CHECK(fa_gate_origin(&req) == NULL);
}

int main(void)
{
    RUN(an_open_gate_lets_everything_through);
    RUN(some_want_https);
    RUN(hosts);
    RUN(every_list_must_know_the_host);
    RUN(a_long_host_is_not_certain);
    RUN(cors);
    RUN(the_first_origin);
    return CHECK_END();
}
