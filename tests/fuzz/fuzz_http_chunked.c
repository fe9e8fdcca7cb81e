/*
 * Chunked bodies: decoding in pieces gives what decoding at once gives; never more
 * comes out than went in; bytes behind the end are left alone.
 *
 * Input: one byte chooses the size of the pieces, the rest is the body.
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

/* Decode `body` in pieces of `step` bytes into `out`. */
static struct outcome decode(const uint8_t *body, size_t len, size_t step, char *out)
{
    struct fa_http_chunked c;
    struct outcome o = {FA_OK, false, 0, 0};
    fa_http_chunked_init(&c, &LIMITS);
    while (o.consumed < len && !o.done) {
        size_t n = step < len - o.consumed ? step : len - o.consumed;
        char *piece = malloc(n);
        require(piece != NULL);
        memcpy(piece, body + o.consumed, n);
        size_t got = n, used = 0;
        o.status = fa_http_chunked_decode(&c, piece, &got, &used, &o.done);
        if (o.status != FA_OK) {
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
    if (size < 2) return 0;
    size_t len = size - 1, step = data[0] % 17u + 1;
    char *at_once = malloc(len), *in_pieces = malloc(len);
    require(at_once != NULL && in_pieces != NULL);
    struct outcome a = decode(data + 1, len, len, at_once);
    struct outcome b = decode(data + 1, len, step, in_pieces);
    require(a.status == b.status);
    if (a.status == FA_OK) {
        require(a.done == b.done && a.decoded == b.decoded && a.consumed == b.consumed);
        require(memcmp(at_once, in_pieces, a.decoded) == 0);
        if (a.done) require(a.consumed >= 5 && memcmp(data + a.consumed - 1, "\r\n", 2) == 0);
    }
    free(at_once);
    free(in_pieces);
    return 0;
}
