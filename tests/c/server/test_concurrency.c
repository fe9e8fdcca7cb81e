/* limit_concurrency: who is served, who is refused, and when there is room again. */
#include "server/concurrency.h"

#include "check.h"
#include "fake_executor.h"
#include "server/memory_peer.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void start(struct fake *f, int64_t limit)
{
    fake_init(f);
    f->config.limit_concurrency = limit;
    fake_start(f);
}

/* The answer's status; 503 must be the last on its connection, which ends in order. */
static int ask(int fd, const char *request)
{
    struct fake_response r;
    int status = fake_ask(fd, request, &r);
    if (status == 503) {
        CHECK(r.close);
        CHECK_EQ_STR(r.body, "Service Unavailable");
        CHECK(fake_is_ended(fd));
    }
    fake_response_free(&r);
    return status;
}

TEST(there_is_no_limit_at_first)
{
    struct fake f;
    start(&f, 0);
    enum { N = 20 };
    int fds[N];
    for (int i = 0; i < N; i++) {
        fds[i] = fake_connect(&f);
    }
    for (int i = 0; i < N; i++) {
        CHECK_EQ_INT(ask(fds[i], GET("/inline")), 200);
        close(fds[i]);
    }
    CHECK_EQ_INT(fake_stats(&f).over_limit, 0);
    fake_stop(&f);
}

TEST(the_first_of_a_crowd_are_served)
{
    struct fake f;
    start(&f, 5);
    static const char *const PATHS[] = {GET("/inline"), GET("/worker"), GET("/loop"), GET("/x")};
    enum { N = 30 };
    int fds[N];
    for (int i = 0; i < N; i++) {
        fds[i] = fake_connect(&f);
    }
    for (int i = 0; i < N; i++) {
        CHECK_EQ_INT(ask(fds[i], PATHS[i % 4]), i < 4 ? 200 : 503);
    }
    CHECK_EQ_INT(ask(fds[0], GET("/inline")), 200);
    CHECK_EQ_INT(fake_stats(&f).over_limit, N - 4);
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
    fake_stop(&f);
}

TEST(a_seat_is_free_again_when_its_connection_ends)
{
    struct fake f;
    start(&f, 2);
    for (int i = 0; i < 10; i++) {
        int first = fake_connect(&f);
        int second = fake_connect(&f);
        CHECK_EQ_INT(ask(first, GET("/inline")), 200);
        CHECK_EQ_INT(ask(second, GET("/inline")), 503);
        close(second);
        second = fake_connect(&f);
        CHECK_EQ_INT(
            ask(first, "GET /inline HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200);
        CHECK(fake_is_ended(first));
        CHECK_EQ_INT(ask(second, GET("/inline")), 200); /* it was there before the seat */
        fake_reset(second);
        close(first);
        while (fa_server_active(f.server) > 0) {
            sched_yield();
        }
    }
    fake_stop(&f);
}

TEST(a_limit_of_one_serves_nobody)
{
    struct fake f;
    start(&f, 1);
    int fd = fake_connect(&f);
    CHECK_EQ_INT(ask(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"), 503);
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.handled), 0);
}

TEST(requests_count_whose_clients_have_gone)
{
    struct fake f;
    start(&f, 3);
    for (int i = 0; i < 3; i++) {
        int fd = fake_connect(&f);
        CHECK(fake_send(fd, GET("/blocking")));
        fake_wait(&f.entered);
        fake_reset(fd);
        while (fa_server_active(f.server) > 0) {
            sched_yield();
        }
    }
    int fd = fake_connect(&f);
    CHECK_EQ_INT(ask(fd, GET("/inline")), 503);
    close(fd);
    sem_post(&f.leave);
    struct fa_server_stats now;
    do {
        sched_yield();
        now = fake_stats(&f);
    } while (now.tasks_live > 2);
    fd = fake_connect(&f);
    CHECK_EQ_INT(ask(fd, GET("/inline")), 200);
    close(fd);
    sem_post(&f.leave);
    sem_post(&f.leave);
    fake_stop(&f);
}

TEST(calls_of_the_app_count_that_go_on_after_their_answer)
{
    struct fake f;
    start(&f, 3);
    int fd = fake_connect(&f);
    fa_server_note_calls(f.server, 2);
    CHECK_EQ_INT(ask(fd, GET("/inline")), 200);
    fa_server_note_calls(f.server, 3);
    CHECK_EQ_INT(ask(fd, GET("/inline")), 503);
    close(fd);
    fa_server_note_calls(f.server, 0);
    fd = fake_connect(&f);
    CHECK_EQ_INT(ask(fd, GET("/inline")), 200);
    close(fd);
    fake_stop(&f);
}

TEST(a_connection_that_pipelines_does_not_refuse_itself)
{
    struct fake f;
    start(&f, 2);
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, GET("/blocking") GET("/inline") GET("/worker") GET("/inline")));
    fake_wait(&f.entered);
    sem_post(&f.leave);
    for (int i = 0; i < 4; i++) {
        struct fake_response r;
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.status, 200);
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
}

TEST(websockets_are_let_in_and_count)
{
    struct fake f;
    start(&f, 2);
    int first = fake_connect(&f);
    int second = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(second,
                     "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                     "Upgrade: WebSocket\r\n\r\n",
                     &r),
        101);
    fake_response_free(&r);
    CHECK_EQ_INT(ask(first, GET("/inline")), 200);
    close(first);
    first = fake_connect(&f);
    CHECK_EQ_INT(ask(first, GET("/inline")), 503); /* the WebSocket is one, too */
    close(first);
    first = fake_connect(&f);
    CHECK_EQ_INT(ask(first, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                            "Upgrade: echo\r\n\r\n"),
        503);
    close(first);
    close(second);
    fake_stop(&f);
}

TEST(handshakes_are_requests_where_there_are_no_websockets)
{
    struct fake f;
    start(&f, 1);
    fa_server_limit_websockets(f.server);
    int fd = fake_connect(&f);
    CHECK_EQ_INT(ask(fd, "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                         "Upgrade: websocket\r\n\r\n"),
        503);
    close(fd);
    fake_stop(&f);
}

TEST(a_driven_server_has_no_limit)
{
    static const char ASKED[] = GET("/inline");
    struct fake f;
    struct fa_memory_peer p;
    fake_init(&f);
    f.config.limit_concurrency = 1;
    fake_start_driven(&f);
    fa_memory_peer_init(&p);
    CHECK(fa_memory_peer_connect(&p, f.server) == FA_OK);
    fa_memory_peer_send(&p, ASKED, sizeof ASKED - 1);
    while (!fa_memory_peer_is_answered(&p)) {
        CHECK(fa_server_turn(f.server, true) == FA_OK);
    }
    CHECK(memcmp(p.out, "HTTP/1.1 200", 12) == 0);
    fa_memory_peer_deinit(&p);
    fake_stop(&f);
}

int main(void)
{
    RUN(there_is_no_limit_at_first);
    RUN(the_first_of_a_crowd_are_served);
    RUN(a_seat_is_free_again_when_its_connection_ends);
    RUN(a_limit_of_one_serves_nobody);
    RUN(requests_count_whose_clients_have_gone);
    RUN(calls_of_the_app_count_that_go_on_after_their_answer);
    RUN(a_connection_that_pipelines_does_not_refuse_itself);
    RUN(websockets_are_let_in_and_count);
    RUN(handshakes_are_requests_where_there_are_no_websockets);
    RUN(a_driven_server_has_no_limit);
    return CHECK_END();
}
