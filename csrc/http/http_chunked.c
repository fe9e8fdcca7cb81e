#include "http/http_chunked.h"

#include <string.h>

#include "http/http_char.h"

void fa_http_chunked_init(struct fa_http_chunked *c, const struct fa_http_limits *limits)
{
    memset(c, 0, sizeof *c);
    c->state = FA_HTTP_CHUNKED_SIZE;
    c->limits = *limits;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* --- size line ------------------------------------------------------------------ */

static fa_status size_byte(struct fa_http_chunked *c, char byte)
{
    int digit = hex_value(byte);
    if (digit >= 0) {
        if (++c->digits > 15) return FA_ERR_BAD_REQUEST; /* cannot overflow below that */
        c->left = c->left * 16 + (uint64_t)digit;
        return FA_OK;
    }
    if (c->digits == 0) return FA_ERR_BAD_REQUEST;
    if (byte == '\r') {
        c->state = FA_HTTP_CHUNKED_SIZE_LF;
    } else if (byte == ';') {
        c->state = FA_HTTP_CHUNKED_EXTENSION;
    } else {
        return FA_ERR_BAD_REQUEST; /* also spaces before ';': read differently by others */
    }
    return FA_OK;
}

static fa_status extension_byte(struct fa_http_chunked *c, char byte)
{
    if (++c->extension_bytes > FA_HTTP_CHUNK_EXTENSIONS_MAX) return FA_ERR_BAD_REQUEST;
    if (c->state == FA_HTTP_CHUNKED_ESCAPED) {
        c->state = FA_HTTP_CHUNKED_QUOTED;
        return fa_http_char_is_text(byte) ? FA_OK : FA_ERR_BAD_REQUEST;
    }
    if (c->state == FA_HTTP_CHUNKED_QUOTED) {
        if (byte == '"') c->state = FA_HTTP_CHUNKED_EXTENSION;
        if (byte == '\\') c->state = FA_HTTP_CHUNKED_ESCAPED;
        return fa_http_char_is_text(byte) ? FA_OK : FA_ERR_BAD_REQUEST;
    }
    if (byte == '\r') {
        c->state = FA_HTTP_CHUNKED_SIZE_LF;
        return FA_OK;
    }
    if (byte == '"') {
        c->state = FA_HTTP_CHUNKED_QUOTED;
        return FA_OK;
    }
    bool known =
        byte == ';' || byte == '=' || byte == ' ' || byte == '\t' || fa_http_char_is_token(byte);
    return known ? FA_OK : FA_ERR_BAD_REQUEST;
}

static void size_line_done(struct fa_http_chunked *c)
{
    c->state = c->left > 0 ? FA_HTTP_CHUNKED_DATA : FA_HTTP_CHUNKED_LINE;
    c->digits = 0;
    c->line_len = 0;
}

/* --- trailers ------------------------------------------------------------------- */

static const fa_span framing_names[] = {{"content-length", 14}, {"transfer-encoding", 17}};

#define FRAMING_NAMES (sizeof framing_names / sizeof framing_names[0])

/* One more byte of a trailer's name: follows which of the framing names it may yet be. */
static fa_status name_byte(struct fa_http_chunked *c, char byte)
{
    if (!fa_http_char_is_token(byte)) return FA_ERR_BAD_REQUEST;
    for (size_t i = 0; i < FRAMING_NAMES; i++) {
        bool fits = c->name_len < framing_names[i].len &&
                    framing_names[i].ptr[c->name_len] == (char)(byte | 0x20);
        if (!fits) c->may_frame &= (uint8_t) ~(1u << i);
    }
    c->name_len++;
    return FA_OK;
}

static fa_status name_done(struct fa_http_chunked *c)
{
    c->state = FA_HTTP_CHUNKED_TRAILER_VALUE;
    for (size_t i = 0; i < FRAMING_NAMES; i++) {
        bool is_it = (c->may_frame & 1u << i) != 0 && c->name_len == framing_names[i].len;
        if (is_it) return FA_ERR_BAD_REQUEST;
    }
    return FA_OK;
}

static fa_status trailer_byte(struct fa_http_chunked *c, char byte)
{
    if (++c->trailer_bytes > c->limits.header_block) return FA_ERR_HEADERS_TOO_LARGE;
    if (c->state == FA_HTTP_CHUNKED_LINE) {
        if (byte == '\r') {
            c->state = FA_HTTP_CHUNKED_LAST_LF;
            return FA_OK;
        }
        if (++c->trailer_count > c->limits.header_count) return FA_ERR_HEADERS_TOO_LARGE;
        c->state = FA_HTTP_CHUNKED_TRAILER_NAME;
        c->name_len = 0;
        c->may_frame = (uint8_t)((1u << FRAMING_NAMES) - 1);
        return name_byte(c, byte);
    }
    if (c->state == FA_HTTP_CHUNKED_TRAILER_NAME)
        return byte == ':' ? name_done(c) : name_byte(c, byte);
    if (byte == '\r') {
        c->state = FA_HTTP_CHUNKED_TRAILER_LF;
        return FA_OK;
    }
    return fa_http_char_is_text(byte) ? FA_OK : FA_ERR_BAD_REQUEST;
}

/* --- the machine ------------------------------------------------------------------ */

static fa_status expect(
    struct fa_http_chunked *c, char byte, char wanted, enum fa_http_chunked_state next)
{
    c->state = next;
    return byte == wanted ? FA_OK : FA_ERR_BAD_REQUEST;
}

/* Every byte that is not chunk data. */
static fa_status control_byte(struct fa_http_chunked *c, char byte)
{
    switch (c->state) {
    case FA_HTTP_CHUNKED_SIZE:
    case FA_HTTP_CHUNKED_EXTENSION:
    case FA_HTTP_CHUNKED_QUOTED:
    case FA_HTTP_CHUNKED_ESCAPED:
        if (++c->line_len > FA_HTTP_CHUNK_LINE_MAX) return FA_ERR_BAD_REQUEST;
        return c->state == FA_HTTP_CHUNKED_SIZE ? size_byte(c, byte) : extension_byte(c, byte);
    case FA_HTTP_CHUNKED_SIZE_LF:
        if (byte != '\n') return FA_ERR_BAD_REQUEST;
        size_line_done(c);
        return FA_OK;
    case FA_HTTP_CHUNKED_DATA_CR: return expect(c, byte, '\r', FA_HTTP_CHUNKED_DATA_LF);
    case FA_HTTP_CHUNKED_DATA_LF: return expect(c, byte, '\n', FA_HTTP_CHUNKED_SIZE);
    case FA_HTTP_CHUNKED_LINE:
    case FA_HTTP_CHUNKED_TRAILER_NAME:
    case FA_HTTP_CHUNKED_TRAILER_VALUE: return trailer_byte(c, byte);
    case FA_HTTP_CHUNKED_TRAILER_LF: return expect(c, byte, '\n', FA_HTTP_CHUNKED_LINE);
    case FA_HTTP_CHUNKED_LAST_LF: return expect(c, byte, '\n', FA_HTTP_CHUNKED_DONE);
    case FA_HTTP_CHUNKED_DATA:
    case FA_HTTP_CHUNKED_DONE:
    case FA_HTTP_CHUNKED_FAILED: break;
    }
    return FA_ERR_INVALID;
}

fa_status fa_http_chunked_decode(
    struct fa_http_chunked *c, char *buf, size_t *len, size_t *consumed, bool *done)
{
    size_t raw = *len, in = 0, out = 0;
    if (c->state == FA_HTTP_CHUNKED_FAILED) return c->error;
    while (in < raw && c->state != FA_HTTP_CHUNKED_DONE) {
        if (c->state == FA_HTTP_CHUNKED_DATA) {
            size_t n = raw - in < c->left ? raw - in : (size_t)c->left;
            if (in != out) memmove(buf + out, buf + in, n);
            in += n;
            out += n;
            c->left -= n;
            if (c->left == 0) c->state = FA_HTTP_CHUNKED_DATA_CR;
            continue;
        }
        fa_status status = control_byte(c, buf[in++]);
        if (status != FA_OK) {
            c->state = FA_HTTP_CHUNKED_FAILED;
            c->error = status;
            return status;
        }
    }
    *len = out;
    *consumed = in;
    *done = c->state == FA_HTTP_CHUNKED_DONE;
    return FA_OK;
}
