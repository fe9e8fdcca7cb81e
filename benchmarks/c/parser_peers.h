/*
 * parser_peers.h - other people's HTTP parsers on the same bytes, where
 * benchmarks/c/fetch_peers.py has put them into build/peers.
 *
 * Each is used as a server would use it: afterwards it is known where method,
 * target and headers lie. llhttp goes on from request to request, as it would on a
 * keep-alive connection. What they find is compared with what ours finds.
 */
#ifndef FA_BENCHMARKS_PARSER_PEERS_H
#define FA_BENCHMARKS_PARSER_PEERS_H

#include "bench.h"
#include "http/http_parser.h"

struct peer_input {
    const char *bytes;
    size_t len;
};

struct peer_head {
    fa_span method;
    fa_span target;
    uint32_t header_count;
    struct fa_http_header headers[FA_HTTP_MAX_HEADERS];
};

static struct peer_head peer_head; /* large: as in a task, not on the stack */

/* The last result of a peer, against our own. */
static inline void peer_compare(const struct peer_input *in)
{
    static struct fa_http_request ours;
    struct fa_http_parser parser = {fa_http_scan_select(true), {8192, 32768, 100}};
    size_t used;
    bench_must(fa_http_parser_head(&parser, in->bytes, in->len, 0, &ours, &used));
    bool same = fa_span_eq(ours.method_text, peer_head.method) &&
                fa_span_eq(ours.target, peer_head.target) &&
                ours.header_count == peer_head.header_count;
    for (uint32_t i = 0; same && i < ours.header_count; i++) {
        same = fa_span_eq(ours.headers[i].name, peer_head.headers[i].name) &&
               fa_span_eq(ours.headers[i].value, peer_head.headers[i].value);
    }
    if (!same) bench_must(FA_ERR_INVALID);
}

#if __has_include("peers/picohttpparser/picohttpparser.h")
#define WITH_PICOHTTPPARSER 1
#include "peers/picohttpparser/picohttpparser.h"

static void run_picohttpparser(void *arg, uint64_t ops)
{
    const struct peer_input *in = arg;
    static struct phr_header headers[FA_HTTP_MAX_HEADERS];
    const char *method = NULL, *path = NULL;
    size_t method_len = 0, path_len = 0, count = 0;
    for (uint64_t i = 0; i < ops; i++) {
        int minor;
        count = FA_HTTP_MAX_HEADERS;
        bench_keep(in->bytes);
        int used = phr_parse_request(
            in->bytes, in->len, &method, &method_len, &path, &path_len, &minor, headers, &count, 0);
        if (used != (int)in->len) bench_must(FA_ERR_BAD_REQUEST);
        bench_keep(headers);
    }
    peer_head.method = (fa_span){method, method_len};
    peer_head.target = (fa_span){path, path_len};
    peer_head.header_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        peer_head.headers[i].name = (fa_span){headers[i].name, headers[i].name_len};
        peer_head.headers[i].value = (fa_span){headers[i].value, headers[i].value_len};
    }
    peer_compare(in);
}
#endif

#if __has_include("peers/llhttp/llhttp.h")
#define WITH_LLHTTP 1
#include "peers/llhttp/llhttp.h"

static int on_begin(llhttp_t *p)
{
    ((struct peer_head *)p->data)->header_count = 0;
    return 0;
}

static int on_method(llhttp_t *p, const char *at, size_t len)
{
    ((struct peer_head *)p->data)->method = (fa_span){at, len};
    return 0;
}

static int on_target(llhttp_t *p, const char *at, size_t len)
{
    ((struct peer_head *)p->data)->target = (fa_span){at, len};
    return 0;
}

static int on_name(llhttp_t *p, const char *at, size_t len)
{
    struct peer_head *head = p->data;
    head->headers[head->header_count].name = (fa_span){at, len};
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
    struct peer_head *head = p->data;
    head->headers[head->header_count++].value = (fa_span){at, len};
    return 0;
}

static void run_llhttp(void *arg, uint64_t ops)
{
    const struct peer_input *in = arg;
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_method = on_method;
    settings.on_url = on_target;
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &peer_head;
    for (uint64_t i = 0; i < ops; i++) {
        bench_keep(in->bytes);
        if (llhttp_execute(&parser, in->bytes, in->len) != HPE_OK) bench_must(FA_ERR_BAD_REQUEST);
        bench_keep(&peer_head);
    }
    peer_compare(in);
}
#endif

#endif
