/*
 * Request bodies: however a body is framed, cut and delayed, the handler gets the bytes that
 * were sent, or the client an error; and the request behind it is answered as if nothing was.
 *
 * Input: four bytes choose options and framing, then the sizes of the pieces it is sent in, up to
 * a zero, then the body.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http_response.h"
#include "route/router.h"
#include "server/executor.h"
#include "server/memory_peer.h"
#include "server/server.h"
#include "server/stream.h"
#include "server/task.h"

enum { COMPILED, NEXT, ROUTES };
enum { CHUNKED = 1, STREAMED = 2, EXTENSIONS = 4, TRAILERS = 8, UNREAD = 16, SMALL = 32 };

static struct {
    struct fa_server *server;
    fa_span body; /* that was sent */
    size_t got;
    bool whole, late, next;
    uint8_t how;
} run;

static void require(bool ok)
{
    if (!ok) __builtin_trap();
}

static size_t put_head(char *at, bool close)
{
    struct fa_http_head head = {.status = 200, .has_content_length = true, .close = close};
    return fa_http_head_write(&head, at);
}

static void answer(struct fa_task *t)
{
    t->close_after = fa_task_should_close(t);
    t->status = 200;
    t->out_start = 0;
    t->out_end = (uint32_t)put_head(t->out->data, t->close_after);
}

static void run_next(struct fa_task *t)
{
    run.next = true;
    answer(t);
}

static void take(const char *ptr, size_t len)
{
    require(run.got + len <= run.body.len);
    require(len == 0 || memcmp(run.body.ptr + run.got, ptr, len) == 0);
    run.got += len;
}

static void end_stream(struct fa_task *t)
{
    char text[256];
    bool close = fa_task_should_close(t);
    struct fa_buffer *b = fa_buffer_new(sizeof text);
    if (b != NULL) {
        b->len = (uint32_t)put_head(b->data, close);
        if (fa_stream_write(t, b, 0) != FA_OK) fa_buffer_release(b);
    }
    fa_stream_end(t, close);
}

static void read_stream(struct fa_task *t)
{
    for (;;) {
        struct fa_buffer *chunk = NULL;
        bool eof = false, gone = false;
        require(fa_stream_read(t, &chunk, &eof, &gone) == FA_OK);
        if (chunk != NULL) {
            take(chunk->data, chunk->len);
            fa_buffer_release(chunk);
        }
        if (chunk == NULL && (eof || gone)) {
            run.whole = run.whole || !gone;
            require(gone || run.got == run.body.len);
            end_stream(t);
        }
        if (chunk == NULL || (eof && gone)) return;
    }
}

static void run_item(void *item)
{
    struct fa_task *t = fa_task_untag(item);
    if (fa_task_is_tagged(item)) {
        if (fa_stream_take_event(t)) read_stream(t);
    } else if (t->route == NULL) {
        if ((run.how & UNREAD) != 0) {
            run.late = true; /* answered before its body is here: that is skipped */
            end_stream(t);
        } else {
            read_stream(t);
        }
    } else {
        take(t->body.ptr, t->body.len);
        require(run.got == run.body.len);
        run.whole = true;
        answer(t);
        fa_executor_complete(run.server, t);
    }
}

static void turn(void)
{
    void *items[8];
    size_t n;
    (void)!fa_server_turn(run.server, false);
    while ((n = fa_executor_loop_drain(run.server, items, 8)) > 0) {
        for (size_t i = 0; i < n; i++) {
            run_item(items[i]);
        }
        (void)!fa_server_turn(run.server, false);
    }
}

static void start(const struct fa_config *config)
{
    static const char *const PATHS[ROUTES] = {"/compiled", "/next"};
    struct fa_route routes[ROUTES] = {{.id = COMPILED, .lane = FA_LANE_LOOP},
        {.id = NEXT, .lane = FA_LANE_INLINE, .inline_run = run_next}};
    struct fa_router *router = NULL;
    require(fa_router_new(&router) == FA_OK);
    for (uint32_t i = 0; i < ROUTES; i++) {
        fa_span path = {PATHS[i], strlen(PATHS[i])};
        require(fa_router_add(router, path, 1u << FA_HTTP_GET | 1u << FA_HTTP_POST, i) == FA_OK);
    }
    require(fa_router_freeze(router) == FA_OK);
    require(fa_server_new(config, NULL, NULL, &run.server) == FA_OK);
    require(fa_server_set_routes(run.server, router, routes, ROUTES, NULL, NULL, NULL) == FA_OK);
    require(fa_server_start_driven(run.server) == FA_OK);
}

/* The request as it goes over the wire. Ownership: the caller's. */
static char *put_request(size_t chunk, size_t *len)
{
    bool chunked = (run.how & CHUNKED) != 0;
    char *wire = malloc(run.body.len * 24 + 1024), *at = wire;
    at += sprintf(
        at, "POST %s HTTP/1.1\r\nHost: a\r\n", (run.how & STREAMED) != 0 ? "/app" : "/compiled");
    if (!chunked) {
        at += sprintf(at, "Content-Length: %zu\r\n\r\n", run.body.len);
        if (run.body.len > 0) memcpy(at, run.body.ptr, run.body.len);
        at += run.body.len;
    } else {
        at += sprintf(at, "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t done = 0; done < run.body.len;) {
            size_t n = run.body.len - done < chunk ? run.body.len - done : chunk;
            at += sprintf(at, (run.how & EXTENSIONS) != 0 ? "%zX;a=\"b\"\r\n" : "%zx\r\n", n);
            memcpy(at, run.body.ptr + done, n);
            at += n;
            at += sprintf(at, "\r\n");
            done += n;
        }
        at += sprintf(at, (run.how & TRAILERS) != 0 ? "0\r\nX: y\r\n\r\n" : "0\r\n\r\n");
    }
    at += sprintf(at, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    *len = (size_t)(at - wire);
    return wire;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5) return 0;
    uint64_t live = fa_alloc_live();
    memset(&run, 0, sizeof run);
    run.how = data[0];
    size_t repeat = data[1] % 8u + 1u, chunk = data[2] + 1u;
    uint64_t fail_at = data[3];
    const uint8_t *sizes = data + 4;
    const uint8_t *zero = memchr(sizes, 0, size - 4);
    size_t pieces = zero == NULL ? 0 : (size_t)(zero - sizes);
    size_t once = size - 4 - pieces;
    char *body = malloc(once * repeat);
    for (size_t i = 0; i < repeat; i++) {
        memcpy(body + i * once, sizes + pieces, once);
    }
    run.body = (fa_span){body, once * repeat};
    struct fa_config config;
    fa_config_defaults(&config);
    config.buffer_size = (run.how & SMALL) != 0 ? 1024 : 8192;
    config.write_high_water = 4096;
    start(&config);
    size_t len = 0;
    char *wire = put_request(chunk, &len);
    struct fa_memory_peer peer;
    fa_memory_peer_init(&peer);
    require(fa_memory_peer_connect(&peer, run.server) == FA_OK);
    fa_alloc_fail_at(fail_at < 128 ? 0 : fail_at - 127);
    for (size_t at = 0, i = 0; at < len && peer.conn != NULL && !peer.out_ended; i++) {
        size_t n = i < pieces ? sizes[i] : len - at;
        n = n < len - at ? n : len - at;
        fa_memory_peer_send(&peer, wire + at, n);
        at += n;
        for (int turns = 0; turns < 1000 && peer.conn != NULL && peer.in_len > 0; turns++) {
            turn();
        }
        require(peer.conn == NULL || peer.in_len == 0);
        turn();
    }
    for (int turns = 0; turns < 4; turns++) {
        turn();
    }
    if (fail_at < 128) {
        require(run.whole || run.late);
        require(run.next || peer.out_ended); /* a long rest that is skipped ends the connection */
    }
    fa_alloc_fail_at(0);
    fa_memory_peer_deinit(&peer);
    turn();
    require(fa_server_stop(run.server, 0) == FA_OK);
    fa_server_free(run.server);
    free(wire);
    free(body);
    require(fa_alloc_live() == live);
    return 0;
}
