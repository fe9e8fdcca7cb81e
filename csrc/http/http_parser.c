#include "http/http_parser.h"

#include <string.h>

#include "http/http_char.h"

/* One walk over the head. `p` is never beyond `end`. */
struct cursor {
    const struct fa_http_parser *parser;
    const char *start;
    const char *p;
    const char *end;
    /* What the framing headers said; judged once all of them are known. */
    uint32_t host_count;
    uint32_t length_count;
    uint32_t coding_count;
    bool has_expect;
    bool expect_known;
    bool says_close;
    bool says_keep_alive;
    bool says_upgrade;
    bool has_upgrade;
    fa_span host;
    fa_span coding;
};

bool fa_http_parser_is_token(fa_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!fa_http_char_is_token(text.ptr[i])) return false;
    }
    return text.len > 0;
}

/* CRLF at p: FA_OK and past it. A lone CR or LF is malformed (RFC 9112, 2.2 lets a
 * server accept a bare LF; we do not). */
static inline fa_status line_end(struct cursor *c)
{
    if (FA_LIKELY(c->end - c->p >= 2 && c->p[0] == '\r' && c->p[1] == '\n')) {
        c->p += 2;
        return FA_OK;
    }
    if (c->p == c->end || (c->end - c->p == 1 && *c->p == '\r')) return FA_AGAIN;
    return FA_ERR_BAD_REQUEST;
}

/* --- request line ------------------------------------------------------------- */

static fa_status parse_method(struct cursor *c, struct fa_http_request *out)
{
    const char *start = c->p;
    if (FA_LIKELY(c->end - c->p >= 4 && memcmp(c->p, "GET ", 4) == 0)) {
        out->method_text = (fa_span){start, 3};
        out->method = FA_HTTP_GET;
        c->p += 4;
        return FA_OK;
    }
    while (c->p < c->end && fa_http_char_is_token(*c->p))
        c->p++;
    if (c->p == c->end) return FA_AGAIN;
    if (*c->p != ' ' || c->p == start) return FA_ERR_BAD_REQUEST;
    out->method_text = (fa_span){start, (size_t)(c->p - start)};
    out->method = fa_http_method_parse(out->method_text);
    c->p++;
    return FA_OK;
}

static fa_status parse_version(struct cursor *c, struct fa_http_request *out)
{
    static const char form[] = "HTTP/d.d";
    if (FA_LIKELY(c->end - c->p >= 8 && memcmp(c->p, "HTTP/1.1", 8) == 0)) {
        out->minor = 1;
        c->p += 8;
        return FA_OK;
    }
    size_t have = fa_min_size((size_t)(c->end - c->p), 8);
    for (size_t i = 0; i < have; i++) {
        bool fits = form[i] == 'd' ? fa_http_char_is_digit(c->p[i]) : c->p[i] == form[i];
        if (!fits) return FA_ERR_BAD_REQUEST;
    }
    if (have < 8) return FA_AGAIN;
    if (c->p[5] != '1' || c->p[7] > '1') return FA_ERR_HTTP_VERSION;
    out->minor = (uint8_t)(c->p[7] - '0');
    c->p += 8;
    return FA_OK;
}

static fa_status parse_request_line(struct cursor *c, struct fa_http_request *out)
{
    const char *line = c->p;
    fa_status status = parse_method(c, out);
    if (status != FA_OK) return status;
    const char *target = c->p;
    c->p = c->parser->scan->target_end(c->p, c->end);
    if (c->p == c->end) return FA_AGAIN;
    if (*c->p != ' ' || c->p == target) return FA_ERR_BAD_REQUEST;
    out->target = (fa_span){target, (size_t)(c->p - target)};
    c->p++;
    status = parse_version(c, out);
    if (status != FA_OK) return status;
    if ((size_t)(c->p - line) > c->parser->limits.request_line) return FA_ERR_URI_TOO_LONG;
    return line_end(c);
}

/* --- Host and target -------------------------------------------------------------- */

/* uri-host [":" port] of RFC 3986, without userinfo. */
static bool is_valid_host(fa_span host)
{
    size_t i = 0;
    if (host.len > 0 && host.ptr[0] == '[') {
        const char *close = memchr(host.ptr, ']', host.len);
        if (close == NULL) return false;
        for (i = 1; host.ptr + i < close; i++) {
            char c = host.ptr[i];
            bool hex = fa_http_char_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
            if (!hex && c != ':' && c != '.') return false;
        }
        if (i == 1) return false;
        i++;
    } else {
        while (i < host.len && fa_http_char_is_host(host.ptr[i]))
            i++;
        if (i == 0 && host.len > 0) return false; /* ":80" */
    }
    if (i == host.len) return true;
    if (host.ptr[i] != ':' || host.len - i > 6) return false;
    for (i++; i < host.len; i++) {
        if (!fa_http_char_is_digit(host.ptr[i])) return false;
    }
    return true;
}

static void split_target(struct fa_http_request *out, fa_span target)
{
    const char *mark = memchr(target.ptr, '?', target.len);
    out->has_query = mark != NULL;
    out->path = target;
    out->query = (fa_span){target.ptr + target.len, 0};
    if (mark != NULL) {
        out->path.len = (size_t)(mark - target.ptr);
        out->query = (fa_span){mark + 1, target.len - out->path.len - 1};
    }
    if (out->path.len == 0) out->path = FA_SPAN("/");
}

/* absolute-form (RFC 9112, 3.2.2): its authority overrides Host. */
static fa_status parse_absolute(struct fa_http_request *out)
{
    fa_span target = out->target;
    size_t scheme = 0;
    if (target.len > 7 && fa_span_eq_nocase((fa_span){target.ptr, 7}, FA_SPAN("http://")))
        scheme = 7;
    if (target.len > 8 && fa_span_eq_nocase((fa_span){target.ptr, 8}, FA_SPAN("https://")))
        scheme = 8;
    if (scheme == 0) return FA_ERR_BAD_REQUEST;
    size_t end = scheme;
    while (end < target.len && target.ptr[end] != '/' && target.ptr[end] != '?')
        end++;
    out->host = (fa_span){target.ptr + scheme, end - scheme};
    if (out->host.len == 0 || !is_valid_host(out->host)) return FA_ERR_BAD_REQUEST;
    split_target(out, (fa_span){target.ptr + end, target.len - end});
    return FA_OK;
}

static fa_status judge_target(struct fa_http_request *out)
{
    if (out->method == FA_HTTP_CONNECT) return FA_ERR_NOT_IMPLEMENTED;
    if (FA_LIKELY(out->target.ptr[0] == '/')) {
        split_target(out, out->target);
        return FA_OK;
    }
    if (fa_span_eq(out->target, FA_SPAN("*"))) {
        split_target(out, out->target);
        return out->method == FA_HTTP_OPTIONS ? FA_OK : FA_ERR_BAD_REQUEST;
    }
    return parse_absolute(out);
}

/* --- headers ------------------------------------------------------------------------- */

static fa_status note_length(struct cursor *c, struct fa_http_request *out, fa_span value)
{
    /* A repeated or listed length is refused even when the numbers agree. */
    if (c->length_count++ > 0 || value.len == 0 || value.len > 19) return FA_ERR_BAD_REQUEST;
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!fa_http_char_is_digit(value.ptr[i])) return FA_ERR_BAD_REQUEST;
        length = length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    if (length > INT64_MAX) return FA_ERR_BAD_REQUEST;
    out->has_content_length = true;
    out->content_length = length;
    return FA_OK;
}

static fa_span trimmed(fa_span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s.ptr++, s.len--;
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static void note_connection(struct cursor *c, fa_span value)
{
    while (value.len > 0) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma == NULL ? value.len : (size_t)(comma - value.ptr);
        fa_span word = trimmed((fa_span){value.ptr, len});
        if (fa_span_eq_nocase(word, FA_SPAN("close"))) c->says_close = true;
        if (fa_span_eq_nocase(word, FA_SPAN("keep-alive"))) c->says_keep_alive = true;
        if (fa_span_eq_nocase(word, FA_SPAN("upgrade"))) c->says_upgrade = true;
        len += comma != NULL;
        value.ptr += len;
        value.len -= len;
    }
}

/* Framing headers, told apart by their length first. */
static fa_status note_header(
    struct cursor *c, struct fa_http_request *out, fa_span name, fa_span value)
{
    switch (name.len) {
    case 4:
        if (!fa_span_eq_nocase(name, FA_SPAN("host"))) break;
        if (c->host_count++ > 0 || !is_valid_host(value)) return FA_ERR_BAD_REQUEST;
        c->host = value;
        break;
    case 6:
        if (!fa_span_eq_nocase(name, FA_SPAN("expect"))) break;
        c->expect_known = !c->has_expect && fa_span_eq_nocase(value, FA_SPAN("100-continue"));
        c->has_expect = true;
        break;
    case 7:
        if (fa_span_eq_nocase(name, FA_SPAN("upgrade"))) c->has_upgrade = true;
        break;
    case 10:
        if (fa_span_eq_nocase(name, FA_SPAN("connection"))) note_connection(c, value);
        break;
    case 14:
        if (fa_span_eq_nocase(name, FA_SPAN("content-length"))) return note_length(c, out, value);
        break;
    case 17:
        if (!fa_span_eq_nocase(name, FA_SPAN("transfer-encoding"))) break;
        if (c->coding_count++ > 0) return FA_ERR_BAD_REQUEST;
        c->coding = value;
        break;
    default: break;
    }
    return FA_OK;
}

static fa_status parse_header(struct cursor *c, struct fa_http_request *out)
{
    if (out->header_count >= c->parser->limits.header_count) return FA_ERR_HEADERS_TOO_LARGE;
    const char *name = c->p;
    while (c->p < c->end && fa_http_char_is_token(*c->p))
        c->p++;
    if (c->p == c->end) return FA_AGAIN;
    if (*c->p != ':' || c->p == name) return FA_ERR_BAD_REQUEST;
    size_t name_len = (size_t)(c->p++ - name);
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
    const char *value = c->p;
    c->p = c->parser->scan->value_end(c->p, c->end);
    const char *value_end = c->p;
    fa_status status = line_end(c);
    if (status != FA_OK) return status;
    while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t'))
        value_end--;
    struct fa_http_header *header = &out->headers[out->header_count++];
    header->name = (fa_span){name, name_len};
    header->value = (fa_span){value, (size_t)(value_end - value)};
    return note_header(c, out, header->name, header->value);
}

static fa_status parse_headers(struct cursor *c, struct fa_http_request *out)
{
    for (;;) {
        if (c->p == c->end) return FA_AGAIN;
        if (*c->p == '\r') return line_end(c);
        fa_status status = parse_header(c, out);
        if (status != FA_OK) return status;
    }
}

/* --- what the headers mean together ------------------------------------------------------ */

/* RFC 9112, 6.1: exactly one coding, chunked, never in HTTP/1.0, never with a length. */
static fa_status judge_coding(const struct cursor *c, struct fa_http_request *out)
{
    if (c->coding_count == 0) return FA_OK;
    if (out->minor == 0 || c->length_count > 0 || c->coding.len == 0) return FA_ERR_BAD_REQUEST;
    if (fa_span_eq_nocase(c->coding, FA_SPAN("chunked"))) {
        out->chunked = true;
        return FA_OK;
    }
    fa_span first = c->coding;
    const char *comma = memchr(first.ptr, ',', first.len);
    if (comma != NULL) first.len = (size_t)(comma - first.ptr);
    return fa_span_eq_nocase(trimmed(first), FA_SPAN("chunked")) ? FA_ERR_BAD_REQUEST
                                                                 : FA_ERR_NOT_IMPLEMENTED;
}

static fa_status judge(const struct cursor *c, struct fa_http_request *out)
{
    if (out->minor == 1 && c->host_count == 0) return FA_ERR_BAD_REQUEST;
    out->host = c->host;
    fa_status status = judge_target(out);
    if (status != FA_OK) return status;
    status = judge_coding(c, out);
    if (status != FA_OK) return status;
    if (out->minor == 1) {
        if (c->has_expect && !c->expect_known) return FA_ERR_EXPECTATION;
        out->expect_continue = c->has_expect;
        out->keep_alive = !c->says_close;
        out->upgrade = c->says_upgrade && c->has_upgrade;
    } else {
        out->keep_alive = c->says_keep_alive && !c->says_close;
    }
    return FA_OK;
}

/* --- all of it ----------------------------------------------------------------------------- */

/* A request line that is not longer than this may yet be within the limit: an empty
 * line before it, and the line end behind it, do not count. */
static inline size_t longest_line(const struct fa_http_parser *p)
{
    return (size_t)p->limits.request_line + 4;
}

/* Do the bytes from `seen` on hold a line end that completes or spoils the head?
 * Keeps a head in many small pieces from being parsed once for each. */
static bool worth_parsing(const struct fa_http_parser *p, const char *buf, size_t len, size_t seen)
{
    if (len > p->limits.header_block) return true;
    const char *from = buf + (seen > 3 ? seen - 3 : 0), *end = buf + len, *at = from;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (at == buf || at[-1] != '\r') return true;
        if (at - buf < 3 || at[-2] == '\n') return true;
        at++;
    }
    at = from; /* a lone CR spoils it too */
    while ((at = memchr(at, '\r', (size_t)(end - at))) != NULL && ++at < end) {
        if (*at != '\n') return true;
    }
    /* The request line has its own limit, and it may not have ended yet. */
    size_t longest = longest_line(p);
    return len > longest && seen <= longest;
}

/* An incomplete head may already be too long. */
static fa_status incomplete(const struct cursor *c, bool in_request_line)
{
    size_t len = (size_t)(c->end - c->start);
    if (in_request_line && len > longest_line(c->parser)) return FA_ERR_URI_TOO_LONG;
    return len > c->parser->limits.header_block ? FA_ERR_HEADERS_TOO_LARGE : FA_AGAIN;
}

static void request_init(struct fa_http_request *out)
{
    memset(out, 0, offsetof(struct fa_http_request, headers));
}

fa_status fa_http_parser_head(const struct fa_http_parser *p, const char *buf, size_t len,
    size_t seen, struct fa_http_request *out, size_t *consumed)
{
    if (len == 0 || (seen > 0 && !worth_parsing(p, buf, len, seen))) return FA_AGAIN;
    struct cursor c = {.parser = p, .start = buf, .p = buf, .end = buf + len};
    request_init(out);
    if (*buf == '\r') {
        fa_status skipped = line_end(&c);
        if (skipped != FA_OK) return skipped;
        if (c.p == c.end) return FA_AGAIN;
    }
    fa_status status = parse_request_line(&c, out);
    if (status == FA_AGAIN) return incomplete(&c, true);
    if (status != FA_OK) return status;
    status = parse_headers(&c, out);
    if (status == FA_AGAIN) return incomplete(&c, false);
    if (status != FA_OK) return status;
    if ((size_t)(c.p - buf) > p->limits.header_block) return FA_ERR_HEADERS_TOO_LARGE;
    status = judge(&c, out);
    if (status == FA_OK) *consumed = (size_t)(c.p - buf);
    return status;
}
