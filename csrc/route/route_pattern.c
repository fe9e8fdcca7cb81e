#include "route/route_pattern.h"

/* Starlette's names: [a-zA-Z_][a-zA-Z0-9_]* */
static bool is_name_byte(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (!first && c >= '0' && c <= '9');
}

/* A byte that stands for itself in a pattern. */
static bool is_static_byte(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x20 && u != 0x7f && c != '{' && c != '}';
}

static bool find_kind(fa_span name, enum fa_route_part_kind *kind)
{
#define KIND_ENTRY(value, number, text, regex) \
    if (fa_span_eq(name, FA_SPAN(text))) {     \
        *kind = value;                         \
        return true;                           \
    }
    FA_ROUTE_PART_MAP(KIND_ENTRY)
#undef KIND_ENTRY
    return false;
}

/* "{name}" or "{name:kind}" at the start of `text`; its length, or 0. */
static size_t read_param(fa_span text, struct fa_route_part *out)
{
    size_t at = 1;
    while (at < text.len && is_name_byte(text.ptr[at], at == 1))
        at++;
    if (at == 1 || at == text.len) return 0;
    out->kind = FA_ROUTE_PART_STR;
    out->text = (fa_span){text.ptr + 1, at - 1};
    if (text.ptr[at] == ':') {
        size_t start = ++at;
        while (at < text.len && is_name_byte(text.ptr[at], at == start))
            at++;
        if (!find_kind((fa_span){text.ptr + start, at - start}, &out->kind)) return 0;
    }
    return at < text.len && text.ptr[at] == '}' ? at + 1 : 0;
}

bool fa_route_pattern_next(struct fa_route_pattern *p, struct fa_route_part *out)
{
    if (p->rest.len == 0) return false;
    size_t len = 0;
    if (p->rest.ptr[0] == '{') {
        len = read_param(p->rest, out);
        FA_ASSERT(len > 0); /* fa_route_pattern_init has read all of it */
    } else {
        while (len < p->rest.len && is_static_byte(p->rest.ptr[len]))
            len++;
        *out = (struct fa_route_part){FA_ROUTE_PART_STATIC, {p->rest.ptr, len}};
    }
    p->rest = (fa_span){p->rest.ptr + len, p->rest.len - len};
    return true;
}

/* The text is the whole pattern, `start` and `end` the parameter's place in it. */
static bool fills_segment(fa_span text, size_t start, size_t end, enum fa_route_part_kind kind)
{
    if (text.ptr[start - 1] != '/') return false;
    if (kind == FA_ROUTE_PART_PATH) return end == text.len;
    return end == text.len || text.ptr[end] == '/';
}

fa_status fa_route_pattern_init(struct fa_route_pattern *p, fa_span text)
{
    fa_span names[FA_ROUTE_PATTERN_MAX_PARAMS];
    size_t count = 0;
    if (text.len == 0 || text.ptr[0] != '/') return FA_ERR_UNSUPPORTED;
    for (size_t at = 0; at < text.len;) {
        if (is_static_byte(text.ptr[at])) {
            at++;
            continue;
        }
        struct fa_route_part part;
        fa_span rest = {text.ptr + at, text.len - at};
        size_t len = rest.ptr[0] == '{' ? read_param(rest, &part) : 0;
        if (len == 0 || !fills_segment(text, at, at + len, part.kind)) return FA_ERR_UNSUPPORTED;
        if (count == FA_ROUTE_PATTERN_MAX_PARAMS) return FA_ERR_UNSUPPORTED;
        for (size_t i = 0; i < count; i++) {
            if (fa_span_eq(names[i], part.text)) return FA_ERR_INVALID;
        }
        names[count++] = part.text;
        at += len;
    }
    p->rest = text;
    return FA_OK;
}

fa_span fa_route_pattern_static_prefix(fa_span text)
{
    size_t len = 0;
    while (len < text.len && is_static_byte(text.ptr[len]))
        len++;
    return (fa_span){text.ptr, len};
}
