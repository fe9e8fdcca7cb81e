/*
 * bench_pure_c.c - what the server itself costs, without an interpreter.
 *
 *   bench_pure_c              the path of a request without sockets, in ns:
 *                             bytes -> parse -> route -> C handler -> bytes
 *   bench_pure_c --serve [lane] [port]
 *                             the real server with a C handler on lane
 *                             `inline` (default), `worker` or `loop`, for a
 *                             load generator; prints its port, ends on SIGINT
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#define BENCH_ROUNDS 1000
#include "bench.h"
#include "http/http_response.h"
#include "route/router.h"
#include "server/executor.h"
#include "server/http_conn.h"
#include "server/http_conn_read.h"
#include "server/server.h"
#include "server/server_state.h"
#include "server/stream.h"
#include "server/task.h"

#define REQUEST "GET /items/42 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n"
#define BODY    "{\"id\":1,\"name\":\"Alice\"}"

static void die(const char *what)
{
    fprintf(stderr, "bench_pure_c: %s\n", what);
    exit(1);
}

/* The answer of benchmarks/system/limit/limit_epoll.c with date and server headers. */
static void answer(struct fa_task *t, struct fa_clock_date *date)
{
    t->close_after = fa_task_should_close(t);
    t->status = 200;
    struct fa_http_head head = {.status = 200,
        .date = fa_clock_date_refresh(date),
        .fixed = FA_SPAN("server: fasterapi\r\n"),
        .content_type = FA_SPAN("application/json"),
        .has_content_length = true,
        .content_length = sizeof BODY - 1,
        .close = t->close_after,
        .keep_alive_10 = fa_task_is_keep_alive_10(t) && !t->close_after};
    char *body = t->out->data + FA_HTTP_HEAD_ROOM;
    memcpy(body, BODY, sizeof BODY - 1);
    char *start = t->out->data;
    if (fa_http_head_write_before(&head, body, t->out->data, &start) != FA_OK) {
        die("head room");
    }
    t->out_start = (uint32_t)(start - t->out->data);
    t->out_end = (uint32_t)(FA_HTTP_HEAD_ROOM + (t->head_only ? 0 : sizeof BODY - 1));
}

static void run_inline(struct fa_task *t)
{
    answer(t, &t->server->reactor.date);
}

/* ---- executors for --serve ---- */

static fa_status thread_start(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    (void)w;
    return FA_OK;
}

static void nothing(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    (void)w;
}

static void run(void *ctx, struct fa_worker *w, struct fa_task *t)
{
    (void)ctx;
    answer(t, &w->date);
    fa_executor_complete(w->server, t);
}

static void drop_owner(void *ctx, void **owners, size_t n)
{
    (void)ctx;
    (void)owners;
    (void)n;
}

static const struct fa_executor_ops OPS = {.thread_start = thread_start,
    .run = run,
    .detach = nothing,
    .attach = nothing,
    .thread_stop = nothing,
    .drop_owner = drop_owner};

static void *loop_main(void *arg)
{
    struct fa_server *s = arg;
    struct fa_clock_date date = {0};
    struct pollfd wake = {.fd = fa_executor_loop_fd(s), .events = POLLIN};
    for (;;) {
        if (poll(&wake, 1, -1) < 0 && errno != EINTR) {
            die("poll");
        }
        do {
            void *items[128];
            size_t n;
            while ((n = fa_executor_loop_drain(s, items, 128)) > 0) {
                for (size_t i = 0; i < n; i++) {
                    struct fa_task *t = fa_task_untag(items[i]);
                    if (fa_task_is_tagged(items[i])) {
                        (void)fa_stream_take_event(t);
                    } else if (t->route == NULL) {
                        fa_stream_abort(t); /* this program serves one route */
                    } else {
                        answer(t, &date);
                        fa_executor_complete(s, t);
                    }
                }
            }
            fa_executor_wake_reactor(s);
        } while (!fa_executor_loop_sleep(s));
    }
    return NULL;
}

static struct fa_server *new_server(enum fa_lane lane)
{
    struct fa_config config;
    fa_config_defaults(&config);
    struct fa_server *s;
    struct fa_router *router;
    if (fa_server_new(&config, &OPS, NULL, &s) != FA_OK || fa_router_new(&router) != FA_OK) {
        die("out of memory");
    }
    uint32_t methods = (1u << FA_HTTP_GET) | (1u << FA_HTTP_HEAD);
    if (fa_router_add(router, FA_SPAN("/items/{id}"), methods, 0) != FA_OK ||
        fa_router_add(router, FA_SPAN("/"), methods, 1) != FA_OK ||
        fa_router_freeze(router) != FA_OK) {
        die("route");
    }
    struct fa_route routes[2] = {{.id = 0, .lane = lane, .inline_run = run_inline},
        {.id = 1, .lane = lane, .inline_run = run_inline}};
    if (fa_server_set_routes(s, router, routes, 2, NULL, NULL, NULL) != FA_OK) {
        die("routes");
    }
    return s;
}

/* ---- the two modes ---- */

static int serve(int argc, char **argv)
{
    enum fa_lane lane = FA_LANE_INLINE;
    if (argc > 2 && strcmp(argv[2], "worker") == 0) {
        lane = FA_LANE_WORKER;
    } else if (argc > 2 && strcmp(argv[2], "loop") == 0) {
        lane = FA_LANE_LOOP;
    }
    uint16_t port = (uint16_t)(argc > 3 ? atoi(argv[3]) : 0);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    struct fa_server *s = new_server(lane);
    pthread_t loop;
    if (fa_server_listen_tcp(s, "127.0.0.1", port, false, &port) != FA_OK ||
        pthread_create(&loop, NULL, loop_main, s) != 0 || fa_server_start(s) != FA_OK) {
        die("cannot start");
    }
    printf("http://127.0.0.1:%u/\n", (unsigned)port);
    fflush(stdout);
    int sig;
    sigwait(&ends, &sig);
    struct fa_server_stats stats;
    fa_server_stats(s, &stats);
    printf("requests %llu batches %llu wakeups %llu workers %llu p50 %llu us p99 %llu us\n",
        (unsigned long long)stats.requests, (unsigned long long)stats.batches,
        (unsigned long long)stats.wakeups, (unsigned long long)stats.worker_threads_started,
        (unsigned long long)fa_histogram_quantile(&stats.latency, 500),
        (unsigned long long)fa_histogram_quantile(&stats.latency, 990));
    return fa_server_stop(s, 0) == FA_OK ? 0 : 1;
}

/*
 * The reactor's own functions on a connection without a socket: its input is
 * put into the read buffer, its output is taken from the finished task.
 */
static void whole_path(void *arg, uint64_t ops)
{
    struct fa_http_conn *c = arg;
    struct fa_reactor *r = &c->server->reactor;
    for (uint64_t i = 0; i < ops; i++) {
        c->in = fa_buffer_cache_get(&r->cache);
        if (c->in == NULL) {
            die("out of memory");
        }
        memcpy(c->in->data, REQUEST, sizeof REQUEST - 1);
        c->in_end = sizeof REQUEST - 1;
        fa_http_conn_read_run(c);
        struct fa_task *t = c->first;
        if (t == NULL || t->state != FA_TASK_DONE || t->status != 200) {
            die("no answer");
        }
        fa_http_conn_remove(c, t);
        fa_http_conn_forget(c, t);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--serve") == 0) {
        return serve(argc, argv);
    }
    struct fa_server *s = new_server(FA_LANE_INLINE);
    struct fa_http_conn c = {.server = s, .fd = -1, .tasks = 1};
    char name[64];
    snprintf(name, sizeof name, "pure C path, %zu byte request", sizeof REQUEST - 1);
    struct bench_case path = {.name = name, .run = whole_path, .arg = &c, .ops = 5000};
    bench_all(&path, 1);
    fa_server_free(s);
    return 0;
}
