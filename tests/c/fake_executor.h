/*
 * fake_executor.h - a whole server for tests: C handlers on every lane, a C
 * thread in the place of the event loop (and fake_client.h).
 *
 * Header only, so that each test stays one program. A test that does not use
 * all of it is fine.
 */
#ifndef FA_TESTS_FAKE_EXECUTOR_H
#define FA_TESTS_FAKE_EXECUTOR_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "fake_client.h"
#include "http/http_response.h"
#include "route/router.h"
#include "server/executor.h"
#include "server/server.h"
#include "server/stream.h"
#include "server/task.h"

#define FAKE_BIG_SIZE (1u << 20)

struct fake;
typedef void (*fake_handler)(struct fake *f, struct fa_task *t);

struct fake_route {
    const char *path;
    uint32_t methods;
    enum fa_lane lane;
    fake_handler handler; /* worker and loop lanes */
    void (*inline_run)(struct fa_task *t);
};

struct fake {
    struct fa_config config;
    struct fa_server *server;
    uint16_t port;
    pthread_t loop;
    bool has_loop;
    const struct fa_gate *gate; /* for fake_start; NULL: none */
    int stop_fd;
    fake_handler on_stream; /* the app: called for a new stream and for each event */
    atomic_int threads_started;
    atomic_int threads_stopped;
    atomic_int owners_dropped;
    atomic_int streams_ended;
    atomic_int disconnects;
    atomic_int events;
    atomic_int handled;
    atomic_size_t streamed; /* bytes the app wrote as pieces of a stream */
    sem_t entered;          /* a blocking handler has begun */
    sem_t leave;            /* let one blocking handler go on */
    sem_t seen;             /* the app noticed something a test waits for */
    atomic_bool loop_paused;
    sem_t loop_resume;
    fa_status start_status;
};

/* ---- answers ---- */

/* Head and body into t->out; the head in the room before the body. */
static FAKE_UNUSED void fake_answer(struct fa_task *t, int status, const char *body, size_t len)
{
    t->close_after = fa_task_should_close(t);
    t->status = status;
    struct fa_http_head head = {.status = status,
        .content_type = FA_SPAN("text/plain"),
        .has_content_length = true,
        .content_length = len + t->tail.len,
        .close = t->close_after,
        .keep_alive_10 = fa_task_is_keep_alive_10(t) && !t->close_after};
    size_t n = fa_http_head_size(&head);
    if (n + len > t->out->capacity) {
        struct fa_buffer *larger = NULL;
        while (larger == NULL) {
            larger = fa_buffer_new(n + len + FA_HTTP_HEAD_ROOM);
        }
        fa_buffer_release(t->out);
        t->out = larger;
    }
    size_t start = n < FA_HTTP_HEAD_ROOM ? FA_HTTP_HEAD_ROOM - n : 0;
    (void)fa_http_head_write(&head, t->out->data + start);
    t->out_start = (uint32_t)start;
    t->out_end = (uint32_t)(start + n);
    if (t->head_only) {
        t->tail.len = 0;
    } else {
        if (len > 0) {
            memcpy(t->out->data + t->out_end, body, len);
        }
        t->out_end += (uint32_t)len;
    }
}

static FAKE_UNUSED void fake_hello_inline(struct fa_task *t)
{
    fake_answer(t, 200, "hello", 5);
}

static FAKE_UNUSED void fake_echo_inline(struct fa_task *t)
{
    fake_answer(t, 200, t->body.ptr, t->body.len);
}

/* Answers with the first path parameter. */
static FAKE_UNUSED void fake_param_inline(struct fa_task *t)
{
    fake_answer(t, 200, t->match.params[0].ptr, t->match.params[0].len);
}

static FAKE_UNUSED void fake_hello(struct fake *f, struct fa_task *t)
{
    atomic_fetch_add(&f->handled, 1);
    fake_answer(t, 200, "hello", 5);
    fa_executor_complete(f->server, t);
}

static FAKE_UNUSED void fake_echo(struct fake *f, struct fa_task *t)
{
    atomic_fetch_add(&f->handled, 1);
    fake_answer(t, 200, t->body.ptr, t->body.len);
    fa_executor_complete(f->server, t);
}

static FAKE_UNUSED void fake_param(struct fake *f, struct fa_task *t)
{
    fake_answer(t, 200, t->match.params[0].ptr, t->match.params[0].len);
    fa_executor_complete(f->server, t);
}

/* Blocks until the test posts `leave`. */
static FAKE_UNUSED void fake_blocking(struct fake *f, struct fa_task *t)
{
    sem_post(&f->entered);
    while (sem_wait(&f->leave) != 0) {
    }
    fake_answer(t, 200, "late", 4);
    fa_executor_complete(f->server, t);
}

/* A large body that is sent from where it lies; its owner is the memory itself. */
static FAKE_UNUSED void fake_big(struct fake *f, struct fa_task *t)
{
    char *big = malloc(FAKE_BIG_SIZE);
    if (big == NULL) {
        abort();
    }
    for (size_t i = 0; i < FAKE_BIG_SIZE; i++) {
        big[i] = (char)('a' + i % 26);
    }
    t->tail.ptr = big;
    t->tail.len = FAKE_BIG_SIZE;
    t->tail.owner = big;
    fake_answer(t, 200, "", 0);
    fa_executor_complete(f->server, t);
}

static FAKE_UNUSED void fake_unsure(struct fake *f, struct fa_task *t)
{
    fa_executor_hand_over(f->server, t);
}

/* ---- worker lane ---- */

static FAKE_UNUSED fa_status fake_thread_start(void *ctx, struct fa_worker *w)
{
    struct fake *f = ctx;
    w->user = f;
    atomic_fetch_add(&f->threads_started, 1);
    return f->start_status;
}

static FAKE_UNUSED void fake_run(void *ctx, struct fa_worker *w, struct fa_task *t)
{
    (void)w;
    ((const struct fake_route *)t->route->plan)->handler(ctx, t);
}

static FAKE_UNUSED void fake_attach(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    (void)w;
}

static FAKE_UNUSED void fake_thread_stop(void *ctx, struct fa_worker *w)
{
    struct fake *f = ctx;
    (void)w;
    atomic_fetch_add(&f->threads_stopped, 1);
}

static FAKE_UNUSED void fake_drop_owner(void *ctx, void **owners, size_t n)
{
    struct fake *f = ctx;
    for (size_t i = 0; i < n; i++) {
        free(owners[i]);
        atomic_fetch_add(&f->owners_dropped, 1);
    }
}

static const struct fa_executor_ops FAKE_OPS = {
    .thread_start = fake_thread_start,
    .run = fake_run,
    .detach = fake_attach,
    .attach = fake_attach,
    .thread_stop = fake_thread_stop,
    .drop_owner = fake_drop_owner,
};

/* ---- loop lane ---- */

static FAKE_UNUSED void fake_loop_item(struct fake *f, void *item)
{
    struct fa_task *t = fa_task_untag(item);
    if (fa_task_is_tagged(item)) {
        atomic_fetch_add(&f->events, 1);
        if (fa_stream_take_event(t)) {
            f->on_stream(f, t);
        }
    } else if (t->route != NULL) {
        ((const struct fake_route *)t->route->plan)->handler(f, t);
    } else {
        f->on_stream(f, t);
    }
}

static FAKE_UNUSED void *fake_loop_main(void *arg)
{
    struct fake *f = arg;
    struct pollfd fds[2] = {{.fd = fa_executor_loop_fd(f->server), .events = POLLIN},
        {.fd = f->stop_fd, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            abort();
        }
        if (fds[1].revents != 0) {
            return NULL;
        }
        do {
            void *items[16];
            size_t n;
            if (atomic_load(&f->loop_paused)) {
                sem_post(&f->seen);
                while (sem_wait(&f->loop_resume) != 0) {
                }
            }
            while ((n = fa_executor_loop_drain(f->server, items, 16)) > 0) {
                uint64_t began = fa_clock_now_ns();
                fa_executor_loop_begin(f->server, items, n, began);
                for (size_t i = 0; i < n; i++) {
                    fake_loop_item(f, items[i]);
                }
                fa_executor_loop_end(f->server, n, began, fa_clock_now_ns());
            }
            fa_executor_wake_reactor(f->server);
        } while (!fa_executor_loop_sleep(f->server));
    }
}

/* ---- the app: what a stream does, by its path ---- */

struct fake_stream {
    char *body;
    size_t len;
    bool eof;
    bool started;
    bool seen_disconnect;
    uint32_t sent; /* pieces of /stream so far */
};

#define FAKE_STREAM_PIECES 64u
#define FAKE_STREAM_PIECE  16384u

static FAKE_UNUSED bool fake_path_is(const struct fa_task *t, const char *path)
{
    return t->path.len == strlen(path) && memcmp(t->path.ptr, path, t->path.len) == 0;
}

static FAKE_UNUSED struct fa_buffer *fake_buffer(const void *ptr, size_t len)
{
    struct fa_buffer *b = NULL;
    while (b == NULL) { /* an injected failure is over with the second try */
        b = fa_buffer_new(len > 0 ? len : 1);
    }
    if (len > 0) {
        memcpy(b->data, ptr, len);
    }
    b->len = (uint32_t)len;
    return b;
}

static FAKE_UNUSED fa_status fake_write(struct fa_task *t, const void *ptr, size_t len)
{
    struct fa_buffer *b = fake_buffer(ptr, len);
    fa_status st = fa_stream_write(t, b, 0);
    if (st == FA_ERR_NOMEM) {
        st = fa_stream_write(t, b, 0);
    }
    if (st != FA_OK) {
        fa_buffer_release(b);
    }
    return st;
}

static FAKE_UNUSED bool fake_write_head(struct fa_task *t, int status, bool chunked, uint64_t len)
{
    bool close = fa_task_should_close(t);
    struct fa_http_head head = {.status = status,
        .content_type = FA_SPAN("text/plain"),
        .has_content_length = !chunked,
        .content_length = len,
        .chunked = chunked,
        .close = close,
        .keep_alive_10 = fa_task_is_keep_alive_10(t) && !close};
    char text[1024];
    size_t n = fa_http_head_write(&head, text);
    t->status = status;
    (void)!fake_write(t, text, n);
    return close;
}

static FAKE_UNUSED void fake_end(struct fake *f, struct fa_task *t, bool close)
{
    struct fake_stream *st = t->user;
    t->user = NULL;
    free(st->body);
    free(st);
    fa_stream_end(t, close);
    atomic_fetch_add(&f->streams_ended, 1);
}

/* Takes what body there is. True: the client is gone. */
static FAKE_UNUSED bool fake_take_body(struct fake *f, struct fa_task *t)
{
    struct fake_stream *st = t->user;
    for (;;) {
        struct fa_buffer *chunk = NULL;
        bool gone = false;
        if (fa_stream_read(t, &chunk, &st->eof, &gone) != FA_OK) {
            abort();
        }
        if (chunk != NULL) {
            st->body = realloc(st->body, st->len + chunk->len + 1);
            memcpy(st->body + st->len, chunk->data, chunk->len);
            st->len += chunk->len;
            fa_buffer_release(chunk);
        } else if (gone && !st->seen_disconnect) {
            st->seen_disconnect = true;
            atomic_fetch_add(&f->disconnects, 1);
        }
        if (chunk == NULL) {
            return gone;
        }
    }
}

/* Up to `pieces` of them until the output is full; goes on with the next event. */
static FAKE_UNUSED void fake_stream_pieces(struct fake *f, struct fa_task *t, uint32_t pieces)
{
    struct fake_stream *st = t->user;
    if (!st->started) {
        st->started = true;
        (void)fake_write_head(t, 200, true, 0);
    }
    char *piece = malloc(FAKE_STREAM_PIECE + 16);
    while (st->sent < pieces && fa_stream_pending(t) < (size_t)f->config.write_high_water) {
        int n = snprintf(piece, 16, "%x\r\n", FAKE_STREAM_PIECE);
        memset(piece + n, 'A' + (int)(st->sent % 26), FAKE_STREAM_PIECE);
        memcpy(piece + n + FAKE_STREAM_PIECE, "\r\n", 2);
        if (fake_write(t, piece, (size_t)n + FAKE_STREAM_PIECE + 2) != FA_OK) {
            break;
        }
        atomic_fetch_add(&f->streamed, FAKE_STREAM_PIECE);
        st->sent++;
    }
    free(piece);
    if (st->sent == pieces) {
        (void)!fake_write(t, "0\r\n\r\n", 5);
        fake_end(f, t, fa_task_should_close(t));
    }
}

static FAKE_UNUSED void fake_send_file(struct fake *f, struct fa_task *t)
{
    char name[] = "/tmp/fa-test-XXXXXX";
    int fd = mkstemp(name);
    if (fd < 0 || unlink(name) != 0) {
        abort();
    }
    char *block = malloc(FAKE_BIG_SIZE);
    for (size_t i = 0; i < FAKE_BIG_SIZE; i++) {
        block[i] = (char)('a' + i % 26);
    }
    if (write(fd, block, FAKE_BIG_SIZE) != (ssize_t)FAKE_BIG_SIZE) {
        abort();
    }
    free(block);
    bool short_file = fake_path_is(t, "/short-file");
    uint64_t count = short_file ? 2 * (uint64_t)FAKE_BIG_SIZE : FAKE_BIG_SIZE - 26;
    bool last = fake_write_head(t, 200, false, count);
    fa_status st = fa_stream_write_file(t, fd, 26, count);
    if (st != FA_OK) {
        (void)close(fd);
        if (st != FA_ERR_CLOSED) { /* the client may have left in the meantime */
            abort();
        }
    }
    fake_end(f, t, last);
}

static FAKE_UNUSED void fake_tunnel(struct fake *f, struct fa_task *t)
{
    struct fake_stream *st = t->user;
    if (!st->started) {
        st->started = true;
        static const char HEAD[] = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n"
                                   "connection: upgrade\r\n\r\n";
        if (fa_stream_upgrade(t) != FA_OK) {
            fake_end(f, t, fake_write_head(t, 400, false, 0));
            return;
        }
        (void)!fake_write(t, HEAD, sizeof HEAD - 1);
    }
    bool gone = fake_take_body(f, t);
    (void)!fake_write(t, st->body, st->len);
    bool quit = st->len >= 4 && memcmp(st->body, "quit", 4) == 0;
    st->len = 0;
    if (gone || st->eof || quit) {
        fake_end(f, t, true);
    }
}

/* The default app. */
static FAKE_UNUSED void fake_app(struct fake *f, struct fa_task *t)
{
    if (t->user == NULL) {
        t->user = calloc(1, sizeof(struct fake_stream));
    }
    struct fake_stream *st = t->user;
    if (fake_path_is(t, "/tunnel")) {
        fake_tunnel(f, t);
        return;
    }
    if (fake_path_is(t, "/early")) { /* never looks at the body */
        bool close = fake_write_head(t, 200, false, 5);
        (void)!fake_write(t, "early", 5);
        fake_end(f, t, close);
        return;
    }
    if (fake_path_is(t, "/unread")) { /* leaves the body alone until resumed by the test */
        sem_post(&f->seen);
        while (sem_wait(&f->leave) != 0) {
        }
    }
    if (fake_take_body(f, t)) {
        fake_end(f, t, true);
        sem_post(&f->seen);
        return;
    }
    if (fake_path_is(t, "/hang")) { /* until the client goes */
        sem_post(&f->entered);
    } else if (fake_path_is(t, "/stream")) {
        fake_stream_pieces(f, t, FAKE_STREAM_PIECES);
    } else if (fake_path_is(t, "/endless")) {
        fake_stream_pieces(f, t, UINT32_MAX);
    } else if (fake_path_is(t, "/file") || fake_path_is(t, "/short-file")) {
        fake_send_file(f, t);
    } else if (fake_path_is(t, "/abort")) {
        (void)fake_write_head(t, 200, false, 100);
        (void)!fake_write(t, "part", 4);
        free(st);
        t->user = NULL;
        fa_stream_abort(t);
    } else if (fake_path_is(t, "/external")) {
        char *text = strdup("kept elsewhere");
        bool close = fake_write_head(t, 200, false, strlen(text));
        if (fa_stream_write_external(t, text, strlen(text), text) != FA_OK) {
            free(text);
        }
        fake_end(f, t, close);
    } else if (st->eof) { /* echo */
        bool close = fake_write_head(t, 200, false, st->len);
        (void)!fake_write(t, st->body, st->len);
        fake_end(f, t, close);
    }
}

/* ---- the server ---- */

#define FAKE_M(m) (1u << (FA_HTTP_##m))

static const struct fake_route FAKE_ROUTES[] = {
    {"/inline", FAKE_M(GET) | FAKE_M(HEAD), FA_LANE_INLINE, NULL, fake_hello_inline},
    {"/inline-body", FAKE_M(POST), FA_LANE_INLINE, NULL, fake_echo_inline},
    {"/inline-param/{id}", FAKE_M(GET), FA_LANE_INLINE, NULL, fake_param_inline},
    {"/worker", FAKE_M(GET) | FAKE_M(HEAD), FA_LANE_WORKER, fake_hello, NULL},
    {"/worker-body", FAKE_M(POST), FA_LANE_WORKER, fake_echo, NULL},
    {"/worker-param/{id}", FAKE_M(GET), FA_LANE_WORKER, fake_param, NULL},
    {"/blocking", FAKE_M(GET), FA_LANE_WORKER, fake_blocking, NULL},
    {"/big", FAKE_M(GET), FA_LANE_WORKER, fake_big, NULL},
    {"/unsure", FAKE_M(GET) | FAKE_M(POST), FA_LANE_WORKER, fake_unsure, NULL},
    {"/loop", FAKE_M(GET) | FAKE_M(HEAD), FA_LANE_LOOP, fake_hello, NULL},
    {"/loop-body", FAKE_M(POST), FA_LANE_LOOP, fake_echo, NULL},
    {"/loop-param/{id}", FAKE_M(GET), FA_LANE_LOOP, fake_param, NULL},
    {"/loop-unsure", FAKE_M(GET) | FAKE_M(POST), FA_LANE_LOOP, fake_unsure, NULL},
};
#define FAKE_ROUTE_COUNT (sizeof FAKE_ROUTES / sizeof FAKE_ROUTES[0])

static FAKE_UNUSED void fake_require(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fake server: %s failed\n", what);
        abort();
    }
}

/* Routes from a table, which must outlive the server. */
static FAKE_UNUSED void fake_set_routes(
    struct fake *f, const struct fake_route *table, size_t n, void *owner)
{
    struct fa_router *router = NULL;
    struct fa_route routes[64];
    fake_require(n <= 64 && fa_router_new(&router) == FA_OK, "router");
    for (size_t i = 0; i < n; i++) {
        fa_span path = {table[i].path, strlen(table[i].path)};
        fake_require(fa_router_add(router, path, table[i].methods, (uint32_t)i) == FA_OK, "add");
        routes[i] = (struct fa_route){.id = (uint32_t)i,
            .lane = table[i].lane,
            .plan = (void *)(uintptr_t)&table[i],
            .inline_run = table[i].inline_run};
    }
    fake_require(fa_router_freeze(router) == FA_OK, "freeze");
    fake_require(fa_server_set_routes(f->server, router, routes, n, NULL, f->gate, owner) == FA_OK,
        "set_routes");
}

/* Prepare `f`; change f->config, then fake_start. */
static FAKE_UNUSED void fake_init(struct fake *f)
{
    memset(f, 0, sizeof *f);
    fa_config_defaults(&f->config);
    f->config.queue_size = 1024;
    f->on_stream = fake_app;
    f->has_loop = true;
    sem_init(&f->entered, 0, 0);
    sem_init(&f->leave, 0, 0);
    sem_init(&f->seen, 0, 0);
    sem_init(&f->loop_resume, 0, 0);
}

static FAKE_UNUSED void fake_prepare(struct fake *f)
{
    f->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (f->server == NULL) { /* a test may have made it itself */
        fake_require(fa_server_new(&f->config, &FAKE_OPS, f, &f->server) == FA_OK, "new");
    }
    fake_set_routes(f, FAKE_ROUTES, FAKE_ROUTE_COUNT, NULL);
}

static FAKE_UNUSED void fake_start_loop(struct fake *f)
{
    if (f->has_loop) {
        fake_require(pthread_create(&f->loop, NULL, fake_loop_main, f) == 0, "loop thread");
    }
}

static FAKE_UNUSED void fake_start(struct fake *f)
{
    fake_prepare(f);
    fake_require(
        fa_server_listen_tcp(f->server, "127.0.0.1", 0, false, &f->port) == FA_OK, "listen");
    fake_start_loop(f);
    fake_require(fa_server_start(f->server) == FA_OK, "start");
}

/* No reactor thread and no port: the test drives the server with fa_server_turn. */
static FAKE_UNUSED void fake_start_driven(struct fake *f)
{
    fake_prepare(f);
    fake_start_loop(f);
    fake_require(fa_server_start_driven(f->server) == FA_OK, "start");
}

static FAKE_UNUSED void fake_stop(struct fake *f)
{
    fake_require(fa_server_stop(f->server, 0) == FA_OK, "stop");
    if (f->has_loop) {
        /* Streams that were cut: let the app see it and end them. */
        void *items[16];
        fa_executor_wake_reactor(f->server);
        uint64_t one = 1;
        (void)!write(f->stop_fd, &one, sizeof one);
        pthread_join(f->loop, NULL);
        size_t n;
        while ((n = fa_executor_loop_drain(f->server, items, 16)) > 0) {
            for (size_t i = 0; i < n; i++) {
                fake_loop_item(f, items[i]);
            }
        }
    }
    fa_server_free(f->server);
    close(f->stop_fd);
    sem_destroy(&f->entered);
    sem_destroy(&f->leave);
    sem_destroy(&f->seen);
    sem_destroy(&f->loop_resume);
}

static FAKE_UNUSED void fake_wait(sem_t *sem)
{
    while (sem_wait(sem) != 0) {
    }
}

static FAKE_UNUSED struct fa_server_stats fake_stats(struct fake *f)
{
    struct fa_server_stats stats;
    fa_server_stats(f->server, &stats);
    return stats;
}

/* Bounded waits for the reactor: until so many connections, or tasks, are left. */
static FAKE_UNUSED bool fake_wait_closed(struct fake *f, size_t left)
{
    for (int i = 0; i < 20000 && fa_server_active(f->server) != left; i++) {
        fake_require(poll(NULL, 0, 1) == 0, "poll");
    }
    return fa_server_active(f->server) == left;
}

static FAKE_UNUSED bool fake_wait_tasks(struct fake *f, uint64_t left)
{
    for (int i = 0; i < 20000 && fake_stats(f).tasks_live != left; i++) {
        fa_executor_wake_reactor(f->server);
        fake_require(poll(NULL, 0, 1) == 0, "poll");
    }
    return fake_stats(f).tasks_live == left;
}

static FAKE_UNUSED int fake_connect(const struct fake *f)
{
    return fake_connect_buf(f->port, 0);
}

#endif
