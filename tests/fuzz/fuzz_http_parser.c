/*
 * Request heads. Whatever the bytes: both scanners give the same answer; a head that
 * arrives in two pieces gives what it gives in one, an error at the next line end at
 * the latest; an accepted head ends where it ends, lies inside the input and obeys
 * the limits.
 *
 * Input: two bytes say where the head is cut, the rest is the head.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_parser.h"

static const struct fa_http_limits LIMITS = {
    .request_line = 200, .header_block = 1000, .header_count = 8};

struct outcome {
    fa_status status;
    size_t used;
    struct fa_http_request r;
};

static void require(int condition)
{
    if (!condition) __builtin_trap();
}

static void require_inside(fa_span s, fa_span outer)
{
    require(s.ptr >= outer.ptr && s.len <= outer.len);
    require((size_t)(s.ptr - outer.ptr) <= outer.len - s.len);
}

static void require_same_span(fa_span a, fa_span b)
{
    require(a.ptr == b.ptr && a.len == b.len);
}

static void parse(bool simd, const char *bytes, size_t len, size_t seen, struct outcome *o)
{
    struct fa_http_parser parser = {fa_http_scan_select(simd), LIMITS};
    o->used = 0;
    o->status = fa_http_parser_head(&parser, bytes, len, seen, &o->r, &o->used);
}

static void check_headers(const struct fa_http_request *r, fa_span head)
{
    require(r->header_count <= LIMITS.header_count);
    for (uint32_t i = 0; i < r->header_count; i++) {
        fa_span name = r->headers[i].name, value = r->headers[i].value;
        require_inside(name, head);
        require_inside(value, head);
        require(fa_http_parser_is_token(name) && name.ptr[name.len] == ':');
        for (size_t k = 0; k < value.len; k++) {
            unsigned char c = (unsigned char)value.ptr[k];
            require((c >= 0x20 && c != 0x7f) || c == '\t');
        }
        if (value.len > 0) {
            char first = value.ptr[0], last = value.ptr[value.len - 1];
            require(first != ' ' && first != '\t' && last != ' ' && last != '\t');
        }
    }
}

static void check_accepted(const struct outcome *o, const char *buf, size_t len)
{
    const struct fa_http_request *r = &o->r;
    /* The head ends with the first empty line, not counting one before it. */
    size_t start = len >= 2 && memcmp(buf, "\r\n", 2) == 0 ? 2 : 0;
    const char *end = memmem(buf + start, len - start, "\r\n\r\n", 4);
    require(end != NULL && o->used == (size_t)(end + 4 - buf));
    require(o->used <= LIMITS.header_block);
    fa_span head = {buf, o->used};
    require_inside(r->method_text, head);
    require_inside(r->target, head);
    require_inside(r->query, head);
    bool implied = r->path.len == 1 && (r->path.ptr < buf || r->path.ptr >= buf + len);
    require(implied ? *r->path.ptr == '/' : r->path.len > 0);
    if (!implied) require_inside(r->path, r->target);
    if (r->host.ptr != NULL) require_inside(r->host, head);
    require(r->host.ptr != NULL || r->minor == 0);
    require(fa_http_parser_is_token(r->method_text) && r->method_text.ptr == buf + start);
    const char *line_end = r->target.ptr + r->target.len + sizeof " HTTP/1.1" - 1;
    require((size_t)(line_end - r->method_text.ptr) <= LIMITS.request_line);
    require(memcmp(line_end, "\r\n", 2) == 0 && r->minor <= 1);
    require(!(r->chunked && r->has_content_length));
    require(r->has_content_length || r->content_length == 0);
    require(!(r->minor == 0 && (r->chunked || r->expect_continue || r->upgrade)));
    check_headers(r, head);
}

static void require_same(const struct outcome *x, const struct outcome *y)
{
    const struct fa_http_request *a = &x->r, *b = &y->r;
    require(x->status == y->status && x->used == y->used);
    require(a->method == b->method && a->minor == b->minor && a->keep_alive == b->keep_alive);
    require(a->chunked == b->chunked && a->has_content_length == b->has_content_length);
    require(a->content_length == b->content_length && a->has_query == b->has_query);
    require(a->expect_continue == b->expect_continue && a->upgrade == b->upgrade);
    require_same_span(a->method_text, b->method_text);
    require_same_span(a->target, b->target);
    require_same_span(a->path, b->path);
    require_same_span(a->query, b->query);
    require_same_span(a->host, b->host);
    require(a->header_count == b->header_count);
    for (uint32_t i = 0; i < a->header_count; i++) {
        require_same_span(a->headers[i].name, b->headers[i].name);
        require_same_span(a->headers[i].value, b->headers[i].value);
    }
}

/* The first `len` bytes alone: in a copy of just this size ASan sees an overread. */
static fa_status status_of(const char *bytes, size_t len, size_t seen, struct outcome *o)
{
    char *copy = malloc(len > 0 ? len : 1);
    require(copy != NULL);
    memcpy(copy, bytes, len);
    parse(true, copy, len, seen, o);
    free(copy);
    return o->status;
}

/* An error that the second piece has not shown yet shows where the line ends. */
static void check_late_error(const char *buf, size_t len, fa_status expected, struct outcome *o)
{
    char *text = malloc(len + 4);
    require(text != NULL);
    memcpy(text, buf, len);
    memcpy(text + len, "\r\n\r\n", 4);
    require(status_of(text, len + 4, len, o) == expected);
    free(text);
}

static void check_cut(const char *buf, size_t len, size_t cut, const struct outcome *whole)
{
    struct outcome o;
    fa_status first = status_of(buf, cut, 0, &o);
    if (first == FA_AGAIN) {
        parse(true, buf, len, cut, &o);
        if (whole->status == FA_OK) require_same(&o, whole);
        if (o.status == whole->status) return;
        require(o.status == FA_AGAIN);
        check_late_error(buf, len, whole->status, &o);
    } else if (first == FA_OK) { /* the head ended before the cut */
        require(whole->status == FA_OK && o.used == whole->used);
    } else if (first == FA_ERR_URI_TOO_LONG || first == FA_ERR_HEADERS_TOO_LARGE) {
        require(whole->status < 0); /* too long, and perhaps malformed further on */
    } else {
        require(whole->status == first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    size_t len = size - 2, cut = (size_t)(data[0] | data[1] << 8) % (len + 1);
    char *buf = malloc(len);
    require(buf != NULL);
    memcpy(buf, data + 2, len);
    struct outcome simd, plain, part;
    parse(true, buf, len, 0, &simd);
    parse(false, buf, len, 0, &plain);
    require(simd.status == plain.status);
    if (simd.status == FA_OK) {
        require_same(&simd, &plain);
        check_accepted(&simd, buf, len);
        require(status_of(buf, simd.used, 0, &part) == FA_OK && part.used == simd.used);
        require(status_of(buf, simd.used - 1, 0, &part) == FA_AGAIN);
    }
    check_cut(buf, len, cut, &simd);
    free(buf);
    return 0;
}
