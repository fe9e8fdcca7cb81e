/*
 * Request heads: both scanners agree; a head that arrives in two pieces gives what
 * it gives in one; every span lies inside the input; limits hold.
 *
 * Input: two bytes say where the head is cut, the rest is the head.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_parser.h"

static const struct fa_http_limits LIMITS = {
    .request_line = 200, .header_block = 1000, .header_count = 8};

static void require(int condition)
{
    if (!condition) __builtin_trap();
}

static void require_inside(fa_span s, const char *buf, size_t len)
{
    if (s.len == 0) return; /* may be a literal or point nowhere */
    bool literal = s.len == 1 && *s.ptr == '/';
    require(literal || (s.ptr >= buf && s.ptr + s.len <= buf + len));
}

static void check_accepted(
    const struct fa_http_request *r, const char *buf, size_t len, size_t used)
{
    require(used > 0 && used <= len && used <= LIMITS.header_block);
    require(memcmp(buf + used - 2, "\r\n", 2) == 0);
    require(r->header_count <= LIMITS.header_count);
    require(r->minor <= 1 && r->path.len > 0);
    require(r->target.len <= LIMITS.request_line);
    require(!(r->chunked && r->has_content_length));
    require(!(r->minor == 0 && (r->chunked || r->expect_continue || r->upgrade)));
    require_inside(r->method_text, buf, used);
    require_inside(r->target, buf, used);
    require_inside(r->path, buf, used);
    require_inside(r->query, buf, used);
    require_inside(r->host, buf, used);
    require(fa_http_parser_is_token(r->method_text));
    for (uint32_t i = 0; i < r->header_count; i++) {
        require_inside(r->headers[i].name, buf, used);
        require_inside(r->headers[i].value, buf, used);
        require(fa_http_parser_is_token(r->headers[i].name));
        require(memchr(r->headers[i].value.ptr, '\r', r->headers[i].value.len) == NULL);
        require(memchr(r->headers[i].value.ptr, '\n', r->headers[i].value.len) == NULL);
    }
}

static void require_same(const struct fa_http_request *a, const struct fa_http_request *b)
{
    require(a->method == b->method && a->minor == b->minor && a->keep_alive == b->keep_alive);
    require(a->chunked == b->chunked && a->content_length == b->content_length);
    require(a->expect_continue == b->expect_continue && a->upgrade == b->upgrade);
    require(a->target.ptr == b->target.ptr && a->target.len == b->target.len);
    require(a->host.ptr == b->host.ptr && a->host.len == b->host.len);
    require(a->header_count == b->header_count);
    require(memcmp(a->headers, b->headers, a->header_count * sizeof a->headers[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    size_t len = size - 2, cut = (size_t)(data[0] | data[1] << 8) % (len + 1);
    char *buf = malloc(len), *front = malloc(cut > 0 ? cut : 1); /* exact: ASan sees an overread */
    struct fa_http_request *r = malloc(3 * sizeof *r);
    require(buf != NULL && front != NULL && r != NULL);
    memcpy(buf, data + 2, len);
    memcpy(front, buf, cut);
    struct fa_http_parser simd = {fa_http_scan_select(true), LIMITS};
    struct fa_http_parser plain = {fa_http_scan_select(false), LIMITS};
    size_t used = 0, used_plain = 0, used_cut = 0;
    fa_status whole = fa_http_parser_head(&simd, buf, len, 0, &r[0], &used);
    require(fa_http_parser_head(&plain, buf, len, 0, &r[1], &used_plain) == whole);
    if (whole == FA_OK) {
        check_accepted(&r[0], buf, len, used);
        require(used == used_plain);
        require_same(&r[0], &r[1]);
    }
    fa_status first = fa_http_parser_head(&simd, front, cut, 0, &r[2], &used_cut);
    if (first == FA_AGAIN) {
        fa_status again = fa_http_parser_head(&simd, buf, len, cut, &r[2], &used_cut);
        require(again == whole || (again == FA_AGAIN && whole != FA_OK)); /* told a line later */
        if (whole == FA_OK) require_same(&r[0], &r[2]);
    } else if (first == FA_OK) { /* the head ended before the cut */
        require(whole == FA_OK && used_cut == used);
    } else { /* what is wrong now does not become right */
        require(whole != FA_OK && whole != FA_AGAIN);
    }
    free(buf);
    free(front);
    free(r);
    return 0;
}
