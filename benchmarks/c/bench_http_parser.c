/*
 * The parser: a request of 44 bytes and one as a browser sends it, with each
 * scanner; the short one with the router behind it, in an application of 400
 * routes.
 *
 * The same inputs go through picohttpparser and llhttp if benchmarks/c/fetch_peers.py
 * has put them into build/peers; see `make bench-peers`.
 */
#include <string.h>

#define BENCH_ROUNDS 400
#include "bench.h"
#include "http/http_parser.h"
#include "http/http_scan.h"
#include "parser_peers.h"
#include "route/router.h"

#define SHORT "GET /items/42 HTTP/1.1\r\nHost: example.io\r\n\r\n"
#define BROWSER                                                                              \
    "GET /api/v1/resource42/7?q=search&page=2 HTTP/1.1\r\n"                                  \
    "Host: www.example.org\r\n"                                                              \
    "Connection: keep-alive\r\n"                                                             \
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"            \
    "Accept-Encoding: gzip, deflate, br\r\n"                                                 \
    "Accept-Language: en-US,en;q=0.5\r\n"                                                    \
    "Cache-Control: max-age=0\r\n"                                                           \
    "Cookie: session=0123456789abcdef; theme=dark\r\n"                                       \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" \
    "X-Request-Id: 4f3c2b1a-0000-4000-8000-0123456789ab\r\n\r\n"

enum { OPS = 20000, OPS_LONG = 5000 };

struct input {
    struct fa_http_parser parser;
    const char *bytes;
    size_t len;
    const struct fa_router *router; /* NULL: parse only */
};

static void parse(void *arg, uint64_t ops)
{
    const struct input *in = arg;
    static struct fa_http_request r; /* large: as in a task, not on the stack */
    for (uint64_t i = 0; i < ops; i++) {
        size_t used;
        bench_keep(in->bytes);
        if (fa_http_parser_head(&in->parser, in->bytes, in->len, 0, &r, &used) != FA_OK)
            bench_must(FA_ERR_BAD_REQUEST);
        bench_keep(&r);
        if (in->router != NULL) {
            struct fa_route_match m;
            if (fa_router_match(in->router, 1u << (uint32_t)r.method, r.path, &m) != FA_ROUTE_HIT)
                bench_must(FA_ERR_INVALID);
            bench_keep(&m);
        }
    }
}

/* /items/{id} between the routes of a large application. */
static struct fa_router *large_router(void)
{
    struct fa_router *r = NULL;
    bench_must(fa_router_new(&r));
    for (int i = 0; i < 400; i++) {
        char text[64];
        int n = i == 200 ? snprintf(text, sizeof text, "/items/{id}")
                         : snprintf(text, sizeof text, "/api/v1/resource%d/{id}", i);
        bench_must(fa_router_add(r, (fa_span){text, (size_t)n}, 1u << FA_HTTP_GET, (uint32_t)i));
    }
    bench_must(fa_router_freeze(r));
    return r;
}

static struct input input_of(bool simd, const char *bytes, const struct fa_router *router)
{
    return (struct input){
        .parser = {.scan = fa_http_scan_select(simd),
            .limits = {.request_line = 8192, .header_block = 32768, .header_count = 100}},
        .bytes = bytes,
        .len = strlen(bytes),
        .router = router};
}

int main(void)
{
    struct fa_router *router = large_router();
    struct input short_simd = input_of(true, SHORT, NULL),
                 short_plain = input_of(false, SHORT, NULL);
    struct input long_simd = input_of(true, BROWSER, NULL);
    struct input long_plain = input_of(false, BROWSER, NULL);
    struct input routed = input_of(true, SHORT, router),
                 routed_long = input_of(true, BROWSER, router);
    struct peer_input text = {SHORT, short_simd.len}, text_long = {BROWSER, long_simd.len};
    (void)text; /* without peers nobody reads them */
    (void)text_long;
    printf("short: %zu bytes, browser: %zu bytes, scanner: %s\n", short_simd.len, long_simd.len,
        short_simd.parser.scan->name);
    struct bench_case cases[] = {
        {.name = "short, SIMD", .run = parse, .arg = &short_simd, .ops = OPS},
        {.name = "short, plain", .run = parse, .arg = &short_plain, .ops = OPS},
        {.name = "short + route (400 routes)", .run = parse, .arg = &routed, .ops = OPS},
        {.name = "browser, SIMD", .run = parse, .arg = &long_simd, .ops = OPS_LONG},
        {.name = "browser, plain", .run = parse, .arg = &long_plain, .ops = OPS_LONG},
        {.name = "browser + route (400 routes)",
            .run = parse,
            .arg = &routed_long,
            .ops = OPS_LONG},
#ifdef WITH_PICOHTTPPARSER
        {.name = "picohttpparser, short", .run = run_picohttpparser, .arg = &text, .ops = OPS},
        {.name = "picohttpparser, browser",
            .run = run_picohttpparser,
            .arg = &text_long,
            .ops = OPS_LONG},
#endif
#ifdef WITH_LLHTTP
        {.name = "llhttp, short", .run = run_llhttp, .arg = &text, .ops = OPS},
        {.name = "llhttp, browser", .run = run_llhttp, .arg = &text_long, .ops = OPS_LONG},
#endif
    };
    bench_all(cases, sizeof cases / sizeof cases[0]);
    fa_router_free(router);
    return 0;
}
