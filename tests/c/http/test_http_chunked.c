/* Chunked bodies: whole, cut at every byte, byte by byte; what must be refused. */
#include "http/http_chunked.h"

#include "check.h"
#include "guard_page.h"

static const struct fa_http_limits usual = {8192, 32768, 100};

struct result {
    fa_status status;
    bool done;
    size_t consumed;
    size_t len;
    char body[512];
};

/* Feed pieces as they would arrive; each in its own guarded buffer. */
static struct result decode(const char *text, size_t len, size_t first, size_t step)
{
    struct fa_http_chunked c;
    struct result r = {.status = FA_OK};
    fa_http_chunked_init(&c, &usual);
    for (size_t at = 0; at < len && !r.done && r.status == FA_OK;) {
        size_t n = at == 0 ? first : step;
        n = n < len - at ? n : len - at;
        struct fa_guard g = fa_guard_copy(text + at, n);
        size_t out = n, consumed = 0;
        r.status = fa_http_chunked_decode(&c, g.data, &out, &consumed, &r.done);
        if (r.status == FA_OK) {
            memcpy(r.body + r.len, g.data, out);
            r.len += out;
            r.consumed += consumed;
            if (!r.done) CHECK_EQ_INT(consumed, n);
        }
        fa_guard_free(&g);
        at += n;
    }
    return r;
}

struct good_case {
    const char *text;
    const char *body;
    size_t consumed;
};

static const struct good_case good[] = {
    {"0\r\n\r\n", "", 5},
    {"5\r\nhello\r\n0\r\n\r\n", "hello", 15},
    {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET / HTTP/1.1", "hello world", 26},
    {"A\r\n0123456789\r\na\r\nabcdefghij\r\n00\r\n\r\n", "0123456789abcdefghij", 36},
    {"5;name=value;x\r\nhello\r\n0;last\r\n\r\n", "hello", 33},
    {"5;q=\"a;\\\"b\"\r\nhello\r\n0\r\n\r\n", "hello", 25},
    {"5\r\nhello\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n", "hello", 35},
    {"0\r\nContent-Lengths: 1\r\nontent-Length: 2\r\nContent-Type: x\r\n\r\n", "", 60},
    {"000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 29},
};

TEST(accepted_however_it_is_cut)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t len = strlen(good[i].text);
        for (size_t first = 1; first <= len; first++) {
            for (size_t step = 1; step <= len; step += len - 1 > 0 ? len - 1 : 1) {
                struct result r = decode(good[i].text, len, first, step);
                check_eq_int(r.status, FA_OK, good[i].text, __FILE__, __LINE__);
                CHECK(r.done);
                CHECK_EQ_INT(r.consumed, good[i].consumed);
                check_eq_span((fa_span){r.body, r.len},
                    (fa_span){good[i].body, strlen(good[i].body)}, good[i].text, __FILE__,
                    __LINE__);
            }
        }
    }
}

static const struct {
    const char *name;
    const char *text;
} bad[] = {
    {"no size", "\r\nhello\r\n"},
    {"0x (CVE-2022-24761)", "0x5\r\nhello\r\n"},
    {"underscore (CVE-2023-47627)", "0_5\r\nhello\r\n"},
    {"plus", "+5\r\nhello\r\n"},
    {"minus", "-5\r\nhello\r\n"},
    {"leading space", " 5\r\nhello\r\n"},
    {"space after the size", "5 \r\nhello\r\n"},
    {"not hexadecimal", "g\r\n"},
    {"16 digits", "0000000000000005\r\nhello\r\n"},
    {"overflow (7.1)", "fffffffffffffffff\r\n"},
    {"bare LF after the size", "5\nhello\r\n"},
    {"bare LF in an extension (CVE-2024-52304)", "2;\nxx\r\n0\r\n\r\n"},
    {"bare CR in an extension", "2;\rxx\r\n0\r\n\r\n"},
    {"control character in an extension", "2;a\x01\r\nxx\r\n"},
    {"LF in a quoted extension", "2;a=\"\n\"\r\nxx\r\n"},
    {"other bytes instead of CRLF (CVE-2025-43859)", "5\r\nAAAAAXX2\r\n45\r\n0\r\n\r\n"},
    {"too much data", "5\r\nhello!\r\n0\r\n\r\n"},
    {"bare LF after the data", "5\r\nhello\n0\r\n\r\n"},
    {"bare LF at the end", "0\r\n\n"},
    {"trailer without colon", "0\r\nX\r\n\r\n"},
    {"trailer with a space before the colon", "0\r\nX : y\r\n\r\n"},
    {"folded trailer", "0\r\nX: y\r\n z\r\n\r\n"},
    {"control character in a trailer", "0\r\nX: \x01\r\n\r\n"},
    {"empty trailer name", "0\r\n: y\r\n\r\n"},
    {"a length in the trailers (RFC 9110, 6.5.1)", "0\r\nContent-Length: 5\r\n\r\n"},
    {"a coding in the trailers", "0\r\nX: y\r\ntRANSFER-eNCODING: chunked\r\n\r\n"},
};

TEST(refused_however_it_is_cut)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t len = strlen(bad[i].text);
        for (size_t first = 1; first <= len; first++) {
            struct result r = decode(bad[i].text, len, first, len);
            check_eq_int(r.status, FA_ERR_BAD_REQUEST, bad[i].name, __FILE__, __LINE__);
        }
        CHECK_EQ_INT(decode(bad[i].text, len, 1, 1).status, FA_ERR_BAD_REQUEST);
    }
}

TEST(an_unfinished_body_is_never_done)
{
    static const char text[] = "5\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for (size_t len = 1; len < sizeof text - 1; len++) {
        struct result r = decode(text, len, len, 1);
        CHECK_EQ_INT(r.status, FA_OK);
        CHECK(!r.done);
    }
}

/* What is wrong never becomes right again, whatever follows. */
TEST(an_error_stays)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fa_http_chunked c;
        fa_http_chunked_init(&c, &usual);
        char text[64];
        size_t len = strlen(bad[i].text), consumed = 0;
        bool done = false;
        memcpy(text, bad[i].text, len);
        CHECK_EQ_INT(fa_http_chunked_decode(&c, text, &len, &consumed, &done), FA_ERR_BAD_REQUEST);
        for (const char *rest = "\r\n\n0\r\n\r\n"; *rest != '\0'; rest++) {
            char byte = *rest;
            len = 1;
            fa_status status = fa_http_chunked_decode(&c, &byte, &len, &consumed, &done);
            check_eq_int(status, FA_ERR_BAD_REQUEST, bad[i].name, __FILE__, __LINE__);
        }
        len = 0;
        CHECK_EQ_INT(fa_http_chunked_decode(&c, text, &len, &consumed, &done), FA_ERR_BAD_REQUEST);
        CHECK(!done);
    }
}

static fa_status feed(struct fa_http_chunked *c, const char *text, size_t times)
{
    fa_status status = FA_OK;
    for (size_t i = 0; i < times && status == FA_OK; i++) {
        char copy[512];
        size_t len = strlen(text), consumed = 0;
        bool done = false;
        memcpy(copy, text, len);
        status = fa_http_chunked_decode(c, copy, &len, &consumed, &done);
    }
    return status;
}

TEST(bounds)
{
    struct fa_http_chunked c;
    char line[400];
    memset(line, 'x', sizeof line);
    memcpy(line, "1;", 2);
    for (size_t len = FA_HTTP_CHUNK_LINE_MAX - 1; len <= FA_HTTP_CHUNK_LINE_MAX + 1; len++) {
        char text[500];
        snprintf(text, sizeof text, "%.*s\r\ny\r\n", (int)len - 1, line); /* the CR counts too */
        fa_http_chunked_init(&c, &usual);
        CHECK_EQ_INT(feed(&c, text, 1), len > FA_HTTP_CHUNK_LINE_MAX ? FA_ERR_BAD_REQUEST : FA_OK);
    }
    /* Extensions of all chunks together: CVE-2023-39326, CVE-2024-22019. */
    fa_http_chunked_init(&c, &usual);
    CHECK_EQ_INT(feed(&c, "1;xxxxxxxxxxxxxx\r\ny\r\n", FA_HTTP_CHUNK_EXTENSIONS_MAX / 15), FA_OK);
    CHECK_EQ_INT(feed(&c, "1;xxxxxxxxxxxxxx\r\ny\r\n", 1), FA_ERR_BAD_REQUEST);
    /* Trailers count against the header limits: CVE-2026-22815. */
    fa_http_chunked_init(&c, &usual);
    CHECK_EQ_INT(feed(&c, "0\r\n", 1), FA_OK);
    CHECK_EQ_INT(feed(&c, "X: y\r\n", 100), FA_OK);
    CHECK_EQ_INT(feed(&c, "X: y\r\n", 1), FA_ERR_HEADERS_TOO_LARGE);
    fa_http_chunked_init(&c, &usual);
    CHECK_EQ_INT(feed(&c, "0\r\nX: ", 1), FA_OK);
    CHECK_EQ_INT(feed(&c, "yyyyyyyyyyyyyyyy", 2048), FA_ERR_HEADERS_TOO_LARGE);
}

TEST(many_small_chunks)
{
    /* 10^5 chunks of one byte (CVE-2025-69229): one pass, nothing kept per chunk. */
    struct fa_http_chunked c;
    fa_http_chunked_init(&c, &usual);
    CHECK_EQ_INT(feed(&c, "1\r\nx\r\n", 100000), FA_OK);
    CHECK_EQ_INT(c.state, FA_HTTP_CHUNKED_SIZE);
}

int main(void)
{
    RUN(accepted_however_it_is_cut);
    RUN(refused_however_it_is_cut);
    RUN(an_unfinished_body_is_never_done);
    RUN(an_error_stays);
    RUN(bounds);
    RUN(many_small_chunks);
    return CHECK_END();
}
