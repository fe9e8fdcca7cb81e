/* A connection without a socket gives the same answers as one with. */
#include "server/memory_peer.h"

#include <poll.h>

#include "check.h"
#include "fake_executor.h"
#include "guard_page.h"
#include "server/http_conn.h"
#include "server/server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, n, body) \
    "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\n\r\n" body

/* Send and drive until all is answered. */
static void ask(struct fake *f, struct fa_memory_peer *p, const char *bytes, size_t len)
{
    fa_memory_peer_send(p, bytes, len);
    while (!fa_memory_peer_is_answered(p)) {
        CHECK(fa_server_turn(f->server, true) == FA_OK);
    }
}

static bool ends_with(const struct fa_memory_peer *p, const char *text)
{
    size_t n = strlen(text);
    return p->out_len >= n && memcmp(p->out + p->out_len - n, text, n) == 0;
}

static bool starts_with(const struct fa_memory_peer *p, const char *text)
{
    size_t n = strlen(text);
    return p->out_len >= n && memcmp(p->out, text, n) == 0;
}

static void start(struct fake *f, struct fa_memory_peer *p)
{
    fake_init(f);
    fake_start_driven(f);
    fa_memory_peer_init(p);
    CHECK(fa_memory_peer_connect(p, f->server) == FA_OK);
}

static void stop(struct fake *f, struct fa_memory_peer *p)
{
    fa_memory_peer_deinit(p);
    fake_stop(f);
}

TEST(a_peer_that_takes_pieces)
{
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    char got[256] = "";
    size_t n = 0;
    fa_memory_peer_piece(&p, 7);
    fa_memory_peer_send(&p, GET("/inline") GET("/file"), sizeof(GET("/inline") GET("/file")) - 1);
    while (n < sizeof got) {
        CHECK(fa_server_turn(f.server, true) == FA_OK);
        CHECK(p.out_len <= 7);
        size_t part = p.out_len < sizeof got - n ? p.out_len : sizeof got - n;
        memcpy(got + n, p.out, part);
        n += part;
        fa_memory_peer_took(&p);
    }
    CHECK(memmem(got, n, "\r\n\r\nhelloHTTP/1.1 200 OK\r\n", 24) != NULL);
    stop(&f, &p);
}

TEST(every_lane_answers)
{
    static const char *const REQUESTS[][2] = {
        {GET("/inline"), "\r\n\r\nhello"},
        {GET("/worker"), "\r\n\r\nhello"},
        {GET("/loop"), "\r\n\r\nhello"},
        {POST("/worker-body", "4", "body"), "\r\n\r\nbody"},
        {POST("/loop-body", "4", "body"), "\r\n\r\nbody"},
        {POST("/app", "4", "body"), "\r\n\r\nbody"},
        {POST("/unsure", "4", "body"), "\r\n\r\nbody"},
    };
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    for (size_t i = 0; i < sizeof REQUESTS / sizeof REQUESTS[0]; i++) {
        p.out_len = 0;
        ask(&f, &p, REQUESTS[i][0], strlen(REQUESTS[i][0]));
        CHECK(starts_with(&p, "HTTP/1.1 200 OK\r\n"));
        CHECK(ends_with(&p, REQUESTS[i][1]));
        CHECK(p.conn != NULL);
    }
    CHECK_EQ_INT(fake_stats(&f).connections_accepted, 1);
    stop(&f, &p);
}

TEST(pipelined_answers_come_in_order)
{
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    static const char ALL[] = GET("/worker-param/1") GET("/inline-param/2") GET("/loop-param/3");
    ask(&f, &p, ALL, sizeof ALL - 1);
    const char *second = memmem(p.out, p.out_len, "\r\n\r\n1HTTP/1.1 200", 17);
    CHECK(second != NULL);
    CHECK(memmem(p.out, p.out_len, "\r\n\r\n2HTTP/1.1 200", 17) > (void *)second);
    CHECK(ends_with(&p, "\r\n\r\n3"));
    stop(&f, &p);
}

TEST(a_large_body_and_a_file_arrive_whole)
{
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    ask(&f, &p, GET("/big"), sizeof GET("/big") - 1);
    CHECK(p.out_len > FAKE_BIG_SIZE);
    p.out_len = 0;
    ask(&f, &p, GET("/file"), sizeof GET("/file") - 1);
    CHECK(p.out_len > FAKE_BIG_SIZE - 26);
    p.out_len = 0;
    ask(&f, &p, GET("/stream"), sizeof GET("/stream") - 1);
    CHECK(ends_with(&p, "0\r\n\r\n"));
    stop(&f, &p);
}

TEST(errors_end_the_connection)
{
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    static const char BAD[] = "GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n";
    fa_memory_peer_send(&p, BAD, sizeof BAD - 1);
    while (!p.out_ended) {
        CHECK(fa_server_turn(f.server, true) == FA_OK);
    }
    CHECK(starts_with(&p, "HTTP/1.1 400 "));
    fa_memory_peer_end(&p);
    while (p.conn != NULL) {
        CHECK(fa_server_turn(f.server, true) == FA_OK);
    }
    CHECK(fa_memory_peer_connect(&p, f.server) == FA_OK); /* and a new one begins */
    p.out_len = 0;
    ask(&f, &p, GET("/inline"), sizeof GET("/inline") - 1);
    CHECK(ends_with(&p, "hello"));
    stop(&f, &p);
}

TEST(a_half_closed_connection_gets_its_answer)
{
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    static const char REQUEST[] = GET("/worker");
    fa_memory_peer_send(&p, REQUEST, sizeof REQUEST - 1);
    fa_memory_peer_end(&p);
    while (p.conn != NULL) {
        CHECK(fa_server_turn(f.server, true) == FA_OK);
    }
    CHECK(ends_with(&p, "hello"));
    stop(&f, &p);
}

TEST(a_peer_that_leaves_is_a_disconnect)
{
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    fa_memory_peer_send(&p, GET("/hang"), sizeof GET("/hang") - 1);
    CHECK(fa_server_turn(f.server, false) == FA_OK);
    fake_wait(&f.entered);
    fa_memory_peer_deinit(&p);
    CHECK(fa_server_turn(f.server, false) == FA_OK);
    fake_wait(&f.seen);
    CHECK_EQ_INT(atomic_load(&f.disconnects), 1);
    CHECK_EQ_INT(fake_stats(&f).open_connections, 0);
    stop(&f, &p);
}

TEST(input_is_never_read_beyond_its_end)
{
    static const char REQUEST[] = POST("/inline-body", "4", "body");
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    for (size_t cut = 1; cut < sizeof REQUEST - 1; cut++) {
        p.out_len = 0;
        struct fa_guard first = fa_guard_copy(REQUEST, cut);
        struct fa_guard rest = fa_guard_copy(REQUEST + cut, sizeof REQUEST - 1 - cut);
        fa_memory_peer_send(&p, first.data, cut);
        while (p.in_len > 0) {
            CHECK(fa_server_turn(f.server, false) == FA_OK);
        }
        CHECK_EQ_INT(p.out_len, 0);
        ask(&f, &p, rest.data, sizeof REQUEST - 1 - cut);
        CHECK(ends_with(&p, "body"));
        fa_guard_free(&first);
        fa_guard_free(&rest);
    }
    stop(&f, &p);
}

TEST(a_driven_server_has_no_listeners_and_stops)
{
    struct fake f;
    uint16_t port;
    fake_init(&f);
    fake_require(fa_server_new(&f.config, &FAKE_OPS, &f, &f.server) == FA_OK, "new");
    CHECK(fa_server_listen_tcp(f.server, "127.0.0.1", 0, false, &port) == FA_OK);
    CHECK(fa_server_start_driven(f.server) == FA_ERR_INVALID);
    fa_server_free(f.server);
    f.server = NULL;
    fake_start_driven(&f);
    CHECK(fa_server_start_driven(f.server) == FA_ERR_INVALID);
    CHECK(fa_server_turn(f.server, false) == FA_OK);
    CHECK(fa_server_stop(f.server, 0) == FA_OK);
    CHECK(fa_server_turn(f.server, false) == FA_ERR_CLOSED);
    fake_stop(&f);
}

TEST(an_armed_driver_is_woken_by_the_next_answer)
{
    static const char ASKED[] = POST("/worker-body", "4", "body");
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    fa_memory_peer_name(&p, 0x01020304u);
    CHECK_EQ_INT(p.conn->peer.ip[0], 1);
    CHECK_EQ_INT(p.conn->peer.ip[3], 4);
    CHECK(fa_server_turn(f.server, false) == FA_OK);
    fa_memory_peer_send(&p, ASKED, sizeof ASKED - 1);
    CHECK(!fa_server_arm(f.server)); /* bytes wait: there is a turn to take first */
    while (!fa_memory_peer_is_answered(&p)) {
        CHECK(fa_server_turn(f.server, false) == FA_OK);
        if (fa_memory_peer_is_answered(&p) || !fa_server_arm(f.server)) {
            continue;
        }
        struct pollfd fd = {.fd = fa_server_wake_fd(f.server), .events = POLLIN};
        CHECK_EQ_INT(poll(&fd, 1, 60000), 1);
    }
    CHECK(ends_with(&p, "body"));
    stop(&f, &p);
}

/* Drive until all is answered, taking away at most what the peer has each time; the whole length. */
static size_t ask_and_take(struct fake *f, struct fa_memory_peer *p, const char *bytes, size_t len)
{
    size_t taken = 0;
    bool answered = false;
    fa_memory_peer_send(p, bytes, len);
    while (!answered) {
        CHECK(fa_server_turn(f->server, p->out_len == 0) == FA_OK);
        answered = fa_memory_peer_is_answered(p);
        taken += p->out_len;
        fa_memory_peer_took(p);
    }
    return taken;
}

TEST(a_full_peer_is_a_full_socket)
{
    static const char *const PATHS[] = {GET("/big"), GET("/file"), GET("/stream")};
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        fa_memory_peer_limit(&p, 0);
        ask(&f, &p, PATHS[i], strlen(PATHS[i]));
        size_t whole = p.out_len;
        fa_memory_peer_took(&p);
        fa_memory_peer_limit(&p, 1);
        CHECK_EQ_INT(ask_and_take(&f, &p, PATHS[i], strlen(PATHS[i])), whole);
    }
    stop(&f, &p);
}

TEST(nothing_is_sent_to_a_full_peer)
{
    static const char ASKED[] = GET("/inline");
    struct fake f;
    struct fa_memory_peer p;
    start(&f, &p);
    CHECK_EQ_INT(fa_memory_peer_number(&(struct fa_task){.conn = p.conn}), 0);
    fa_memory_peer_name(&p, 0x01020304u);
    CHECK_EQ_INT(fa_memory_peer_number(&(struct fa_task){.conn = p.conn}), 0x01020304);
    fa_memory_peer_limit(&p, 1);
    ask(&f, &p, ASKED, sizeof ASKED - 1);
    size_t first = p.out_len;
    fa_memory_peer_send(&p, ASKED, sizeof ASKED - 1);
    for (int i = 0; i < 50; i++) {
        CHECK(fa_server_turn(f.server, false) == FA_OK);
    }
    CHECK_EQ_INT(p.in_len, 0);
    CHECK_EQ_INT(p.out_len, first);
    CHECK(!fa_memory_peer_is_answered(&p));
    fa_memory_peer_took(&p);
    while (!fa_memory_peer_is_answered(&p)) {
        CHECK(fa_server_turn(f.server, true) == FA_OK);
    }
    CHECK(ends_with(&p, "hello"));
    stop(&f, &p);
}

int main(void)
{
    RUN(a_peer_that_takes_pieces);
    RUN(every_lane_answers);
    RUN(pipelined_answers_come_in_order);
    RUN(a_large_body_and_a_file_arrive_whole);
    RUN(errors_end_the_connection);
    RUN(a_half_closed_connection_gets_its_answer);
    RUN(a_peer_that_leaves_is_a_disconnect);
    RUN(input_is_never_read_beyond_its_end);
    RUN(a_full_peer_is_a_full_socket);
    RUN(nothing_is_sent_to_a_full_peer);
    RUN(an_armed_driver_is_woken_by_the_next_answer);
    RUN(a_driven_server_has_no_listeners_and_stops);
    return CHECK_END();
}
