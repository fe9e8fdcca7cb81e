/*
 * The whole server without sockets: clients, the event loop, time and failures are the input.
 *
 * The input is a program. Its first bytes choose the options; then each byte is a step of one
 * actor: a client sends, takes, ends or breaks off; the reactor takes a turn; the executor runs
 * or puts off a task; the app reads, writes, ends, aborts or upgrades one of its streams; time
 * passes; an allocation fails. One thread does it all, so that a crash is always the same one.
 *
 * What must hold besides the sanitizers: nobody gets bytes of somebody else's; nothing behind
 * an upgrade to a tunnel runs as a request; no more answers than questions; at the end
 * no task, connection or block of memory is left.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/http_response.h"
#include "route/router.h"
#include "server/executor.h"
#include "server/memory_peer.h"
#include "server/server.h"
#include "server/stream.h"
#include "server/task.h"

enum { CLIENTS = 3, STREAMS = 48, WAITING = 16, SENDS = 64, REQUEST_MAX = 16384, RUN = 8 };
enum { INLINE, INLINE_PARAM, HIDDEN, LOOP, LOOP_BODY, UNSURE, ROUTES };

static void require(bool ok)
{
    if (!ok) __builtin_trap();
}

/* ---- time is a part of the input ---- */

static uint64_t now_ns;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    (void)id;
    ts->tv_sec = (time_t)(now_ns / 1000000000u);
    ts->tv_nsec = (long)(now_ns % 1000000000u);
    return 0;
}

/* ---- the program ---- */

struct program {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct program *p)
{
    if (p->left == 0) return 0;
    p->left--;
    return *p->at++;
}

struct client {
    struct fa_memory_peer peer;
    char *sent[SENDS]; /* the peer borrows it */
    size_t sends;
    size_t questions;
    bool free_form; /* has sent what may be anything: its answers are not counted */
    bool tunnelled; /* may get its own bytes back, and nothing that looks like an answer counts */
};

struct world {
    struct fa_config config;
    struct fa_server *server;
    struct client clients[CLIENTS];
    struct fa_task *streams[STREAMS]; /* with the app */
    size_t stream_count;
    struct fa_task *waiting[WAITING]; /* compiled, put off */
    size_t waiting_count;
    int file;
};

static struct world *world; /* for a handler that is given a task alone */

/* ---- compiled handlers ---- */

static void answer(struct fa_task *t, fa_span body)
{
    t->close_after = fa_task_should_close(t);
    t->status = 200;
    struct fa_http_head head = {.status = 200,
        .has_content_length = true,
        .content_length = body.len,
        .close = t->close_after,
        .keep_alive_10 = fa_task_is_keep_alive_10(t) && !t->close_after};
    size_t n = fa_http_head_size(&head);
    size_t room = t->out->capacity - FA_HTTP_HEAD_ROOM;
    if (t->head_only || body.len > room) body.len = t->head_only ? 0 : room;
    head.content_length = body.len;
    require(n <= FA_HTTP_HEAD_ROOM);
    t->out_start = (uint32_t)(FA_HTTP_HEAD_ROOM - fa_http_head_size(&head));
    (void)fa_http_head_write(&head, t->out->data + t->out_start);
    if (body.len > 0) memcpy(t->out->data + FA_HTTP_HEAD_ROOM, body.ptr, body.len);
    t->out_end = (uint32_t)(FA_HTTP_HEAD_ROOM + body.len);
}

static void run_inline(struct fa_task *t)
{
    answer(t, (fa_span){"inline", 6});
}

static void run_inline_param(struct fa_task *t)
{
    answer(t, t->match.params[0]);
}

/* Sent behind an upgrade to a tunnel, and by nobody who keeps to the rules in another place. */
static void run_hidden(struct fa_task *t)
{
    uint32_t number = fa_memory_peer_number(t);
    require(number > 0 && number <= CLIENTS && world->clients[number - 1].free_form);
    answer(t, (fa_span){"hidden", 6});
}

static void run_compiled(struct world *w, struct fa_task *t)
{
    if (t->route->id == UNSURE) {
        fa_executor_hand_over(w->server, t);
        return;
    }
    answer(t, t->route->id == LOOP_BODY ? t->body : t->match.params[0]);
    fa_executor_complete(w->server, t);
}

static bool add_routes(struct fa_server *s)
{
    static const struct {
        const char *path;
        uint32_t methods;
        enum fa_lane lane;
        void (*run)(struct fa_task *t);
    } rows[ROUTES] = {
        [INLINE] = {"/inline", 1u << FA_HTTP_GET | 1u << FA_HTTP_HEAD, FA_LANE_INLINE, run_inline},
        [INLINE_PARAM] = {"/inline/{a}", 1u << FA_HTTP_GET, FA_LANE_INLINE, run_inline_param},
        [HIDDEN] = {"/hidden", 1u << FA_HTTP_GET, FA_LANE_INLINE, run_hidden},
        [LOOP] = {"/loop/{a}", 1u << FA_HTTP_GET | 1u << FA_HTTP_HEAD, FA_LANE_LOOP, NULL},
        [LOOP_BODY] = {"/loop", 1u << FA_HTTP_POST, FA_LANE_LOOP, NULL},
        [UNSURE] = {"/unsure", 1u << FA_HTTP_GET | 1u << FA_HTTP_POST, FA_LANE_LOOP, NULL},
    };
    struct fa_router *router = NULL;
    struct fa_route routes[ROUTES];
    if (fa_router_new(&router) != FA_OK) return false;
    bool ok = true;
    for (uint32_t i = 0; i < ROUTES; i++) {
        fa_span path = {rows[i].path, strlen(rows[i].path)};
        ok = ok && fa_router_add(router, path, rows[i].methods, i) == FA_OK;
        routes[i] =
            (struct fa_route){.id = i, .lane = rows[i].lane, .inline_run = rows[i].run, .plan = s};
    }
    ok = ok && fa_router_freeze(router) == FA_OK &&
         fa_server_set_routes(s, router, routes, ROUTES, NULL, NULL, NULL) == FA_OK;
    if (!ok) fa_router_free(router);
    return ok;
}

/* ---- the app ---- */

enum { HAS_HEAD = 1, IS_CHUNKED = 2, IS_TUNNEL = 4 }; /* bits of task->user_kind */

static fa_status write_copy(struct fa_task *t, const void *ptr, size_t len)
{
    struct fa_buffer *b = fa_buffer_new(len > 0 ? len : 1);
    if (b == NULL) return FA_ERR_NOMEM;
    if (len > 0) memcpy(b->data, ptr, len);
    b->len = (uint32_t)len;
    fa_status st = fa_stream_write(t, b, 0);
    if (st != FA_OK) fa_buffer_release(b);
    return st;
}

static bool put_head(struct fa_task *t, bool whole)
{
    if ((t->user_kind & (HAS_HEAD | IS_TUNNEL)) != 0) return true;
    bool chunked = !whole && t->req.minor > 0 && !t->head_only;
    bool close = fa_task_should_close(t) || (!whole && !chunked && !t->head_only);
    struct fa_http_head head = {.status = 200,
        .chunked = chunked,
        .has_content_length = !chunked && !close,
        .close = close,
        .keep_alive_10 = fa_task_is_keep_alive_10(t) && !close};
    char text[512];
    require(fa_http_head_size(&head) <= sizeof text);
    t->status = 200;
    if (write_copy(t, text, fa_http_head_write(&head, text)) != FA_OK) return false;
    t->user_kind |= HAS_HEAD | (chunked ? IS_CHUNKED : 0);
    t->close_after = false; /* the reactor's; what the head says is given to fa_stream_end */
    return true;
}

/* What was read, back as a piece of the answer. False: the answer cannot go on. */
static bool put_piece(struct fa_task *t, const char *ptr, size_t len)
{
    if (!put_head(t, false)) return false;
    if (t->head_only || len == 0) return true;
    char line[16];
    bool chunked = (t->user_kind & IS_CHUNKED) != 0;
    size_t n = (size_t)snprintf(line, sizeof line, "%zx\r\n", len);
    bool framed = chunked || (t->user_kind & IS_TUNNEL) != 0 || fa_task_should_close(t);
    if (!framed) return true; /* its head says that there is no body */
    return (!chunked || write_copy(t, line, n) == FA_OK) && write_copy(t, ptr, len) == FA_OK &&
           (!chunked || write_copy(t, "\r\n", 2) == FA_OK);
}

static void forget(struct world *w, size_t i)
{
    w->streams[i] = w->streams[--w->stream_count];
}

static void end_stream(struct world *w, size_t i, bool cut)
{
    struct fa_task *t = w->streams[i];
    forget(w, i);
    bool tunnel = (t->user_kind & IS_TUNNEL) != 0;
    bool ok = !cut && (tunnel || put_head(t, true));
    if (ok && (t->user_kind & IS_CHUNKED) != 0) ok = write_copy(t, "0\r\n\r\n", 5) == FA_OK;
    if (ok) {
        bool sized = tunnel || (t->user_kind & IS_CHUNKED) != 0 || t->head_only;
        fa_stream_end(t, tunnel || !sized || fa_task_should_close(t));
    } else {
        fa_stream_abort(t);
    }
}

static bool read_once(struct fa_task *t, bool echo, bool *over)
{
    struct fa_buffer *chunk = NULL;
    bool eof = false, gone = false, ok = true;
    require(fa_stream_read(t, &chunk, &eof, &gone) == FA_OK);
    if (chunk != NULL) {
        if (echo) ok = put_piece(t, chunk->data, chunk->len);
        fa_buffer_release(chunk);
    }
    *over = gone || (eof && chunk == NULL);
    return ok;
}

static bool wants_tunnel(const struct fa_task *t)
{
    return t->req.upgrade && fa_span_eq(t->path, (fa_span){"/tunnel", 7});
}

static bool accept_tunnel(struct fa_task *t)
{
    static const char HEAD[] = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n"
                               "connection: upgrade\r\n\r\n";
    if ((t->user_kind & (HAS_HEAD | IS_TUNNEL)) != 0) return true;
    if (!wants_tunnel(t) || fa_stream_upgrade(t) != FA_OK) return false;
    t->user_kind |= IS_TUNNEL;
    return write_copy(t, HEAD, sizeof HEAD - 1) == FA_OK;
}

static void send_file(struct world *w, struct fa_task *t, uint8_t how)
{
    int fd = dup(w->file);
    bool framed = (t->user_kind & IS_TUNNEL) != 0;
    if (!framed || fa_stream_write_file(t, fd, how & 1 ? 4000 : 0, (how >> 1) * 100u) != FA_OK) {
        (void)close(fd);
    }
}

/* One step of one stream of the app's. */
static void act(struct world *w, struct program *p)
{
    if (w->stream_count == 0) return;
    uint8_t how = next(p);
    size_t i = (how >> 3) % w->stream_count;
    struct fa_task *t = w->streams[i];
    bool over = false, ok = true;
    /* What asks for a tunnel gets one or is cut: behind a refusal HTTP would go on. */
    if (wants_tunnel(t) && (t->user_kind & IS_TUNNEL) == 0) {
        if (!accept_tunnel(t)) end_stream(w, i, true);
        return;
    }
    switch (how & 7) {
    case 0:
    case 1: ok = read_once(t, true, &over); break;
    case 2: ok = put_piece(t, "static", 6); break;
    case 3: fa_stream_want_body(t); break;
    case 4: send_file(w, t, next(p)); break;
    case 5: end_stream(w, i, false); return;
    case 6: end_stream(w, i, true); return;
    case 7:
        (void)fa_stream_is_peer_closed(t);
        (void)fa_stream_pending(t);
        if ((t->user_kind & IS_TUNNEL) != 0) {
            ok = fa_stream_write_external(t, "outside", 7, NULL) == FA_OK;
        }
        break;
    }
    if (!ok || (over && (how & 64) != 0)) end_stream(w, i, !ok);
}

/* ---- the loop's thread ---- */

static void run_item(struct world *w, void *item, bool later)
{
    struct fa_task *t = fa_task_untag(item);
    if (fa_task_is_tagged(item)) {
        (void)fa_stream_take_event(t);
    } else if (t->route == NULL) {
        t->user_kind = 0;
        w->streams[w->stream_count++] = t;
        if (w->stream_count == STREAMS) end_stream(w, 0, true);
    } else if (later && w->waiting_count < WAITING) {
        w->waiting[w->waiting_count++] = t;
    } else {
        run_compiled(w, t);
    }
}

static void run_loop(struct world *w, uint8_t how)
{
    void *items[8];
    size_t n = fa_executor_loop_drain(w->server, items, how % 8u + 1u);
    for (size_t i = 0; i < n; i++) {
        run_item(w, items[i], (how & 32) != 0);
    }
    fa_executor_wake_reactor(w->server);
}

static void run_waiting(struct world *w, uint8_t which)
{
    if (w->waiting_count == 0) return;
    size_t i = which % w->waiting_count;
    struct fa_task *t = w->waiting[i];
    w->waiting[i] = w->waiting[--w->waiting_count];
    run_compiled(w, t);
}

/* ---- the clients ---- */

/* Each client's bodies and parameters consist of a letter of its own. */
static char letter(const struct world *w, const struct client *c)
{
    return (char)('X' + (c - w->clients));
}

static void check_output(const struct world *w, const struct client *c)
{
    size_t run = 0, answers = 0;
    const struct fa_memory_peer *p = &c->peer;
    for (size_t i = 0; i < p->out_len; i++) {
        char at = p->out[i];
        bool foreign = at >= 'X' && at < 'X' + CLIENTS && at != letter(w, c);
        run = foreign ? run + 1 : 0;
        require(run < RUN || c->free_form);
        answers += at == 'H' && p->out_len - i >= 12 && memcmp(p->out + i, "HTTP/1.1 ", 9) == 0 &&
                   p->out[i + 9] != '1';
    }
    require(c->free_form || c->tunnelled || answers <= c->questions + 1); /* one may say: no more */
}

static size_t text(char *at, const char *words)
{
    size_t n = strlen(words);
    memcpy(at, words, n);
    return n;
}

static size_t put_body(char *at, uint8_t how, size_t len, char mark)
{
    size_t n = 0;
    if ((how & 1) == 0) { /* content-length; sometimes less comes than was said */
        n += (size_t)snprintf(
            at, 64, "Content-Length: %zu\r\n\r\n", len + ((how & 2) != 0 ? 3000 : 0));
        memset(at + n, mark, len);
        return n + len;
    }
    n += text(at, "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t piece = 16 + (how >> 4) * 40u; len > 0; len -= piece < len ? piece : len) {
        size_t size = piece < len ? piece : len;
        n += (size_t)snprintf(at + n, 32, (how & 4) != 0 ? "%zx;a=b\r\n" : "%zx\r\n", size);
        memset(at + n, mark, size);
        n += size;
        n += text(at + n, "\r\n");
    }
    return n + text(at + n, (how & 2) != 0 ? "zz\r\n" : "0\r\n\r\n");
}

/* A request as a well-behaved client, or nearly one, writes it. */
static size_t put_request(struct world *w, struct client *c, struct program *p, char *at)
{
    static const char *const TARGETS[] = {
        "/inline", "/inline/%58", "/loop", "/loop/", "/unsure", "/app", "/a%ff", "*"};
    uint8_t kind = next(p), how = next(p);
    char mark = letter(w, c);
    size_t n = 0;
    c->questions++;
    if (kind >> 5 == 7) { /* to a tunnel, and at once what may not be taken for a request */
        c->tunnelled = true;
        return text(at, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                        "Upgrade: websocket\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    bool has_body = (kind & 8) != 0;
    n += text(at + n, has_body ? "POST " : (how & 128) != 0 ? "HEAD " : "GET ");
    n += text(at + n, TARGETS[kind & 7]);
    if ((kind & 7) == 3) {
        memset(at + n, mark, 20);
        n += 20;
    }
    n += text(at + n, (kind & 16) != 0 ? " HTTP/1.0\r\nHost: a\r\n" : " HTTP/1.1\r\nHost: a\r\n");
    if (kind >> 5 == 1) n += text(at + n, "Connection: close\r\n");
    if (kind >> 5 == 2) n += text(at + n, "Connection: upgrade\r\nUpgrade: h2c\r\n");
    if (kind >> 5 == 3) n += text(at + n, "Connection: keep-alive\r\n");
    if (kind >> 5 == 4) n += text(at + n, "Expect: 100-continue\r\n");
    if (kind >> 5 == 5) n += text(at + n, "Connection: upgrade\r\nUpgrade: websocket\r\n");
    if (!has_body) return n + text(at + n, "\r\n");
    size_t len = next(p);
    c->free_form = c->free_form || (how & 2) != 0; /* its end is another than it says */
    return n + put_body(at + n, how, len < 200 ? len : (len - 199) * 60, mark);
}

static void send_bytes(struct world *w, struct client *c, struct program *p, uint8_t how)
{
    if (c->peer.conn == NULL || c->peer.in_len > 0 || c->sends == SENDS) return;
    char *bytes = malloc(REQUEST_MAX);
    size_t n = 0;
    if ((how & 3) == 3) { /* anything at all */
        n = fa_min_size(next(p), p->left);
        memcpy(bytes, p->at, n);
        p->at += n;
        p->left -= n;
        c->free_form = true;
    } else {
        n = put_request(w, c, p, bytes);
        if ((how & 3) == 2 && n < REQUEST_MAX / 2 && !c->tunnelled) {
            n += put_request(w, c, p, bytes + n);
        }
        if ((how & 4) != 0) n = n * next(p) / 256; /* the rest never comes, or as something else */
        if ((how & 4) != 0) c->free_form = true;
    }
    require(n <= REQUEST_MAX);
    c->sent[c->sends++] = bytes;
    fa_memory_peer_send(&c->peer, bytes, n);
}

static void connect_client(struct world *w, struct client *c)
{
    if (c->peer.conn != NULL) return;
    check_output(w, c);
    c->peer.out_len = 0;
    c->peer.in_len = 0;
    c->questions = 0;
    c->free_form = c->tunnelled = false;
    if (fa_memory_peer_connect(&c->peer, w->server) == FA_OK) {
        fa_memory_peer_name(&c->peer, (uint32_t)(c - w->clients) + 1);
    }
}

static void client_step(struct world *w, struct program *p, uint8_t how)
{
    struct client *c = &w->clients[(how >> 6) % CLIENTS];
    switch (how >> 3 & 7) {
    case 0: connect_client(w, c); break;
    case 1:
    case 2:
    case 3: send_bytes(w, c, p, how & 7); break;
    case 4:
        check_output(w, c);
        c->questions = c->free_form ? 0 : c->questions; /* the count is of a whole connection */
        if (c->peer.conn != NULL && c->tunnelled) fa_memory_peer_took(&c->peer);
        break;
    case 5: fa_memory_peer_end(&c->peer); break;
    case 6: fa_memory_peer_close(&c->peer); break;
    case 7:
        fa_memory_peer_limit(&c->peer, (how & 1) != 0 ? 3000 : 0);
        fa_memory_peer_piece(&c->peer, (how & 2) != 0 ? 1u + next(p) : 0);
        if (c->peer.conn != NULL) fa_memory_peer_took(&c->peer);
        c->tunnelled = true; /* its answers are no longer all here to be counted */
        break;
    }
}

/* ---- all of it ---- */

static void choose_options(struct world *w, struct program *p)
{
    uint8_t a = next(p), b = next(p);
    struct fa_config *config = &w->config;
    fa_config_defaults(config);
    config->buffer_size = (a & 1) != 0 ? 1024 : 8192;
    config->max_body_size = (a & 2) != 0 ? 2000 : 1 << 20;
    config->queue_size = (a & 4) != 0 ? 2 : 64;
    config->max_pipelined = (a & 8) != 0 ? 2 : 16;
    config->write_high_water = (a & 16) != 0 ? 4096 : 65536;
    config->object_pools = (a & 32) == 0;
    config->zero_copy = (a & 64) == 0;
    config->simd = (a & 128) == 0;
    config->lock_free_queue = (b & 1) == 0;
    config->adaptive_pools = (b & 2) == 0;
    config->max_header_bytes = (b & 4) != 0 ? 256 : 32768;
    config->body_budget = (b & 8) != 0 ? 5000 : 1 << 20;
    config->max_stream_size = (b & 16) != 0 ? 3000 : 0;
    config->pressure_percent = (b & 32) != 0 ? 1 : 80;
}

static void step(struct world *w, struct program *p)
{
    uint8_t op = next(p);
    switch (op & 7) {
    case 0:
    case 1: client_step(w, p, next(p)); break;
    case 2: (void)!fa_server_turn(w->server, false); break;
    case 3: run_loop(w, op >> 3); break;
    case 4: act(w, p); break;
    case 5: run_waiting(w, op >> 3); break;
    case 6: now_ns += (uint64_t)(op >> 3) * (op >> 3) * 100000000u; break;
    case 7:
        if (op >> 3 == 31) {
            fa_server_drain(w->server);
        } else if (op >> 3 == 30) {
            (void)!add_routes(w->server);
        } else {
            fa_alloc_fail_at(op >> 3);
        }
        break;
    }
}

static void finish(struct world *w)
{
    struct fa_server_stats stats;
    fa_alloc_fail_at(0);
    for (int i = 0; i < CLIENTS; i++) {
        check_output(w, &w->clients[i]);
        fa_memory_peer_deinit(&w->clients[i].peer);
    }
    do {
        (void)!fa_server_turn(w->server, false);
        for (int i = 0; i < 40; i++) {
            run_loop(w, 7);
        }
        while (w->waiting_count > 0)
            run_waiting(w, 0);
        while (w->stream_count > 0)
            end_stream(w, 0, true);
        (void)!fa_server_turn(w->server, false);
        fa_server_stats(w->server, &stats);
    } while (stats.loop_queue.depth > 0);
    (void)!fa_server_turn(w->server, false);
    fa_server_stats(w->server, &stats);
    require(stats.tasks_live == 0 && stats.open_connections == 0);
    require(fa_server_stop(w->server, 0) == FA_OK);
    fa_server_free(w->server);
    for (int i = 0; i < CLIENTS; i++) {
        while (w->clients[i].sends > 0)
            free(w->clients[i].sent[--w->clients[i].sends]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    struct program p = {data, size};
    uint64_t live = fa_alloc_live();
    struct world *w = calloc(1, sizeof *w);
    if (file < 0) {
        file = memfd_create("fuzz", 0);
        require(ftruncate(file, 8000) == 0);
    }
    w->file = file;
    world = w;
    now_ns = 1000000000000u;
    choose_options(w, &p);
    require(fa_server_new(&w->config, NULL, NULL, &w->server) == FA_OK);
    require(add_routes(w->server) && fa_server_start_driven(w->server) == FA_OK);
    for (int i = 0; i < CLIENTS; i++) {
        fa_memory_peer_init(&w->clients[i].peer);
        connect_client(w, &w->clients[i]);
    }
    for (int steps = 0; p.left > 0 && steps < 400; steps++) {
        step(w, &p);
    }
    finish(w);
    free(w);
    require(fa_alloc_live() == live);
    return 0;
}
