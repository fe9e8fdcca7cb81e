/* The path of a request: routing, lanes, hand-over, upgrade. */
#include <sched.h>

#include "check.h"
#include "fake_executor.h"
#include "server/memory_peer.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void asked(int fd, const char *request, int status, const char *body)
{
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, request, &r), status);
    CHECK_EQ_STR(r.body, body);
    fake_response_free(&r);
}

TEST(routes_decode_the_path)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    asked(fd, GET("/inline-param/a%20b"), 200, "a b");
    asked(fd, GET("/worker-param/%C3%A9?q=1"), 200, "\xc3\xa9");
    asked(fd, GET("/loop%2Dparam/x"), 200, "x");
    asked(fd, "GET http://other/inline-param/abs HTTP/1.1\r\nHost: a\r\n\r\n", 200, "abs");
    CHECK_EQ_INT(atomic_load(&f.streams_ended), 0);
    /* what is not certain goes to the app */
    asked(fd, GET("/inline-param/%ff"), 200, "");
    asked(fd, GET("/nowhere"), 200, "");
    asked(fd, "DELETE /inline HTTP/1.1\r\nHost: a\r\n\r\n", 200, "");
    asked(fd, "BREW /inline HTTP/1.1\r\nHost: a\r\n\r\n", 200, "");
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.streams_ended), 4);
}

TEST(uncertain_plans_are_handed_over_with_their_body)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    asked(fd, GET("/unsure"), 200, "");
    asked(fd, "POST /unsure HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", 200, "body");
    asked(fd,
        "POST /loop-unsure HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4\r\nbody\r\n0\r\n\r\n",
        200, "body");
    CHECK_EQ_INT(fake_stats(&f).handovers, 3);
    close(fd);
    fake_stop(&f);
}

TEST(hand_over_after_the_client_is_gone)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    for (int i = 0; i < 50; i++) {
        int fd = fake_connect(&f);
        CHECK(fake_send(fd, "POST /unsure HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                            "POST /unsure HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"));
        fake_reset(fd);
    }
    int fd = fake_connect(&f);
    asked(fd, GET("/worker"), 200, "hello");
    close(fd);
    fake_stop(&f);
}

TEST(answers_keep_their_order_across_lanes)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(fd, GET("/blocking") GET("/inline-param/1") GET("/loop-param/2") GET("/echo")
                            GET("/worker-param/4")));
    fake_wait(&f.entered);
    sem_post(&f.leave);
    static const char *const WANT[] = {"late", "1", "2", "", "4"};
    for (int i = 0; i < 5; i++) {
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_STR(r.body, WANT[i]);
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
}

#define UPGRADE \
    "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"

TEST(an_upgraded_connection_is_a_tunnel)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    asked(fd, GET("/inline"), 200, "hello");
    struct fake_response r;
    CHECK(fake_send(fd, UPGRADE "first")); /* bytes right behind the head belong to it */
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 101);
    fake_response_free(&r);
    char back[64] = "";
    CHECK(fake_recv_n(fd, back, 5));
    CHECK(memcmp(back, "first", 5) == 0);
    for (int i = 0; i < 20; i++) {
        CHECK(fake_send(fd, GET("/inline")));
        CHECK(fake_recv_n(fd, back, sizeof GET("/inline") - 1));
        CHECK(memcmp(back, GET("/inline"), sizeof GET("/inline") - 1) == 0);
    }
    CHECK(fake_send(fd, "quit"));
    CHECK(fake_recv_n(fd, back, 4));
    CHECK(fake_is_ended(fd));
    close(fd);
    fd = fake_connect(&f);
    CHECK_EQ_INT(fake_ask(fd, UPGRADE, &r), 101);
    fake_response_free(&r);
    CHECK(shutdown(fd, SHUT_WR) == 0); /* the client's end is the app's eof */
    CHECK(fake_is_ended(fd));
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.streams_ended), 2);
}

TEST(an_upgrade_that_is_declined_stays_http)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    for (int i = 0; i < 3; i++) {
        asked(fd,
            "GET /inline HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
            "Upgrade: WebSocket\r\n\r\n",
            200, "");
        asked(fd, GET("/inline"), 200, "hello");
    }
    asked(fd, GET("/tunnel"), 400, ""); /* fa_stream_upgrade refuses */
    asked(fd, GET("/inline"), 200, "hello");
    close(fd);
    fake_stop(&f);
}

/* The app can take no other protocol, so such an offer may not choose another road. */
TEST(an_upgrade_to_something_else_changes_nothing)
{
    struct fake f;
    fake_init(&f);
    f.config.max_body_size = 4;
    fake_start(&f);
    int fd = fake_connect(&f);
    asked(fd, "GET /inline HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 200,
        "hello");
    asked(fd,
        "POST /loop-body HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n"
        "Content-Length: 4\r\n\r\nbody",
        200, "body");
    asked(fd,
        "POST /loop-body HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n"
        "Content-Length: 5\r\n\r\nbodys",
        413, "Content Too Large");
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.streams_ended), 0);
}

/* No room in the queue until its time is up: the server's own 503 declines nothing. */
TEST(nothing_runs_behind_an_upgrade_that_is_answered_503)
{
    struct fake f;
    struct fake_response r;
    fake_init(&f);
    f.config.queue_size = 2;
    f.config.queue_timeout = 0.1;
    fake_start(&f);
    atomic_store(&f.loop_paused, true);
    int first = fake_connect(&f), fd = fake_connect(&f);
    CHECK(fake_send(first, GET("/loop"))); /* wakes the loop thread, which then waits */
    fake_wait(&f.seen);
    CHECK(fake_send(first, GET("/loop") GET("/loop") GET("/loop")));
    while (fake_stats(&f).loop_queue.full == 0) {
        sched_yield();
    }
    CHECK(fake_send(fd, UPGRADE GET("/inline")));
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 503);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    atomic_store(&f.loop_paused, false);
    sem_post(&f.loop_resume);
    close(fd);
    close(first);
    fake_stop(&f);
}

/* ---- what is pipelined before an upgrade; the test is the reactor and the loop thread ---- */

struct behind {
    struct fake f;
    struct fa_memory_peer p;
};

static void behind_begin(struct behind *b, const char *bytes)
{
    fake_init(&b->f);
    b->f.has_loop = false;
    fake_start_driven(&b->f);
    fa_memory_peer_init(&b->p);
    CHECK(fa_memory_peer_connect(&b->p, b->f.server) == FA_OK);
    fa_memory_peer_send(&b->p, bytes, strlen(bytes));
}

static void behind_turn(struct behind *b)
{
    for (int i = 0; i < 4; i++) {
        CHECK(fa_server_turn(b->f.server, false) == FA_OK);
    }
}

static bool behind_has(const struct behind *b, const char *text)
{
    return b->p.out != NULL && memmem(b->p.out, b->p.out_len, text, strlen(text)) != NULL;
}

static void behind_end(struct behind *b)
{
    void *items[8];
    fa_memory_peer_deinit(&b->p);
    behind_turn(b);
    size_t n = fa_executor_loop_drain(b->f.server, items, 8);
    for (size_t i = 0; i < n; i++) {
        fake_loop_item(&b->f, items[i]);
    }
    fake_stop(&b->f);
}

TEST(an_answer_before_an_upgrade_does_not_decide_it)
{
    struct behind b;
    void *items[8];
    behind_begin(&b, GET("/loop") GET("/inline-param/one") UPGRADE GET("/inline-param/two"));
    behind_turn(&b);
    CHECK_EQ_INT(fa_executor_loop_drain(b.f.server, items, 8), 2); /* /loop and /tunnel */
    fake_loop_item(&b.f, items[0]);
    behind_turn(&b);
    CHECK(behind_has(&b, "hello") && behind_has(&b, "one"));
    CHECK_EQ_INT(fake_stats(&b.f).requests, 3); /* what is behind the upgrade was not parsed */
    fake_loop_item(&b.f, items[1]);
    behind_turn(&b);
    CHECK(behind_has(&b, "HTTP/1.1 101 "));
    CHECK_EQ_INT(fa_executor_loop_drain(b.f.server, items, 8), 1);
    fake_loop_item(&b.f, items[0]); /* it came through the tunnel */
    behind_turn(&b);
    CHECK(behind_has(&b, GET("/inline-param/two")));
    CHECK_EQ_INT(fake_stats(&b.f).requests, 3);
    behind_end(&b);
}

TEST(a_tunnel_outlives_the_answers_before_it)
{
    struct behind b;
    void *items[8];
    behind_begin(&b, GET("/loop") UPGRADE "first");
    behind_turn(&b);
    CHECK_EQ_INT(fa_executor_loop_drain(b.f.server, items, 8), 2);
    fake_loop_item(&b.f, items[1]); /* accepted while /loop is unanswered */
    behind_turn(&b);
    CHECK_EQ_INT(b.p.out_len, 0);
    fake_loop_item(&b.f, items[0]);
    behind_turn(&b);
    CHECK(behind_has(&b, "hello") && behind_has(&b, "HTTP/1.1 101 "));
    CHECK(b.p.conn != NULL && !b.p.out_ended);
    CHECK_EQ_INT(fa_executor_loop_drain(b.f.server, items, 8), 1);
    fake_loop_item(&b.f, items[0]);
    behind_turn(&b);
    CHECK(behind_has(&b, "first"));
    behind_end(&b);
}

TEST(behind_a_declined_upgrade_follows_http)
{
    struct behind b;
    void *items[8];
    behind_begin(&b, GET("/loop") "GET /early HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                                  "Upgrade: websocket\r\n\r\n" GET("/inline-param/two"));
    behind_turn(&b);
    CHECK_EQ_INT(fa_executor_loop_drain(b.f.server, items, 8), 2);
    fake_loop_item(&b.f, items[0]);
    behind_turn(&b);
    CHECK(!behind_has(&b, "two"));
    fake_loop_item(&b.f, items[1]);
    behind_turn(&b);
    CHECK(behind_has(&b, "early") && behind_has(&b, "two"));
    behind_end(&b);
}

TEST(what_does_not_pass_the_gate_is_handed_over)
{
    static const struct fa_gate_host name = {{"a", 1}, false};
    static const struct fa_gate_hosts list = {&name, 1};
    static const struct fa_gate gate = {.has_cors = true, .hosts = &list, .host_list_count = 1};
    struct fake f;
    fake_init(&f);
    f.gate = &gate;
    fake_start(&f);
    int fd = fake_connect(&f);
    asked(fd, GET("/inline"), 200, "hello");
    asked(fd, GET("/worker"), 200, "hello");
    asked(
        fd, "POST /loop-body HTTP/1.1\r\nHost: A:1\r\nContent-Length: 4\r\n\r\nbody", 200, "body");
    CHECK_EQ_INT(atomic_load(&f.streams_ended), 0);
    asked(fd, "GET /inline HTTP/1.1\r\nHost: b\r\n\r\n", 200, "");
    asked(fd, "GET /worker HTTP/1.1\r\nHost: a\r\nOrigin: \xff\r\n\r\n", 200, "");
    asked(fd, "POST /loop-body HTTP/1.1\r\nHost: b\r\nContent-Length: 4\r\n\r\nbody", 200, "body");
    CHECK_EQ_INT(fake_stats(&f).handovers, 0); /* no executor has seen them before */
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.streams_ended), 3);
}

int main(void)
{
    RUN(routes_decode_the_path);
    RUN(uncertain_plans_are_handed_over_with_their_body);
    RUN(hand_over_after_the_client_is_gone);
    RUN(answers_keep_their_order_across_lanes);
    RUN(an_upgraded_connection_is_a_tunnel);
    RUN(an_upgrade_that_is_declined_stays_http);
    RUN(an_upgrade_to_something_else_changes_nothing);
    RUN(nothing_runs_behind_an_upgrade_that_is_answered_503);
    RUN(an_answer_before_an_upgrade_does_not_decide_it);
    RUN(a_tunnel_outlives_the_answers_before_it);
    RUN(behind_a_declined_upgrade_follows_http);
    RUN(what_does_not_pass_the_gate_is_handed_over);
    return CHECK_END();
}
