/* fixed_lines.c - the header lines that are the same in every answer. */
#include "server/fixed_lines.h"

#include <string.h>

#include "base/alloc.h"
#include "http/http_response.h"

static const fa_span OWN = {"server: fasterapi\r\n", 19};

void fa_fixed_lines_init(struct fa_fixed_lines *self, bool server_header)
{
    self->text = server_header ? OWN : (fa_span){NULL, 0};
    self->owned = NULL;
}

void fa_fixed_lines_deinit(struct fa_fixed_lines *self)
{
    fa_free(self->owned);
    self->owned = NULL;
}

static bool is_framing(fa_span name)
{
    static const fa_span names[] = {
        {"content-length", 14}, {"transfer-encoding", 17}, {"connection", 10}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fa_span_eq_nocase(name, names[i])) return true;
    }
    return false;
}

/* The length of the line that begins at `ptr`, its end included, or 0. */
static size_t line_len(const char *ptr, size_t left)
{
    const char *end = memchr(ptr, '\n', left);
    return end == NULL ? 0 : (size_t)(end - ptr) + 1;
}

static bool is_line(fa_span line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL || line.len < 2 || line.ptr[line.len - 2] != '\r') return false;
    size_t name_len = (size_t)(colon - line.ptr), rest = line.len - name_len - 1;
    fa_span name = {line.ptr, name_len};
    if (rest < 3 || colon[1] != ' ') return false; /* blank, CR, LF */
    return fa_http_header_valid_name(name) && !is_framing(name) &&
           fa_http_header_valid_value((fa_span){colon + 2, rest - 3});
}

fa_status fa_fixed_lines_set(struct fa_fixed_lines *self, fa_span lines, size_t room, fa_span *bad)
{
    for (size_t at = 0; at < lines.len;) {
        size_t len = line_len(lines.ptr + at, lines.len - at);
        fa_span line = {lines.ptr + at, len > 0 ? len : lines.len - at};
        if (len == 0 || !is_line(line)) {
            *bad = line;
            return FA_ERR_INVALID;
        }
        at += len;
    }
    if (lines.len > room) return FA_ERR_FULL;
    char *copy = NULL;
    if (lines.len > 0) {
        copy = fa_alloc(lines.len);
        if (copy == NULL) return FA_ERR_NOMEM;
        memcpy(copy, lines.ptr, lines.len);
    }
    fa_free(self->owned);
    self->owned = copy;
    self->text = (fa_span){copy, lines.len};
    return FA_OK;
}
