/* gate.c - what of a request middleware looks at before the app sees it. */
#include "server/gate.h"

#include <string.h>

#include "base/base.h"

/* Longer names are handed over. */
enum { MAX_HOST = 255 };

const struct fa_http_header *fa_gate_origin(const struct fa_http_request *req)
{
    return fa_http_parser_find(req, FA_SPAN("origin"));
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/* The host in lower case without its port. 0: none, or not one of the plain kind. */
static size_t plain_host(fa_span value, char *out)
{
    size_t len = 0;
    for (; len < value.len && value.ptr[len] != ':'; len++) {
        char c = value.ptr[len];
        out[len] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        if (!is_host_char(out[len]) || len + 1 == MAX_HOST) {
            return 0;
        }
    }
    for (size_t i = len + 1; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return 0;
        }
    }
    return len + 1 == value.len ? 0 : len; /* a colon without a port */
}

static bool knows(const struct fa_gate_hosts *hosts, fa_span host)
{
    for (size_t i = 0; i < hosts->count; i++) {
        fa_span text = hosts->items[i].text;
        bool fits = hosts->items[i].is_suffix ? host.len >= text.len : host.len == text.len;
        if (fits && memcmp(host.ptr + host.len - text.len, text.ptr, text.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool host_passes(const struct fa_gate *gate, const struct fa_http_request *req)
{
    char text[MAX_HOST];
    const struct fa_http_header *header = fa_http_parser_find(req, FA_SPAN("host"));
    size_t len = header == NULL ? 0 : plain_host(header->value, text);
    if (len == 0) {
        return false;
    }
    for (size_t i = 0; i < gate->host_list_count; i++) {
        if (!knows(&gate->hosts[i], (fa_span){text, len})) {
            return false;
        }
    }
    return true;
}

/* An origin may come back as the value of a header: only one that is fit for that. */
static bool origin_passes(const struct fa_http_request *req)
{
    const struct fa_http_header *origin = fa_gate_origin(req);
    if (origin == NULL) {
        return true;
    }
    for (size_t i = 0; i < origin->value.len; i++) {
        if (origin->value.ptr[i] < 0x20 || origin->value.ptr[i] > 0x7e) {
            return false;
        }
    }
    return req->method != FA_HTTP_OPTIONS;
}

bool fa_gate_passes(const struct fa_gate *gate, const struct fa_http_request *req, bool is_secure)
{
    if (gate->https_only && !is_secure) {
        return false;
    }
    if (gate->host_list_count > 0 && !host_passes(gate, req)) {
        return false;
    }
    return !gate->has_cors || origin_passes(req);
}
