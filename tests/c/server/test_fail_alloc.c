/*
 * Out of memory anywhere: every allocation of a served run is made to fail once.
 *
 * The server may then refuse to start, answer 5xx, or drop that one connection; it
 * never crashes, never gives half an answer for a whole one, serves the next
 * request, and gives back all it took.
 */
#include "base/alloc.h"
#include "check.h"
#include "fake_executor.h"
#include "server/memory_peer.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, n, body) \
    "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\n\r\n" body
#define CHUNKED(path)                                          \
    "POST " path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: " \
    "chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"

static const char *const REQUESTS[] = {GET("/inline"), GET("/worker"), GET("/loop"),
    GET("/loop-param/7"), POST("/worker-body", "4", "body"), CHUNKED("/loop-body"),
    POST("/unsure", "4", "body"), GET("/app"), CHUNKED("/app"), GET("/big"), GET("/file"),
    GET("/stream"), GET("/external"), GET("/%61pp"), GET("/worker") GET("/loop") GET("/inline"),
    "GET / HTTP/1.1\r\n\r\n"};
#define REQUEST_COUNT (sizeof REQUESTS / sizeof REQUESTS[0])

static bool add_routes(struct fa_server *s)
{
    struct fa_router *router = NULL;
    struct fa_route routes[FAKE_ROUTE_COUNT];
    if (fa_router_new(&router) != FA_OK) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < FAKE_ROUTE_COUNT; i++) {
        const struct fake_route *row = &FAKE_ROUTES[i];
        fa_span path = {row->path, strlen(row->path)};
        ok = ok && fa_router_add(router, path, row->methods, (uint32_t)i) == FA_OK;
        routes[i] = (struct fa_route){.id = (uint32_t)i,
            .lane = row->lane,
            .plan = (void *)(uintptr_t)row,
            .inline_run = row->inline_run};
    }
    ok = ok && fa_router_freeze(router) == FA_OK &&
         fa_server_set_routes(s, router, routes, FAKE_ROUTE_COUNT, NULL, NULL, NULL) == FA_OK;
    if (!ok) {
        fa_router_free(router);
    }
    return ok;
}

/* False: the server could not be made, and nothing of it is left. */
static bool start(struct fake *f)
{
    fake_init(f);
    f->config.worker_threads = 1;
    f->config.buffer_size = 1024; /* bodies and answers need buffers of their own */
    if (fa_server_new(&f->config, &FAKE_OPS, f, &f->server) != FA_OK) {
        return false;
    }
    if (!add_routes(f->server) || fa_server_start_driven(f->server) != FA_OK) {
        fa_server_free(f->server);
        return false;
    }
    f->stop_fd = eventfd(0, EFD_CLOEXEC);
    fake_start_loop(f);
    return true;
}

/* An answer that is there is whole: a head, and the body it announces or the end. */
static bool is_sound(const struct fa_memory_peer *p)
{
    if (p->out_len == 0) {
        return p->conn == NULL; /* dropped */
    }
    return p->out_len > 12 && memcmp(p->out, "HTTP/1.1 ", 9) == 0 &&
           memmem(p->out, p->out_len, "\r\n\r\n", 4) != NULL;
}

static void ask(struct fake *f, const char *request)
{
    struct fa_memory_peer p;
    fa_memory_peer_init(&p);
    if (fa_memory_peer_connect(&p, f->server) == FA_OK) {
        fa_memory_peer_send(&p, request, strlen(request));
        while (!fa_memory_peer_is_answered(&p)) {
            CHECK(fa_server_turn(f->server, true) == FA_OK);
        }
        CHECK(is_sound(&p));
    }
    fa_memory_peer_deinit(&p);
    CHECK(fa_server_turn(f->server, false) == FA_OK);
}

static bool answers_200(struct fake *f, const char *request)
{
    struct fa_memory_peer p;
    fa_memory_peer_init(&p);
    CHECK(fa_memory_peer_connect(&p, f->server) == FA_OK);
    fa_memory_peer_send(&p, request, strlen(request));
    while (!fa_memory_peer_is_answered(&p)) {
        CHECK(fa_server_turn(f->server, true) == FA_OK);
    }
    bool ok = p.out_len > 12 && memcmp(p.out, "HTTP/1.1 200", 12) == 0;
    fa_memory_peer_deinit(&p);
    return ok;
}

/* One run; `n` says which allocation fails. Returns whether one did. */
static bool run_with_failure(uint64_t n)
{
    uint64_t before = fa_alloc_live();
    struct fake f;
    fa_alloc_fail_at(n);
    bool started = start(&f);
    for (size_t i = 0; started && i < REQUEST_COUNT; i++) {
        ask(&f, REQUESTS[i]);
    }
    bool failed = fa_alloc_fail_left() == 0;
    fa_alloc_fail_at(0);
    if (started) {
        CHECK(answers_200(&f, GET("/worker")));
        CHECK(answers_200(&f, GET("/loop")));
        fake_stop(&f);
    }
    CHECK_EQ_INT(fa_alloc_live(), before);
    return failed;
}

TEST(every_allocation_fails_once)
{
    uint64_t n = 1;
    while (run_with_failure(n)) {
        n++;
    }
    CHECK(n > 50); /* there were that many, and the last run had none left to fail */
    CHECK(n < 100000);
}

int main(void)
{
    RUN(every_allocation_fails_once);
    return CHECK_END();
}
