/* The life of a server: listen, start, new routes while running, drain, stop. */
#include "check.h"
#include "fake_executor.h"

#include <sys/un.h>

#include "base/clock.h"
#include "server/http_conn.h"
#include "server/server_state.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(drain_finishes_what_runs_and_closes_what_idles)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int idle = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(idle, GET("/worker"), &r), 200);
    fake_response_free(&r);
    int busy[32];
    for (int i = 0; i < 32; i++) {
        busy[i] = fake_connect(&f);
        CHECK(fake_send(busy[i], GET("/blocking")));
        fake_wait(&f.entered);
    }
    fa_server_drain(f.server);
    CHECK(fake_is_ended(idle));
    for (int i = 0; i < 32; i++) {
        sem_post(&f.leave);
    }
    for (int i = 0; i < 32; i++) {
        CHECK(fake_recv_response(busy[i], &r, false));
        CHECK_EQ_INT(r.status, 200);
        CHECK(r.close); /* announced */
        fake_response_free(&r);
        CHECK(fake_is_ended(busy[i]));
        close(busy[i]);
    }
    close(idle);
    uint64_t start = fa_clock_now_ns();
    CHECK_EQ_INT(fa_server_stop(f.server, UINT64_C(10000000000)), FA_OK);
    CHECK(fa_clock_now_ns() - start < UINT64_C(5000000000)); /* not the whole timeout */
    CHECK_EQ_INT(atomic_load(&f.threads_started), atomic_load(&f.threads_stopped));
    fake_stop(&f);
}

/* Until the listeners are closed and every connection knows of the drain. */
static void drain_and_wait(struct fake *f)
{
    fa_server_drain(f->server);
    for (int i = 0; i < 20000 && atomic_load(&f->server->listening); i++) {
        CHECK(poll(NULL, 0, 1) == 0);
    }
    CHECK(!atomic_load(&f->server->listening));
}

TEST(a_connection_just_used_gets_one_more_request)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int used = fake_connect(&f);
    int fresh = fake_connect(&f); /* accepted, nothing asked yet */
    int quiet = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(quiet, GET("/inline"), &r), 200);
    fake_response_free(&r);
    CHECK_EQ_INT(fake_ask(used, GET("/worker"), &r), 200);
    CHECK(!r.close);
    fake_response_free(&r);
    drain_and_wait(&f);
    uint64_t start = fa_clock_now_ns();
    static const char *const PATHS[] = {GET("/inline"), GET("/stream")};
    int fds[] = {used, fresh};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(fake_ask(fds[i], PATHS[i], &r), 200);
        CHECK(r.close);
        fake_response_free(&r);
        CHECK(fake_is_ended(fds[i]));
        close(fds[i]);
    }
    CHECK(fake_is_ended(quiet));
    CHECK(fake_wait_closed(&f, 0));
    CHECK(fa_clock_now_ns() - start < UINT64_C(3000000000));
    close(quiet);
    fake_stop(&f);
}

TEST(nobody_holds_up_the_drain_for_long)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fds[3] = {fake_connect(&f), fake_connect(&f), fake_connect(&f)};
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fds[0], GET("/inline"), &r), 200);
    fake_response_free(&r);
    CHECK(fake_send(fds[1], GET("/blocking")));
    fake_wait(&f.entered);
    drain_and_wait(&f);
    sem_post(&f.leave);
    CHECK(fake_recv_response(fds[1], &r, false));
    CHECK(r.close); /* and then this client does not close its side */
    fake_response_free(&r);
    uint64_t start = fa_clock_now_ns();
    CHECK(fake_wait_closed(&f, 0));
    CHECK(fa_clock_now_ns() - start < UINT64_C(3000000000));
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    fake_stop(&f);
}

TEST(one_idle_for_long_is_closed_at_once)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    int asks = fake_connect(&f);
    struct fake_response r;
    uint64_t start = fa_clock_now_ns();
    CHECK_EQ_INT(fake_ask(fd, GET("/inline"), &r), 200);
    fake_response_free(&r);
    /* Time passes for the server: another client asks until the first has idled long enough. */
    while (fa_clock_now_ns() - start < FA_HTTP_CONN_DRAIN_NS + UINT64_C(100000000)) {
        CHECK_EQ_INT(fake_ask(asks, GET("/inline"), &r), 200);
        fake_response_free(&r);
    }
    drain_and_wait(&f);
    start = fa_clock_now_ns();
    CHECK(fake_is_ended(fd));
    CHECK(fa_clock_now_ns() - start < FA_HTTP_CONN_DRAIN_NS / 2);
    CHECK_EQ_INT(fake_ask(asks, GET("/inline"), &r), 200);
    CHECK(r.close);
    fake_response_free(&r);
    close(fd);
    close(asks);
    fake_stop(&f);
}

TEST(all_pipelined_requests_are_answered_and_the_last_says_close)
{
    static const char *const LAST[] = {GET("/worker"), GET("/inline"), GET("/echo")};
    for (int round = 0; round < 3; round++) {
        struct fake f;
        fake_init(&f);
        fake_start(&f);
        int fd = fake_connect(&f);
        int count = 4;
        bool last_said_close = false;
        CHECK(fake_send(fd, GET("/blocking") GET("/worker") GET("/blocking")));
        CHECK(fake_send(fd, LAST[round]));
        fake_wait(&f.entered);
        fake_wait(&f.entered);
        while (fake_stats(&f).requests < (uint64_t)count) {
            fa_executor_wake_reactor(f.server);
            CHECK(poll(NULL, 0, 1) == 0);
        }
        drain_and_wait(&f);
        sem_post(&f.leave);
        sem_post(&f.leave);
        for (int i = 0; i < count; i++) {
            struct fake_response r;
            CHECK(fake_recv_response(fd, &r, false));
            CHECK_EQ_INT(r.status, 200);
            CHECK(i == count - 1 || !r.close);
            last_said_close = r.close;
            fake_response_free(&r);
        }
        if (!last_said_close) { /* built before the drain: so there is one more */
            struct fake_response r;
            CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200);
            CHECK(r.close);
            fake_response_free(&r);
        }
        CHECK(fake_is_ended(fd));
        close(fd);
        fake_stop(&f);
    }
}

static int connect_unix(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    return fd;
}

/* The reactor is held up in an inline handler until the test posts `seen`. */
static struct fake *held;

static void hold_the_reactor(struct fa_task *t)
{
    sem_post(&held->entered);
    fake_wait(&held->seen);
    fake_hello_inline(t);
}

static const struct fake_route HOLD_ROUTES[] = {
    {"/hold", FAKE_M(GET), FA_LANE_INLINE, NULL, hold_the_reactor},
    {"/inline", FAKE_M(GET), FA_LANE_INLINE, NULL, fake_hello_inline},
    {"/blocking", FAKE_M(GET), FA_LANE_WORKER, fake_blocking, NULL},
};

TEST(clients_in_the_backlog_are_served)
{
    struct fake f;
    fake_init(&f);
    f.config.max_connections = 8; /* and there is not even room for all of them */
    held = &f;
    char path[] = "/tmp/fa-server-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    char sock[64];
    snprintf(sock, sizeof sock, "%s/s", path);
    fake_require(fa_server_new(&f.config, &FAKE_OPS, &f, &f.server) == FA_OK, "new");
    CHECK_EQ_INT(fa_server_listen_uds(f.server, sock), FA_OK);
    fake_start(&f);
    fake_set_routes(&f, HOLD_ROUTES, 3, NULL);
    int holder = fake_connect(&f);
    CHECK(fake_send(holder, GET("/hold")));
    fake_wait(&f.entered);
    enum { N = 20 };
    int fds[N];
    for (int i = 0; i < N; i++) {
        fds[i] = i % 2 ? connect_unix(sock) : fake_connect(&f);
        CHECK(fake_send(fds[i], GET("/inline")));
    }
    fa_server_drain(f.server);
    CHECK(fa_server_active(f.server) > 0);
    sem_post(&f.seen);
    struct fake_response r;
    CHECK(fake_recv_response(holder, &r, false));
    fake_response_free(&r);
    close(holder);
    for (int i = 0; i < N; i++) {
        CHECK(fake_recv_response(fds[i], &r, false));
        CHECK_EQ_INT(r.status, 200);
        fake_response_free(&r);
        close(fds[i]);
    }
    CHECK(fake_wait_closed(&f, 0));
    fake_stop(&f);
    CHECK(rmdir(path) == 0);
}

/* Its time is up, and its next request is in the socket: only the event was not seen yet. */
TEST(an_idle_connection_is_read_before_it_is_closed)
{
    struct fake f;
    fake_init(&f);
    f.config.keep_alive_timeout = 0.2;
    held = &f;
    fake_start(&f);
    fake_set_routes(&f, HOLD_ROUTES, 3, NULL);
    int fd = fake_connect(&f);
    int slow = fake_connect(&f);
    int holder = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(slow, GET("/blocking")));
    fake_wait(&f.entered);
    CHECK_EQ_INT(fake_ask(fd, GET("/inline"), &r), 200);
    fake_response_free(&r);
    uint64_t start = fa_clock_now_ns();
    CHECK(fake_send(holder, GET("/hold")));
    fake_wait(&f.entered);
    CHECK(fake_send(fd, GET("/inline")));
    while (fa_clock_now_ns() - start < UINT64_C(500000000)) { /* its time passes */
        CHECK(poll(NULL, 0, 10) == 0);
    }
    sem_post(&f.leave); /* a completion makes the reactor look at the clock first */
    while (fa_inbox_is_empty(&f.server->done)) {
        CHECK(poll(NULL, 0, 1) == 0);
    }
    sem_post(&f.seen);
    int fds[] = {fd, slow, holder};
    for (int i = 0; i < 3; i++) {
        CHECK(fake_recv_response(fds[i], &r, false));
        CHECK_EQ_INT(r.status, 200);
        fake_response_free(&r);
        close(fds[i]);
    }
    fake_stop(&f);
}

TEST(a_drain_is_not_done_before_the_listeners_are_closed)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    CHECK_EQ_INT(fa_server_active(f.server), 0);
    fa_server_drain(f.server);
    size_t active = fa_server_active(f.server);
    CHECK(active == 1 || !atomic_load(&f.server->listening));
    CHECK(fake_wait_closed(&f, 0));
    CHECK(!atomic_load(&f.server->listening));
    fake_stop(&f);
}

TEST(nobody_can_connect_while_draining)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, GET("/hang")));
    fake_wait(&f.entered);
    fa_server_drain(f.server);
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons(f.port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool refused = false;
    for (int i = 0; i < 10000 && !refused; i++) {
        int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        refused = connect(probe, (struct sockaddr *)&sa, sizeof sa) != 0;
        close(probe);
    }
    CHECK(refused);
    close(fd);
    fake_stop(&f);
}

TEST(stop_cuts_after_its_timeout)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, GET("/hang")));
    fake_wait(&f.entered);
    CHECK_EQ_INT(fa_server_stop(f.server, 100000000), FA_OK);
    CHECK(fake_is_ended(fd));
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.disconnects), 1);
}

TEST(stop_tells_when_a_handler_does_not_end)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, GET("/blocking")));
    fake_wait(&f.entered);
    CHECK_EQ_INT(fa_server_stop(f.server, 0), FA_AGAIN);
    sem_post(&f.leave);
    fake_stop(&f);
    close(fd);
}

struct stopper {
    struct fa_server *server;
    uint64_t timeout_ns;
    pthread_t thread;
    fa_status stopped;
};

static void *stop_main(void *arg)
{
    struct stopper *self = arg;
    self->stopped = fa_server_stop(self->server, self->timeout_ns);
    return NULL;
}

TEST(several_threads_stop_at_once)
{
    for (int round = 0; round < 10; round++) {
        struct fake f;
        struct stopper stoppers[4];
        fake_init(&f);
        fake_start(&f);
        int fd = fake_connect(&f); /* holds up those who would wait for an hour */
        CHECK(fake_send(fd, GET("/hang")));
        fake_wait(&f.entered);
        for (int i = 0; i < 4; i++) {
            stoppers[i] = (struct stopper){f.server, UINT64_C(3600000000000), 0, FA_ERR_INVALID};
            stoppers[i].timeout_ns = i < 3 ? stoppers[i].timeout_ns : 0;
            CHECK(pthread_create(&stoppers[i].thread, NULL, stop_main, &stoppers[i]) == 0);
        }
        for (int i = 0; i < 4; i++) {
            CHECK(pthread_join(stoppers[i].thread, NULL) == 0);
            CHECK_EQ_INT(stoppers[i].stopped, FA_OK);
        }
        CHECK(fake_is_ended(fd));
        close(fd);
        fake_stop(&f);
    }
}

TEST(a_worker_that_cannot_start_fails_the_start)
{
    struct fake f;
    fake_init(&f);
    f.start_status = FA_ERR_NOMEM;
    fake_require(fa_server_new(&f.config, &FAKE_OPS, &f, &f.server) == FA_OK, "new");
    CHECK_EQ_INT(fa_server_start(f.server), FA_ERR_NOMEM);
    fa_server_free(f.server);
}

TEST(a_server_that_never_started_can_be_freed)
{
    struct fake f;
    fake_init(&f);
    fake_require(fa_server_new(&f.config, &FAKE_OPS, &f, &f.server) == FA_OK, "new");
    fake_set_routes(&f, FAKE_ROUTES, FAKE_ROUTE_COUNT, malloc(1));
    fake_set_routes(&f, FAKE_ROUTES, FAKE_ROUTE_COUNT, malloc(1));
    CHECK_EQ_INT(fa_server_listen_tcp(f.server, "127.0.0.1", 0, true, &f.port), FA_OK);
    CHECK_EQ_INT(fa_server_listen_tcp(f.server, "no such host.", 0, true, &f.port), FA_ERR_INVALID);
    fa_server_free(f.server);
    CHECK_EQ_INT(atomic_load(&f.owners_dropped), 2);
}

static const struct fake_route OTHER_ROUTES[] = {
    {"/other", FAKE_M(GET), FA_LANE_WORKER, fake_hello, NULL},
};

TEST(routes_are_replaced_while_requests_run)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    int slow = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(slow, GET("/blocking"))); /* keeps the first table alive */
    fake_wait(&f.entered);
    int tables = 100;
    for (int i = 0; i < tables; i++) {
        bool other = i % 2 == 0;
        fake_set_routes(
            &f, other ? OTHER_ROUTES : FAKE_ROUTES, other ? 1 : FAKE_ROUTE_COUNT, malloc(1));
        CHECK_EQ_INT(fake_ask(fd, other ? GET("/other") : GET("/worker"), &r), 200);
        CHECK_EQ_STR(r.body, "hello"); /* from the table just set, at once */
        fake_response_free(&r);
        CHECK_EQ_INT(fake_ask(fd, other ? GET("/worker") : GET("/other"), &r), 200);
        CHECK_EQ_STR(r.body, ""); /* the app's */
        fake_response_free(&r);
    }
    sem_post(&f.leave);
    CHECK(fake_recv_response(slow, &r, false));
    CHECK_EQ_STR(r.body, "late");
    fake_response_free(&r);
    close(slow);
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.owners_dropped), tables);
}

TEST(without_routes_everything_is_the_apps)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    CHECK_EQ_INT(fa_server_set_routes(f.server, NULL, NULL, 0, NULL, NULL, NULL), FA_OK);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200);
    CHECK_EQ_STR(r.body, "");
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

TEST(unix_and_inherited_sockets)
{
    char path[] = "/tmp/fa-server-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    char sock[64];
    snprintf(sock, sizeof sock, "%s/s", path);
    struct fake f;
    fake_init(&f);
    f.stop_fd = eventfd(0, EFD_CLOEXEC);
    fake_require(fa_server_new(&f.config, &FAKE_OPS, &f, &f.server) == FA_OK, "new");
    fake_set_routes(&f, FAKE_ROUTES, FAKE_ROUTE_COUNT, NULL);
    CHECK_EQ_INT(fa_server_listen_uds(f.server, sock), FA_OK);
    int inherited = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    CHECK(bind(inherited, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(inherited, 5) == 0);
    CHECK(getsockname(inherited, (struct sockaddr *)&sa, &len) == 0);
    f.port = ntohs(sa.sin_port);
    CHECK_EQ_INT(fa_server_listen_fd(f.server, inherited), FA_OK);
    fake_require(pthread_create(&f.loop, NULL, fake_loop_main, &f) == 0, "loop thread");
    fake_require(fa_server_start(f.server) == FA_OK, "start");
    int fds[2] = {connect_unix(sock), fake_connect(&f)};
    for (int i = 0; i < 2; i++) {
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fds[i], GET("/worker"), &r), 200);
        fake_response_free(&r);
        CHECK_EQ_INT(fake_ask(fds[i], GET("/echo"), &r), 200);
        fake_response_free(&r);
        close(fds[i]);
    }
    fake_stop(&f);
    CHECK(access(sock, F_OK) != 0);
    CHECK(rmdir(path) == 0);
}

TEST(statistics)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    for (int i = 0; i < 100; i++) {
        CHECK_EQ_INT(fake_ask(fd, i % 2 ? GET("/worker") : GET("/loop"), &r), 200);
        fake_response_free(&r);
    }
    close(fd);
    for (int i = 0; i < 20000 && fa_server_active(f.server) > 0; i++) {
        CHECK(poll(NULL, 0, 1) == 0);
    }
    CHECK_EQ_INT(fa_server_stop(f.server, 0), FA_OK);
    struct fa_server_stats stats = fake_stats(&f);
    CHECK_EQ_INT(stats.requests, 100);
    CHECK_EQ_INT(stats.responses, 100);
    CHECK_EQ_INT(stats.connections_accepted, 1);
    CHECK_EQ_INT(stats.connections_closed, 1);
    CHECK(stats.bytes_in > 3000 && stats.bytes_out > 5000);
    CHECK(stats.worker_threads_started >= 1 && stats.loop_queue.capacity == 1024);
    CHECK(stats.pools[0].figures.hits > stats.pools[0].figures.misses);
    fake_stop(&f);
}

/* Each allocation fails once: at worst a request or connection is lost, nothing else. */
TEST(making_a_server_without_memory)
{
    uint64_t live = fa_alloc_live();
    fa_status st = FA_ERR_NOMEM;
    for (uint64_t n = 1; st != FA_OK && n < 100; n++) {
        struct fa_config config;
        struct fa_server *s = NULL;
        fa_config_defaults(&config);
        fa_alloc_fail_at(n);
        st = fa_server_new(&config, &FAKE_OPS, NULL, &s);
        fa_alloc_fail_at(0);
        CHECK(st == FA_OK || st == FA_ERR_NOMEM);
        if (st == FA_OK) {
            CHECK(n > 2);
            fa_server_free(s);
        }
        CHECK_EQ_INT(fa_alloc_live(), live);
    }
    CHECK_EQ_INT(st, FA_OK);
}

static void one_of_each(struct fake *f)
{
    static const char *const REQUESTS[] = {
        GET("/inline"),
        GET("/worker-param/%41"),
        GET("/big"),
        GET("/stream"),
        "POST /unsure HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        ("POST /worker-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4\r\nbody\r\n0\r\n\r\n"),
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
        "nonsense\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof REQUESTS / sizeof REQUESTS[0]; i++) {
        int fd = fake_connect(f);
        struct fake_response r;
        int status = fake_ask(fd, REQUESTS[i], &r);
        CHECK(status == 0 || status == 200 || status == 400 || status == 503);
        fake_response_free(&r);
        close(fd);
    }
}

TEST(serving_without_memory)
{
    uint64_t live = fa_alloc_live();
    for (uint64_t n = 1; n <= 60; n++) {
        struct fake f;
        fake_init(&f);
        f.config.object_pools = n % 2 == 0;
        fake_start(&f);
        fa_alloc_fail_at(n);
        one_of_each(&f);
        fa_alloc_fail_at(0);
        struct fake_response r;
        int fd = fake_connect(&f);
        CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200); /* as if nothing had been */
        fake_response_free(&r);
        close(fd);
        fake_stop(&f);
        CHECK_EQ_INT(fa_alloc_live(), live);
    }
}

int main(void)
{
    RUN(drain_finishes_what_runs_and_closes_what_idles);
    RUN(a_connection_just_used_gets_one_more_request);
    RUN(nobody_holds_up_the_drain_for_long);
    RUN(one_idle_for_long_is_closed_at_once);
    RUN(all_pipelined_requests_are_answered_and_the_last_says_close);
    RUN(clients_in_the_backlog_are_served);
    RUN(an_idle_connection_is_read_before_it_is_closed);
    RUN(a_drain_is_not_done_before_the_listeners_are_closed);
    RUN(nobody_can_connect_while_draining);
    RUN(stop_cuts_after_its_timeout);
    RUN(stop_tells_when_a_handler_does_not_end);
    RUN(several_threads_stop_at_once);
    RUN(a_worker_that_cannot_start_fails_the_start);
    RUN(a_server_that_never_started_can_be_freed);
    RUN(routes_are_replaced_while_requests_run);
    RUN(without_routes_everything_is_the_apps);
    RUN(unix_and_inherited_sockets);
    RUN(statistics);
    RUN(making_a_server_without_memory);
    RUN(serving_without_memory);
    return CHECK_END();
}
