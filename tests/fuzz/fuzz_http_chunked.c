/*
 * Chunked bodies: decoding in pieces gives what decoding at once gives; never more
 * comes out than went in; bytes behind the end are left alone; an error stays.
 *
 * Input: two bytes choose the sizes of the pieces, the rest is the body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_chunked.h"

static const struct fa_http_limits LIMITS = {
    .request_line = 200, .header_block = 300, .header_count = 4};

struct outcome {
    fa_status status;
    bool done;
    size_t decoded;
    size_t consumed;
};

static void require(int condition)
{
    if (!condition) __builtin_trap();
}

/* Nothing that follows an error makes it good. */
static void check_failed(struct fa_http_chunked *c, fa_status error)
{
    static const char rest[] = "\r\n0\r\n\r\n";
    for (size_t n = 0; n < sizeof rest; n++) {
        char piece[sizeof rest];
        size_t len = n, used = 0;
        bool done = false;
        memcpy(piece, rest, n);
        require(fa_http_chunked_decode(c, piece, &len, &used, &done) == error && !done);
    }
}

/* Decode `body` into `out` in pieces of `first` and of `second` bytes by turns. */
static struct outcome decode(
    const uint8_t *body, size_t len, size_t first, size_t second, char *out)
{
    struct fa_http_chunked c;
    struct outcome o = {FA_OK, false, 0, 0};
    fa_http_chunked_init(&c, &LIMITS);
    for (bool odd = false; o.consumed < len && !o.done; odd = !odd) {
        size_t n = odd ? second : first;
        n = n < len - o.consumed ? n : len - o.consumed;
        char *piece = malloc(n);
        require(piece != NULL);
        memcpy(piece, body + o.consumed, n);
        size_t got = n, used = 0;
        o.status = fa_http_chunked_decode(&c, piece, &got, &used, &o.done);
        if (o.status != FA_OK) {
            check_failed(&c, o.status);
            free(piece);
            return o;
        }
        require(used <= n && got <= used);
        require(o.done || used == n);
        require(memcmp(piece + used, body + o.consumed + used, n - used) == 0);
        memcpy(out + o.decoded, piece, got);
        o.decoded += got;
        o.consumed += used;
        free(piece);
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    const uint8_t *body = data + 2;
    size_t len = size - 2;
    char *at_once = malloc(len), *in_pieces = malloc(len);
    require(at_once != NULL && in_pieces != NULL);
    struct outcome a = decode(body, len, len, len, at_once);
    struct outcome b = decode(body, len, data[0] + 1u, data[1] % 32u + 1, in_pieces);
    require(a.status == b.status);
    if (a.status == FA_OK) {
        require(a.done == b.done && a.decoded == b.decoded && a.consumed == b.consumed);
        require(memcmp(at_once, in_pieces, a.decoded) == 0);
        if (a.done) require(a.consumed >= 5 && memcmp(body + a.consumed - 2, "\r\n", 2) == 0);
    }
    free(at_once);
    free(in_pieces);
    return 0;
}
