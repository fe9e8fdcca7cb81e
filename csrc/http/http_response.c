#include "http/http_response.h"

#include <string.h>

#include "http/http_parser.h"
#include "http/http_status.h"

#define DATE_NAME   "date: "
#define LENGTH_NAME "content-length: "
#define TYPE_NAME   "content-type: "
#define CRLF        "\r\n"

/* Two passes over the same list of pieces: one adds up, one copies. All of it is inlined,
 * so that `len` is a register. */
struct sink {
    char *dst; /* NULL: only count */
    size_t len;
};

static FA_INLINE void put(struct sink *s, const char *ptr, size_t len)
{
    if (s->dst != NULL) memcpy(s->dst + s->len, ptr, len);
    s->len += len;
}

#define PUT(s, literal) put((s), (literal), sizeof(literal) - 1)

static FA_INLINE void put_span(struct sink *s, fa_span span)
{
    if (span.len > 0) put(s, span.ptr, span.len);
}

/* Straight to where they belong: copied from elsewhere, digits that have just been written
 * one by one would have to be waited for. */
static FA_INLINE void put_number(struct sink *s, uint64_t value)
{
    size_t digits = 1;
    for (uint64_t least = 10; digits < 20 && value >= least; least *= 10)
        digits++;
    s->len += digits;
    if (s->dst == NULL) return;
    for (char *at = s->dst + s->len; digits > 0; digits--) {
        *--at = (char)('0' + value % 10);
        value /= 10;
    }
}

static FA_INLINE void put_status(struct sink *s, int status)
{
    fa_span line =
        FA_LIKELY(status == 200) ? FA_SPAN("HTTP/1.1 200 OK\r\n") : fa_http_status_line(status);
    if (line.len > 0) {
        put_span(s, line);
        return;
    }
    PUT(s, "HTTP/1.1 ");
    put_number(s, (uint64_t)status);
    PUT(s, " \r\n"); /* RFC 9112, 4: the space stays even without a reason */
}

static FA_INLINE void put_line(struct sink *s, const char *name, size_t name_len, fa_span value)
{
    if (value.len == 0) return;
    put(s, name, name_len);
    put(s, value.ptr, value.len);
    PUT(s, CRLF);
}

static FA_INLINE void put_head(struct sink *s, const struct fa_http_head *h)
{
    put_status(s, h->status);
    put_line(s, DATE_NAME, sizeof DATE_NAME - 1, h->date);
    put_span(s, h->fixed);
    put_span(s, h->before);
    if (h->has_content_length) {
        PUT(s, LENGTH_NAME);
        put_number(s, h->content_length);
        PUT(s, CRLF);
    }
    put_line(s, TYPE_NAME, sizeof TYPE_NAME - 1, h->content_type);
    put_span(s, h->extra);
    if (h->chunked) PUT(s, "transfer-encoding: chunked\r\n");
    if (h->close) {
        PUT(s, "connection: close\r\n");
    } else if (h->keep_alive_10) {
        PUT(s, "connection: keep-alive\r\n");
    }
    PUT(s, CRLF);
}

size_t fa_http_head_size(const struct fa_http_head *h)
{
    struct sink count = {NULL, 0};
    put_head(&count, h);
    return count.len;
}

size_t fa_http_head_write(const struct fa_http_head *h, char *dst)
{
    struct sink out = {dst, 0};
    put_head(&out, h);
    return out.len;
}

fa_status fa_http_head_write_before(
    const struct fa_http_head *h, char *body, char *room, char **start)
{
    size_t size = fa_http_head_size(h);
    if (size > (size_t)(body - room)) return FA_AGAIN;
    *start = body - size;
    (void)fa_http_head_write(h, *start);
    return FA_OK;
}

bool fa_http_header_valid_name(fa_span name)
{
    return fa_http_parser_is_token(name);
}

bool fa_http_header_valid_value(fa_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\r' || c == '\n' || c == '\0') return false;
    }
    return true;
}
