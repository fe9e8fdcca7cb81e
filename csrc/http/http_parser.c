#include "http/http_parser.h"

#include <string.h>

#include "http/http_char.h"

/* Where the walk over the head is: `p` is never beyond `end`. Only inlined functions get
 * its address, so that it stays in registers: through memory each step would wait for
 * the one before. */
struct cursor {
    const struct fa_http_parser *parser;
    const char *p;
    const char *end;
    const char *mark; /* the '?' of the target, or NULL */
};

/* What the framing headers said; judged once all of them are known. */
enum fact {
    HAS_HOST = 1,
    HAS_LENGTH = 2,
    HAS_CODING = 4,
    HAS_EXPECT = 8,
    EXPECTS_OTHER = 16, /* than 100-continue, or twice */
    HAS_UPGRADE = 32,
    SAYS_CLOSE = 64,
    SAYS_KEEP_ALIVE = 128,
    SAYS_UPGRADE = 256,
};

struct framing {
    uint32_t facts;
    fa_span coding;
};

bool fa_http_parser_is_token(fa_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!fa_http_char_is_token(text.ptr[i])) return false;
    }
    return text.len > 0;
}

const struct fa_http_header *fa_http_parser_find(const struct fa_http_request *req, fa_span name)
{
    for (uint32_t i = 0; i < req->header_count; i++) {
        if (fa_span_eq_nocase(req->headers[i].name, name)) return &req->headers[i];
    }
    return NULL;
}

/* The bytes at p are these of a literal. */
#define IS_AT(c, literal)                                  \
    ((size_t)((c)->end - (c)->p) >= sizeof(literal) - 1 && \
        memcmp((c)->p, literal, sizeof(literal) - 1) == 0)

/* CRLF at p: FA_OK and past it. A lone CR or LF is malformed (RFC 9112, 2.2 lets a
 * server accept a bare LF; we do not). */
static FA_INLINE fa_status line_end(struct cursor *c)
{
    if (FA_LIKELY(IS_AT(c, "\r\n"))) {
        c->p += 2;
        return FA_OK;
    }
    if (c->p == c->end || (c->end - c->p == 1 && *c->p == '\r')) return FA_AGAIN;
    return FA_ERR_BAD_REQUEST;
}

/* --- request line ------------------------------------------------------------- */

static FA_INLINE fa_status parse_method(struct cursor *c, struct fa_http_request *out)
{
    const char *start = c->p;
    if (FA_LIKELY(IS_AT(c, "GET "))) {
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

static FA_INLINE fa_status parse_target(struct cursor *c, struct fa_http_request *out)
{
    const char *start = c->p;
    c->mark = NULL;
    c->p = c->parser->scan->path_end(c->p, c->end);
    if (c->p < c->end && *c->p == '?') {
        c->mark = c->p;
        c->p = c->parser->scan->target_end(c->p + 1, c->end);
    }
    if (c->p == c->end) return FA_AGAIN;
    if (*c->p != ' ' || c->p == start) return FA_ERR_BAD_REQUEST;
    out->target = (fa_span){start, (size_t)(c->p - start)};
    c->p++;
    return FA_OK;
}

static FA_INLINE fa_status parse_version(struct cursor *c, struct fa_http_request *out)
{
    static const char form[] = "HTTP/d.d";
    if (FA_LIKELY(IS_AT(c, "HTTP/1.1"))) {
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

static FA_INLINE fa_status parse_request_line(struct cursor *c, struct fa_http_request *out)
{
    const char *line = c->p;
    fa_status status = parse_method(c, out);
    if (status == FA_OK) status = parse_target(c, out);
    if (status == FA_OK) status = parse_version(c, out);
    if (status != FA_OK) return status;
    if ((size_t)(c->p - line) > c->parser->limits.request_line) return FA_ERR_URI_TOO_LONG;
    return line_end(c);
}

/* --- Host and target -------------------------------------------------------------- */

/* Behind a '[': IPv6address, by its characters, or IPvFuture, of RFC 3986, 3.2.2; then ']'.
 * Returns where it ends, or 0. */
static size_t ip_literal_end(fa_span host)
{
    const char *close = memchr(host.ptr, ']', host.len);
    if (close == NULL || close == host.ptr + 1) return 0;
    const char *p = host.ptr + 1;
    if ((*p | 0x20) == 'v') {
        const char *number = ++p;
        while (fa_http_char_is_hex(*p))
            p++;
        if (p == number || *p != '.' || ++p == close) return 0;
        while (*p == ':' || fa_http_char_is_host(*p))
            p++;
    } else {
        while (fa_http_char_is_hex(*p) || *p == ':' || *p == '.')
            p++;
    }
    return p == close ? (size_t)(p + 1 - host.ptr) : 0;
}

/* uri-host [":" port] of RFC 3986, without userinfo. A port may have any number of digits. */
static bool is_valid_host(fa_span host)
{
    size_t i = 0;
    if (host.len > 0 && host.ptr[0] == '[') {
        i = ip_literal_end(host);
        if (i == 0) return false;
    } else {
        while (i < host.len && fa_http_char_is_host(host.ptr[i]))
            i++;
        if (i == 0 && host.len > 0) return false; /* ":80" */
    }
    if (i == host.len) return true;
    if (host.ptr[i] != ':') return false;
    for (i++; i < host.len; i++) {
        if (!fa_http_char_is_digit(host.ptr[i])) return false;
    }
    return true;
}

/* Path and query; `mark` is the '?' between them, or NULL. */
static inline void split_target(struct fa_http_request *out, fa_span target, const char *mark)
{
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
static fa_status parse_absolute(struct fa_http_request *out, const char *mark)
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
    split_target(out, (fa_span){target.ptr + end, target.len - end}, mark);
    return FA_OK;
}

static inline fa_status judge_target(struct fa_http_request *out, const char *mark)
{
    if (out->method == FA_HTTP_CONNECT) return FA_ERR_NOT_IMPLEMENTED;
    if (FA_LIKELY(out->target.ptr[0] == '/')) {
        split_target(out, out->target, mark);
        return FA_OK;
    }
    if (fa_span_eq(out->target, FA_SPAN("*"))) {
        split_target(out, out->target, NULL);
        return out->method == FA_HTTP_OPTIONS ? FA_OK : FA_ERR_BAD_REQUEST;
    }
    return parse_absolute(out, mark);
}

/* --- headers ------------------------------------------------------------------------- */

static fa_status note_length(struct framing *f, struct fa_http_request *out, fa_span value)
{
    /* A repeated or listed length is refused even when the numbers agree. */
    if ((f->facts & HAS_LENGTH) != 0 || value.len == 0 || value.len > 19) return FA_ERR_BAD_REQUEST;
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!fa_http_char_is_digit(value.ptr[i])) return FA_ERR_BAD_REQUEST;
        length = length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    if (length > INT64_MAX) return FA_ERR_BAD_REQUEST;
    f->facts |= HAS_LENGTH;
    out->has_content_length = true;
    out->content_length = length;
    return FA_OK;
}

static void note_connection(struct framing *f, fa_span value)
{
    while (value.len > 0) {
        fa_span word = fa_span_trimmed(fa_span_cut(&value, ','), fa_http_char_is_blank);
        if (fa_span_eq_nocase(word, FA_SPAN("close"))) f->facts |= SAYS_CLOSE;
        if (fa_span_eq_nocase(word, FA_SPAN("keep-alive"))) f->facts |= SAYS_KEEP_ALIVE;
        if (fa_span_eq_nocase(word, FA_SPAN("upgrade"))) f->facts |= SAYS_UPGRADE;
    }
}

static void note_expect(struct framing *f, fa_span value)
{
    bool known = fa_span_eq_nocase(value, FA_SPAN("100-continue"));
    if ((f->facts & HAS_EXPECT) != 0 || !known) f->facts |= EXPECTS_OTHER;
    f->facts |= HAS_EXPECT;
}

static fa_status note_host(struct framing *f, struct fa_http_request *out, fa_span value)
{
    if ((f->facts & HAS_HOST) != 0 || !is_valid_host(value)) return FA_ERR_BAD_REQUEST;
    f->facts |= HAS_HOST;
    out->host = value;
    return FA_OK;
}

static fa_status note_coding(struct framing *f, fa_span value)
{
    if ((f->facts & HAS_CODING) != 0) return FA_ERR_BAD_REQUEST;
    f->facts |= HAS_CODING;
    f->coding = value;
    return FA_OK;
}

/* The bytes with bit 5 set, which makes letters small. */
static FA_INLINE uint64_t small_4(const char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x | UINT32_C(0x20202020);
}

static FA_INLINE uint64_t small_8(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x | UINT64_C(0x2020202020202020);
}

/* Is this the name, which has letters and hyphens only and at least 4 of them? No other
 * token character becomes one of these by bit 5. The last step overlaps. */
static FA_INLINE bool is_named(fa_span name, const char *other, size_t len)
{
    if (name.len != len) return false;
    const char *p = name.ptr;
    if (len < 8) {
        uint64_t front = small_4(p) ^ small_4(other);
        return (front | (small_4(p + len - 4) ^ small_4(other + len - 4))) == 0;
    }
    uint64_t differ = small_8(p + len - 8) ^ small_8(other + len - 8);
    for (size_t i = 0; i + 8 < len; i += 8)
        differ |= small_8(p + i) ^ small_8(other + i);
    return differ == 0;
}

#define IS_NAMED(name, literal) is_named(name, literal, sizeof(literal) - 1)

/* Framing headers, told apart by their length first. */
static FA_INLINE fa_status note_header(
    struct framing *f, struct fa_http_request *out, fa_span name, fa_span value)
{
    switch (name.len) {
    case 4: return IS_NAMED(name, "host") ? note_host(f, out, value) : FA_OK;
    case 6:
        if (IS_NAMED(name, "expect")) note_expect(f, value);
        return FA_OK;
    case 7:
        if (IS_NAMED(name, "upgrade") && fa_span_eq_nocase(value, FA_SPAN("websocket")))
            f->facts |= HAS_UPGRADE;
        return FA_OK;
    case 10:
        if (IS_NAMED(name, "connection")) note_connection(f, value);
        return FA_OK;
    case 14: return IS_NAMED(name, "content-length") ? note_length(f, out, value) : FA_OK;
    case 17: return IS_NAMED(name, "transfer-encoding") ? note_coding(f, value) : FA_OK;
    default: return FA_OK;
    }
}

static FA_INLINE fa_status parse_header(struct cursor *c, struct fa_http_header *header)
{
    const char *name = c->p;
    c->p = c->parser->scan->name_end(c->p, c->end);
    if (c->p == c->end) return FA_AGAIN;
    if (*c->p != ':' || c->p == name) return FA_ERR_BAD_REQUEST;
    header->name = (fa_span){name, (size_t)(c->p++ - name)};
    while (c->p < c->end && fa_http_char_is_blank(*c->p))
        c->p++;
    const char *value = c->p;
    c->p = c->parser->scan->value_end(c->p, c->end);
    const char *value_end = c->p;
    fa_status status = line_end(c);
    if (status != FA_OK) return status;
    while (value_end > value && fa_http_char_is_blank(value_end[-1]))
        value_end--;
    header->value = (fa_span){value, (size_t)(value_end - value)};
    return FA_OK;
}

static FA_INLINE fa_status parse_headers(
    struct cursor *c, struct framing *f, struct fa_http_request *out)
{
    for (uint32_t count = 0;; count++) {
        if (c->p == c->end) return FA_AGAIN;
        if (*c->p == '\r') {
            out->header_count = count;
            return line_end(c);
        }
        if (count >= c->parser->limits.header_count) return FA_ERR_HEADERS_TOO_LARGE;
        struct fa_http_header *header = &out->headers[count];
        fa_status status = parse_header(c, header);
        if (status == FA_OK) status = note_header(f, out, header->name, header->value);
        if (status != FA_OK) return status;
    }
}

/* --- what the headers mean together ------------------------------------------------------ */

/* RFC 9112, 6.1: exactly one coding, chunked, never in HTTP/1.0, never with a length. */
static fa_status judge_coding(const struct framing *f, struct fa_http_request *out)
{
    if (out->minor == 0 || (f->facts & HAS_LENGTH) != 0 || f->coding.len == 0)
        return FA_ERR_BAD_REQUEST;
    if (fa_span_eq_nocase(f->coding, FA_SPAN("chunked"))) {
        out->chunked = true;
        return FA_OK;
    }
    fa_span rest = f->coding;
    fa_span first = fa_span_trimmed(fa_span_cut(&rest, ','), fa_http_char_is_blank);
    return fa_span_eq_nocase(first, FA_SPAN("chunked")) ? FA_ERR_BAD_REQUEST
                                                        : FA_ERR_NOT_IMPLEMENTED;
}

static FA_INLINE fa_status judge(
    const struct framing *f, struct fa_http_request *out, const char *mark)
{
    uint32_t facts = f->facts;
    if (out->minor == 1 && (facts & HAS_HOST) == 0) return FA_ERR_BAD_REQUEST;
    fa_status status = judge_target(out, mark);
    if (status == FA_OK && (facts & HAS_CODING) != 0) status = judge_coding(f, out);
    if (status != FA_OK) return status;
    if (out->minor == 0) { /* no expectations, no upgrades */
        out->keep_alive = (facts & (SAYS_KEEP_ALIVE | SAYS_CLOSE)) == SAYS_KEEP_ALIVE;
        return FA_OK;
    }
    if ((facts & EXPECTS_OTHER) != 0) return FA_ERR_EXPECTATION;
    out->expect_continue = (facts & HAS_EXPECT) != 0;
    out->keep_alive = (facts & SAYS_CLOSE) == 0;
    out->upgrade = (facts & SAYS_UPGRADE) != 0 && (facts & HAS_UPGRADE) != 0;
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
static fa_status incomplete(const struct fa_http_parser *p, size_t len, bool in_request_line)
{
    if (in_request_line && len > longest_line(p)) return FA_ERR_URI_TOO_LONG;
    return len > p->limits.header_block ? FA_ERR_HEADERS_TOO_LARGE : FA_AGAIN;
}

/* What an accepted head may leave as it is; all else is always written. A memset of the
 * whole would cost a fifth of a small request. */
static FA_INLINE void request_init(struct fa_http_request *out)
{
    out->host = (fa_span){NULL, 0};
    out->expect_continue = false;
    out->chunked = false;
    out->has_content_length = false;
    out->upgrade = false;
    out->content_length = 0;
}

fa_status fa_http_parser_head(const struct fa_http_parser *p, const char *buf, size_t len,
    size_t seen, struct fa_http_request *out, size_t *consumed)
{
    if (len == 0 || (seen > 0 && !worth_parsing(p, buf, len, seen))) return FA_AGAIN;
    struct cursor c = {.parser = p, .p = buf, .end = buf + len};
    struct framing framing = {.facts = 0};
    request_init(out);
    if (*buf == '\r') {
        fa_status skipped = line_end(&c);
        if (skipped != FA_OK) return skipped;
        if (c.p == c.end) return FA_AGAIN;
    }
    fa_status status = parse_request_line(&c, out);
    if (status == FA_AGAIN) return incomplete(p, len, true);
    if (status != FA_OK) return status;
    status = parse_headers(&c, &framing, out);
    if (status == FA_AGAIN) return incomplete(p, len, false);
    if (status != FA_OK) return status;
    size_t used = (size_t)(c.p - buf);
    if (used > p->limits.header_block) return FA_ERR_HEADERS_TOO_LARGE;
    status = judge(&framing, out, c.mark);
    if (status == FA_OK) *consumed = used;
    return status;
}
