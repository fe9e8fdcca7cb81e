/* forwarded.c - what proxies say of a request's origin. */
#include "http/forwarded.h"

#include <string.h>

#include "http/http_char.h"

/* What Python's str.strip takes off Latin-1 text and a header's value may hold. */
static bool is_blank(char c)
{
    return fa_http_char_is_blank(c) || c == '\x85' || c == '\xa0';
}

enum fa_http_scheme fa_forwarded_scheme(
    const struct fa_http_request *req, enum fa_http_scheme otherwise)
{
    static const fa_span names[] = {{"http", 4}, {"https", 5}, {"ws", 2}, {"wss", 3}};
    for (uint32_t i = req->header_count; i-- > 0;) {
        const struct fa_http_header *header = &req->headers[i];
        if (!fa_span_eq_nocase(header->name, FA_SPAN("x-forwarded-proto"))) continue;
        fa_span value = fa_span_trimmed(header->value, is_blank);
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (fa_span_eq(value, names[k])) return (enum fa_http_scheme)k;
        }
        return otherwise;
    }
    return otherwise;
}

/* Letters, digits, and what else RFC 3986, 3.3 has in a path; percent signs would be decoded by
 * some and not by others. */
static bool is_plain_path(fa_span text)
{
    static const char MARKS[] = "/-._~!$&'()*+,;=:@";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && !fa_http_char_is_digit((char)c) && (c == 0 || strchr(MARKS, c) == NULL))
            return false;
        if (c == '/' && i + 1 < text.len && text.ptr[i + 1] == '/') return false;
    }
    return text.len > 0 && text.ptr[0] == '/';
}

fa_span fa_forwarded_prefix(const struct fa_http_request *req)
{
    static const fa_span NONE = {NULL, 0};
    for (uint32_t i = req->header_count; i-- > 0;) {
        if (!fa_span_eq_nocase(req->headers[i].name, FA_SPAN("x-forwarded-prefix"))) continue;
        fa_span value = fa_span_trimmed(req->headers[i].value, is_blank);
        while (value.len > 0 && value.ptr[value.len - 1] == '/')
            value.len--;
        return is_plain_path(value) ? value : NONE;
    }
    return NONE;
}

/* ---- addresses ---- */

static bool parse_port(fa_span text, uint32_t *out)
{
    uint32_t port = 0;
    if (text.len == 0 || text.len > 9) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!fa_http_char_is_digit(text.ptr[i])) return false;
        port = port * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *out = port;
    return true;
}

/* "[host]:port": the port may be missing or nonsense, the brackets may not. */
static struct fa_forwarded_client bracketed(fa_span item)
{
    struct fa_forwarded_client whole = {item, 0};
    const char *close = memchr(item.ptr, ']', item.len);
    if (close == NULL) return whole;
    struct fa_forwarded_client found = {{item.ptr + 1, (size_t)(close - item.ptr) - 1}, 0};
    fa_span rest = {close + 1, item.len - found.host.len - 2};
    if (rest.len == 0) return found;
    if (rest.ptr[0] != ':') return whole;
    (void)parse_port((fa_span){rest.ptr + 1, rest.len - 1}, &found.port);
    return found;
}

/* An address alone, "host:port" with one colon, or brackets. What is none of these is taken
 * as it is: an address that we do not understand is nobody's whom we trust. */
static struct fa_forwarded_client parse_item(fa_span item)
{
    struct fa_forwarded_client whole = {item, 0};
    if (item.len > 0 && item.ptr[0] == '[') return bracketed(item);
    const char *colon = item.len == 0 ? NULL : memchr(item.ptr, ':', item.len);
    if (colon == NULL) return whole;
    size_t len = (size_t)(colon - item.ptr);
    struct fa_forwarded_client found = {{item.ptr, len}, 0};
    return parse_port((fa_span){colon + 1, item.len - len - 1}, &found.port) ? found : whole;
}

static fa_span first_item(fa_span list)
{
    return fa_span_trimmed(fa_span_cut(&list, ','), is_blank);
}

/* Takes the last item off `list`; false once the first one has been taken. */
static bool last_item(fa_span *list, bool *more, fa_span *item)
{
    if (!*more) return false;
    const char *comma = list->len == 0 ? NULL : memrchr(list->ptr, ',', list->len);
    size_t start = comma == NULL ? 0 : (size_t)(comma - list->ptr) + 1;
    *item = fa_span_trimmed((fa_span){list->ptr + start, list->len - start}, is_blank);
    *more = comma != NULL;
    list->len = comma == NULL ? 0 : start - 1;
    return true;
}

struct fa_forwarded_client fa_forwarded_client(
    const struct fa_http_request *req, fa_forwarded_trusts *trusts, const void *ctx)
{
    struct fa_forwarded_client leftmost = {{NULL, 0}, 0};
    for (uint32_t i = req->header_count; i-- > 0;) {
        fa_span list = req->headers[i].value, item;
        if (!fa_span_eq_nocase(req->headers[i].name, FA_SPAN("x-forwarded-for"))) continue;
        leftmost = parse_item(first_item(list));
        for (bool more = trusts != NULL; last_item(&list, &more, &item);) {
            struct fa_forwarded_client found = parse_item(item);
            if (!trusts(ctx, found.host)) return found;
        }
    }
    return leftmost;
}
