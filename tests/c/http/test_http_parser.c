/* The request parser: accepted, refused, limits, every cut, both scanners. */
#include "http/http_parser.h"

#include "check.h"
#include "guard_page.h"

static const struct fa_http_limits usual = {8192, 32768, 100};

struct accept_case {
    const char *name;
    const char *text;
    const char *path;
    const char *query;
    int header_count;
    const char
        *facts; /* k keep-alive, c chunked, l length, e expect, u upgrade, 0 HTTP/1.0, q has '?' */
};

static const struct accept_case accepted[] = {
    {"plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", "", 1, "k"},
    {"query", "GET /p?x=1&y=%20 HTTP/1.1\r\nHost: a\r\n\r\n", "/p", "x=1&y=%20", 1, "kq"},
    {"empty query", "GET /p? HTTP/1.1\r\nHost: a\r\n\r\n", "/p", "", 1, "kq"},
    {"second question mark", "GET /p?a?b HTTP/1.1\r\nHost: a\r\n\r\n", "/p", "a?b", 1, "kq"},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "/", "", 0, "0"},
    {"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", "", 1, "0k"},
    {"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "/", "", 2, ""},
    {"close wins", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, CLOSE\r\n\r\n", "/", "", 2,
        ""},
    {"leading CRLF (2.2)", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", "", 1, "k"},
    {"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n", "/", "", 2, "kl"},
    {"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "/", "", 2,
        "kc"},
    {"expect", "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", "/", "", 2, "ke"},
    {"expect in 1.0 is ignored", "PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "/", "", 1, "0"},
    {"upgrade",
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: x, Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "/ws", "", 3, "ku"},
    {"upgrade to something else (7.8)",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "/", "", 3,
        "k"},
    {"upgrade needs Connection (7.8)", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        "/", "", 2, "k"},
    {"upgrade not in 1.0", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "/", "", 2, "0"},
    {"absolute-form (3.2.2)", "GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "/x", "y", 1,
        "kq"},
    {"absolute-form without path", "GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n", "/", "", 1, "k"},
    {"absolute-form, query only", "GET https://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "/", "q", 1, "kq"},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "", 1, "k"},
    {"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "/", "", 1, "k"},
    {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", "", 1, "k"},
    {"IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", "/", "", 1, "k"},
    {"future IP host", "GET / HTTP/1.1\r\nHost: [v1f.a:(b)]:8000\r\n\r\n", "/", "", 1, "k"},
    {"port with many digits", "GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", "/", "", 1, "k"},
    {"port that is empty", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "/", "", 1, "k"},
    {"host with port", "GET / HTTP/1.1\r\nHost: ex-a.mple_1:65535\r\n\r\n", "/", "", 1, "k"},
    {"obs-text in a value", "GET /%c3%a9 HTTP/1.1\r\nHost: a\r\nX: \xe9\tz\r\n\r\n", "/%c3%a9", "",
        2, "k"},
    {"empty value, odd spaces", "GET / HTTP/1.1\r\nHost: \t a \t\r\nX:\r\nY: \t \r\n\r\n", "/", "",
        3, "k"},
    {"all token marks in a name", "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: v\r\n\r\n",
        "/", "", 2, "k"},
    {"nine headers of a browser",
        "GET /items/42?q=abc HTTP/1.1\r\nHost: localhost:8000\r\nConnection: "
        "keep-alive\r\nsec-ch-ua: \"Chromium\";v=\"120\"\r\n"
        "Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
        "AppleWebKit/537.36\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9\r\nAccept-Encoding: gzip, "
        "deflate, br\r\n"
        "Accept-Language: en-US,en;q=0.9\r\nCookie: a=b; c=d\r\n\r\n",
        "/items/42", "q=abc", 9, "kq"},
};

struct refuse_case {
    const char *name;
    const char *text;
    fa_status status;
};

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define BAD  FA_ERR_BAD_REQUEST

static const struct refuse_case refused[] = {
    {"bare LF everywhere (CVE-2019-16785)", "GET / HTTP/1.1\nHost: a\n\n", BAD},
    {"bare LF after a header (CVE-2022-32214)", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", BAD},
    {"bare CR in a value (CVE-2023-37276)", HEAD "X: a\rb\r\n\r\n", BAD},
    {"CR only lines (CVE-2023-30589)", "GET / HTTP/1.1\rHost: a\r\r", BAD},
    {"NUL in a value", HEAD "X: a\x01z\r\n\r\n", BAD},
    {"DEL in a value", HEAD "X: a\x7f\r\n\r\n", BAD},
    {"space before colon (5.1, CVE-2021-22959)", POST "Content-Length : 5\r\n\r\n", BAD},
    {"tab before colon", HEAD "X\t: y\r\n\r\n", BAD},
    {"folded header (5.2)", HEAD "X: a\r\n b\r\n\r\n", BAD},
    {"space before the first header (2.2)", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", BAD},
    {"no colon", HEAD "X\r\n\r\n", BAD},
    {"empty name", HEAD ": y\r\n\r\n", BAD},
    {"name with a control character", HEAD "X\x01: y\r\n\r\n", BAD},
    {"name with obs-text", HEAD "X\xe9: y\r\n\r\n", BAD},
    {"two spaces in the request line (3)", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"space at the end of the request line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", BAD},
    {"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"leading LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"two leading empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"method with a bracket", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01", BAD},
    {"no version (HTTP/0.9)", "GET /\r\nHost: a\r\n\r\n", BAD},
    {"lower-case protocol", "GET / http/1.1\r\nHost: a\r\n\r\n", BAD},
    {"version letters", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", BAD},
    {"three digits of version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", BAD},
    {"HTTP/2.0 (2.3)", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", FA_ERR_HTTP_VERSION},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", FA_ERR_HTTP_VERSION},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", FA_ERR_HTTP_VERSION},
    {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FA_ERR_HTTP_VERSION},
    {"no Host (3.2)", "GET / HTTP/1.1\r\nX: y\r\n\r\n", BAD},
    {"two Hosts", HEAD "Host: a\r\n\r\n", BAD},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", BAD},
    {"Host with a query (CVE-2026-48710)", "GET / HTTP/1.1\r\nHost: a/?x=\r\n\r\n", BAD},
    {"Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", BAD},
    {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", BAD},
    {"Host list", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", BAD},
    {"Host with obs-text", "GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n", BAD},
    {"port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", BAD},
    {"port only", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", BAD},
    {"port of a sign", "GET / HTTP/1.1\r\nHost: [::1]:+1\r\n\r\n", BAD},
    {"open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", BAD},
    {"empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", BAD},
    {"future address without a version", "GET / HTTP/1.1\r\nHost: [v.a]\r\n\r\n", BAD},
    {"future address without a dot", "GET / HTTP/1.1\r\nHost: [v1]\r\n\r\n", BAD},
    {"future address that is empty", "GET / HTTP/1.1\r\nHost: [v1.]\r\n\r\n", BAD},
    {"future address with a bracket", "GET / HTTP/1.1\r\nHost: [v1.[]\r\n\r\n", BAD},
    {"letters in an address", "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", BAD},
    {"text after brackets", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", BAD},
    {"fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"path with obs-text (RFC 3986, 2)", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"query with obs-text", "GET /a?\xff HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"control character in the target", "GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"* for GET (3.2.4)", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"authority-form for GET (3.2.3)", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"absolute-form without host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"absolute-form with userinfo", "GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", FA_ERR_NOT_IMPLEMENTED},
    {"plus in a length (CVE-2022-24761)", POST "Content-Length: +10\r\n\r\n", BAD},
    {"minus in a length (CVE-2023-34188)", POST "Content-Length: -48\r\n\r\n", BAD},
    {"underscore in a length (CVE-2023-47627)", POST "Content-Length: 1_0\r\n\r\n", BAD},
    {"empty length", POST "Content-Length:\r\n\r\n", BAD},
    {"hexadecimal length", POST "Content-Length: 0x10\r\n\r\n", BAD},
    {"space in a length", POST "Content-Length: 1 0\r\n\r\n", BAD},
    {"length list", POST "Content-Length: 5, 5\r\n\r\n", BAD},
    {"equal lengths twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", BAD},
    {"different lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", BAD},
    {"length over 63 bits", POST "Content-Length: 9223372036854775808\r\n\r\n", BAD},
    {"length of 20 digits", POST "Content-Length: 10000000000000000000\r\n\r\n", BAD},
    {"length and coding (6.1)", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        BAD},
    {"coding and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", BAD},
    {"coding with a vertical tab (CVE-2019-16789)",
        POST "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n",
        BAD},
    {"chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", BAD},
    {"chunked in two lines",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BAD},
    {"chunked then identity (CVE-2024-1135)",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", BAD},
    {"chunked not last (6.3)", POST "Transfer-Encoding: chunked, gzip\r\n\r\n", BAD},
    {"empty coding", POST "Transfer-Encoding:\r\n\r\n", BAD},
    {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BAD},
    {"unknown coding (6.1)", POST "Transfer-Encoding: gzip\r\n\r\n", FA_ERR_NOT_IMPLEMENTED},
    {"coding like chunked", POST "Transfer-Encoding: xchunked\r\n\r\n", FA_ERR_NOT_IMPLEMENTED},
    {"quoted coding", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", FA_ERR_NOT_IMPLEMENTED},
    {"identity", POST "Transfer-Encoding: identity\r\n\r\n", FA_ERR_NOT_IMPLEMENTED},
    {"unknown expectation (10.1.1)", POST "Expect: 200-ok\r\n\r\n", FA_ERR_EXPECTATION},
    {"expectation twice", POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n",
        FA_ERR_EXPECTATION},
};

static fa_status parse(const struct fa_http_scan *scan, const char *text, size_t len, size_t seen,
    struct fa_http_request *out, size_t *consumed)
{
    struct fa_http_parser parser = {scan, usual};
    return fa_http_parser_head(&parser, text, len, seen, out, consumed);
}

static bool has(const char *facts, char fact)
{
    return strchr(facts, fact) != NULL;
}

static void check_accept(
    const struct accept_case *c, const struct fa_http_request *r, const char *base)
{
    check_eq_span(r->path, (fa_span){c->path, strlen(c->path)}, c->name, __FILE__, __LINE__);
    check_eq_span(r->query, (fa_span){c->query, strlen(c->query)}, c->name, __FILE__, __LINE__);
    CHECK_EQ_INT(r->header_count, c->header_count);
    CHECK_EQ_INT(r->keep_alive, has(c->facts, 'k'));
    CHECK_EQ_INT(r->chunked, has(c->facts, 'c'));
    CHECK_EQ_INT(r->has_content_length, has(c->facts, 'l'));
    CHECK_EQ_INT(r->expect_continue, has(c->facts, 'e'));
    CHECK_EQ_INT(r->upgrade, has(c->facts, 'u'));
    CHECK_EQ_INT(r->minor, !has(c->facts, '0'));
    CHECK_EQ_INT(r->has_query, has(c->facts, 'q'));
    CHECK(r->method_text.ptr >= base && r->target.ptr > r->method_text.ptr);
}

/* The whole, then cut at every byte, then byte by byte: always the same result. */
static void check_cuts(const struct fa_http_scan *scan, const char *text, fa_status expected,
    const struct accept_case *accept, const char *name)
{
    struct fa_http_request r;
    size_t len = strlen(text), consumed = 0;
    for (size_t cut = 1; cut <= len; cut++) {
        struct fa_guard part = fa_guard_copy(text, cut);
        fa_status first = parse(scan, part.data, cut, 0, &r, &consumed);
        fa_guard_free(&part);
        if (first != FA_AGAIN && first != expected) {
            CHECK_EQ_STR(name, "cut gave another status");
            return;
        }
        if (first == FA_OK) CHECK_EQ_INT(cut, len);
        if (first != FA_AGAIN || cut == len) continue;
        struct fa_guard whole = fa_guard_copy(text, len);
        fa_status second = parse(scan, whole.data, len, cut, &r, &consumed);
        if (second != expected) CHECK_EQ_STR(name, "second part gave another status");
        if (second == FA_OK && accept != NULL) check_accept(accept, &r, whole.data);
        fa_guard_free(&whole);
    }
    fa_status status = FA_AGAIN;
    struct fa_guard whole = fa_guard_copy(text, len);
    size_t at = 0;
    while (status == FA_AGAIN && at < len) {
        status = parse(scan, whole.data, at + 1, at, &r, &consumed);
        at++;
    }
    if (status != expected) CHECK_EQ_STR(name, "byte by byte gave another status");
    if (status == FA_OK) CHECK_EQ_INT(consumed, len);
    fa_guard_free(&whole);
}

static void both_scanners(void (*run)(const struct fa_http_scan *scan))
{
    run(fa_http_scan_select(false));
    run(fa_http_scan_select(true));
}

static void run_accepted(const struct fa_http_scan *scan)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const struct accept_case *c = &accepted[i];
        struct fa_guard g = fa_guard_copy(c->text, strlen(c->text));
        struct fa_http_request r;
        size_t consumed = 0;
        fa_status status = parse(scan, g.data, g.len, 0, &r, &consumed);
        if (status != FA_OK) {
            CHECK_EQ_STR(c->name, "is accepted");
        } else {
            CHECK_EQ_INT(consumed, g.len);
            check_accept(c, &r, g.data);
        }
        fa_guard_free(&g);
        check_cuts(scan, c->text, FA_OK, c, c->name);
    }
}

TEST(accepted)
{
    both_scanners(run_accepted);
}

static void run_refused(const struct fa_http_scan *scan)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct refuse_case *c = &refused[i];
        struct fa_guard g = fa_guard_copy(c->text, strlen(c->text));
        struct fa_http_request r;
        size_t consumed = 0;
        fa_status status = parse(scan, g.data, g.len, 0, &r, &consumed);
        check_eq_int(status, c->status, c->name, __FILE__, __LINE__);
        fa_guard_free(&g);
        check_cuts(scan, c->text, c->status, NULL, c->name);
    }
}

TEST(refused)
{
    both_scanners(run_refused);
}

/* Each gadget byte around the coding's name, colon and value, with a hidden second
 * request: never accepted as chunked unless it is plainly chunked. */
static void run_gadgets(const struct fa_http_scan *scan)
{
    static const char bytes[] = {
        1, 4, 8, 9, 10, 11, 12, 13, 0x1f, 0x20, 0x7f, (char)0xa0, (char)0xff};
    static const char *const forms[] = {"%cTransfer-Encoding: chunked",
        "Transfer-Encoding%c: chunked", "Transfer-Encoding:%c chunked",
        "Transfer-Encoding: %cchunked", "Transfer-Encoding: chunked%c",
        "Transfer%cEncoding: chunked"};
    for (size_t f = 0; f < 6; f++) {
        for (size_t b = 0; b < sizeof bytes; b++) {
            char line[64], text[256];
            snprintf(line, sizeof line, forms[f], bytes[b]);
            int n = snprintf(text, sizeof text, POST "%s\r\n\r\n", line);
            struct fa_http_request r;
            size_t consumed = 0;
            fa_status status = parse(scan, text, (size_t)n, 0, &r, &consumed);
            /* A space or tab around the value is plain; the rest never is. */
            bool plain = f >= 2 && f <= 4 && (bytes[b] == ' ' || bytes[b] == '\t');
            CHECK_EQ_INT(status == FA_OK, plain);
            if (status == FA_OK) CHECK(r.chunked);
        }
    }
}

TEST(transfer_encoding_gadgets)
{
    both_scanners(run_gadgets);
}

/* --- limits, each at n - 1, n and n + 1 ------------------------------------------------ */

static fa_status with_limits(const char *text, size_t len, struct fa_http_limits limits)
{
    struct fa_http_parser parser = {fa_http_scan_select(true), limits};
    struct fa_http_request r;
    size_t consumed;
    return fa_http_parser_head(&parser, text, len, 0, &r, &consumed);
}

TEST(request_line_limit)
{
    static const char text[] = "GET /aaaa HTTP/1.1\r\nHost: a\r\n\r\n"; /* 18 bytes of line */
    struct fa_http_limits limits = usual;
    for (uint32_t limit = 17; limit <= 19; limit++) {
        limits.request_line = limit;
        fa_status expected = limit < 18 ? FA_ERR_URI_TOO_LONG : FA_OK;
        CHECK_EQ_INT(with_limits(text, sizeof text - 1, limits), expected);
    }
    /* A line that never ends is refused as soon as it is too long. */
    char *endless = malloc(9000);
    memset(endless, 'a', 9000);
    memcpy(endless, "GET /", 5);
    CHECK_EQ_INT(with_limits(endless, 8000, usual), FA_AGAIN);
    CHECK_EQ_INT(with_limits(endless, 9000, usual), FA_ERR_URI_TOO_LONG);
    /* Also when it comes in small pieces: at the same byte. */
    for (size_t step = 1; step <= 7; step++) {
        struct fa_http_parser parser = {fa_http_scan_select(true), {100, 32768, 100}};
        struct fa_http_request r;
        size_t seen = 0, len = step, consumed;
        fa_status status;
        while ((status = fa_http_parser_head(&parser, endless, len, seen, &r, &consumed)) ==
                   FA_AGAIN &&
               len < 9000) {
            seen = len;
            len += step;
        }
        CHECK_EQ_INT(status, FA_ERR_URI_TOO_LONG);
        CHECK(len > 104 && len <= 104 + step);
    }
    free(endless);
}

TEST(header_block_limit)
{
    static const char text[] = HEAD "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n";
    struct fa_http_limits limits = usual;
    for (int more = -1; more <= 1; more++) {
        limits.header_block = (uint32_t)((int)sizeof text - 1 + more);
        CHECK_EQ_INT(with_limits(text, sizeof text - 1, limits),
            more < 0 ? FA_ERR_HEADERS_TOO_LARGE : FA_OK);
    }
    limits.header_block = 40;
    CHECK_EQ_INT(with_limits(text, 41, limits), FA_ERR_HEADERS_TOO_LARGE);
    CHECK_EQ_INT(with_limits(text, 40, limits), FA_AGAIN);
}

TEST(header_count_limit)
{
    for (uint32_t headers = 99; headers <= 101; headers++) {
        char text[4096];
        size_t n = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (uint32_t i = 1; i < headers; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "X%u: y\r\n", i);
        n += (size_t)snprintf(text + n, sizeof text - n, "\r\n");
        CHECK_EQ_INT(with_limits(text, n, usual), headers > 100 ? FA_ERR_HEADERS_TOO_LARGE : FA_OK);
    }
}

TEST(a_megabyte_in_single_bytes_is_not_quadratic)
{
    /* 32 KiB of header, one byte at a time: parsed only where a line ends. */
    struct fa_http_parser parser = {fa_http_scan_select(true), usual};
    size_t len = 32000;
    char *text = malloc(len);
    struct fa_http_request r;
    size_t consumed, again = 0;
    memset(text, 'x', len);
    memcpy(text, HEAD "X: ", sizeof HEAD "X: " - 1);
    for (size_t i = 1; i <= len; i++)
        again += fa_http_parser_head(&parser, text, i, i - 1, &r, &consumed) == FA_AGAIN;
    CHECK_EQ_INT(again, len);
    free(text);
}

TEST(bytes_after_the_head_are_left_alone)
{
    static const char text[] = HEAD "\r\nGET /next HTTP/1.1\r\n";
    struct fa_http_request r;
    size_t consumed = 0;
    CHECK_EQ_INT(parse(fa_http_scan_select(true), text, sizeof text - 1, 0, &r, &consumed), FA_OK);
    CHECK_EQ_INT(consumed, sizeof HEAD "\r\n" - 1);
    CHECK_EQ_INT(parse(fa_http_scan_select(true), text, 0, 0, &r, &consumed), FA_AGAIN);
}

TEST(the_first_header_of_a_name_is_found)
{
    static const char text[] = HEAD "X-a: 1\r\nx-A: 2\r\nEmpty:\r\n\r\n";
    struct fa_http_request r;
    size_t consumed = 0;
    CHECK_EQ_INT(parse(fa_http_scan_select(true), text, sizeof text - 1, 0, &r, &consumed), FA_OK);
    CHECK_EQ_SPAN(fa_http_parser_find(&r, FA_SPAN("x-a"))->value, "1");
    CHECK_EQ_SPAN(fa_http_parser_find(&r, FA_SPAN("empty"))->value, "");
    CHECK(fa_http_parser_find(&r, FA_SPAN("x-")) == NULL);
}

TEST(tokens_and_methods)
{
    CHECK(fa_http_parser_is_token(FA_SPAN("a-Z0")));
    CHECK(!fa_http_parser_is_token(FA_SPAN("")));
    CHECK(!fa_http_parser_is_token(FA_SPAN("a b")));
#define ROW(name) CHECK_EQ_INT(fa_http_method_parse(FA_SPAN(#name)), FA_HTTP_##name);
    FA_HTTP_METHOD_MAP(ROW)
#undef ROW
    CHECK_EQ_INT(fa_http_method_parse(FA_SPAN("get")), FA_HTTP_OTHER);
}

int main(void)
{
    RUN(accepted);
    RUN(refused);
    RUN(transfer_encoding_gadgets);
    RUN(request_line_limit);
    RUN(header_block_limit);
    RUN(header_count_limit);
    RUN(a_megabyte_in_single_bytes_is_not_quadratic);
    RUN(bytes_after_the_head_are_left_alone);
    RUN(the_first_header_of_a_name_is_found);
    RUN(tokens_and_methods);
    return CHECK_END();
}
