/* The life of a connection: resets, lingering, idle memory. */
#include "check.h"
#include "fake_executor.h"
#include "server/http_conn.h"
#include "server/memory_peer.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(an_idle_connection_is_small)
{
    CHECK(sizeof(struct fa_http_conn) <= 512);
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    enum { N = 500 };
    int fds[N];
    for (int i = 0; i < N; i++) {
        struct fake_response r;
        fds[i] = fake_connect(&f);
        CHECK_EQ_INT(fake_ask(fds[i], GET("/worker"), &r), 200);
        fake_response_free(&r);
    }
    CHECK(fake_wait_tasks(&f, 0));
    struct fa_server_stats stats = fake_stats(&f);
    CHECK_EQ_INT(stats.open_connections, N);
    CHECK(stats.pools[0].figures.misses < 100); /* buffers are not kept by idle connections */
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
    CHECK(fake_wait_closed(&f, 0));
    fake_stop(&f);
}

TEST(clients_that_vanish)
{
    static const char *const SENT[] = {
        "",
        "GET /inl",
        "POST /worker-body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        "POST /worker-body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        GET("/worker"),
        GET("/big"),
        GET("/stream"),
        GET("/file"),
        GET("/loop") GET("/worker") GET("/big") GET("/stream"),
    };
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    for (int round = 0; round < 200; round++) {
        int fd = fake_connect_buf(f.port, 4096);
        (void)fake_send(fd, SENT[(size_t)round % (sizeof SENT / sizeof SENT[0])]);
        if (round % 3 == 0) {
            close(fd);
        } else {
            fake_reset(fd);
        }
    }
    CHECK(fake_wait_closed(&f, 0));
    CHECK(fake_wait_tasks(&f, 0));
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200);
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

TEST(gone_while_the_handler_runs)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, GET("/blocking") GET("/hang") GET("/worker")));
    fake_wait(&f.entered);
    fake_wait(&f.entered); /* the worker and the app both have one */
    fake_reset(fd);
    CHECK(fake_wait_closed(&f, 0));
    fake_wait(&f.seen); /* the app saw it */
    sem_post(&f.leave);
    CHECK(fake_wait_tasks(&f, 0));
    CHECK_EQ_INT(atomic_load(&f.disconnects), 1);
    fake_stop(&f);
}

TEST(lingering_close_delivers_the_error)
{
    struct fake f;
    fake_init(&f);
    f.config.max_body_size = 10;
    fake_start(&f);
    int fd = fake_connect(&f);
    char *much = calloc(1, 40000);
    CHECK(fake_send(fd, "POST /inline-body HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n"));
    CHECK(fake_send_n(fd, much, 40000)); /* unread input must not reset the answer away */
    struct fake_response r;
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 413);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    CHECK_EQ_INT(fa_server_active(f.server), 1); /* waits for our end */
    close(fd);
    CHECK(fake_wait_closed(&f, 0));
    free(much);
    fake_stop(&f);
}

static void begin_lingering(struct fake *f, struct fa_memory_peer *p)
{
    fake_init(f);
    f->config.object_pools = false; /* each buffer is an allocation */
    fake_start_driven(f);
    fa_memory_peer_init(p);
    CHECK(fa_memory_peer_connect(p, f->server) == FA_OK);
    fa_memory_peer_send(p, "what?\r\n\r\n", 9);
    CHECK(fa_server_turn(f->server, false) == FA_OK);
    CHECK(p->out_ended && p->conn != NULL);
}

/* Without memory to read into it ends; tried again each round, it would keep the reactor busy. */
TEST(out_of_memory_ends_a_lingering_close)
{
    struct fake f;
    struct fa_memory_peer p;
    begin_lingering(&f, &p);
    fa_memory_peer_send(&p, "more", 4);
    fa_alloc_fail_at(1);
    CHECK(fa_server_turn(f.server, false) == FA_OK);
    CHECK_EQ_INT(fa_alloc_fail_left(), 0);
    CHECK(p.conn == NULL);
    fa_alloc_fail_at(0);
    fa_memory_peer_deinit(&p);
    fake_stop(&f);
}

/* More than a portion: read to its end all the same, over several rounds. */
TEST(a_lingering_close_reads_in_portions)
{
    struct fake f;
    struct fa_memory_peer p;
    size_t len = 1000000;
    char *much = calloc(1, len);
    begin_lingering(&f, &p);
    fa_memory_peer_send(&p, much, len);
    int rounds = 0;
    do {
        CHECK(fa_server_turn(f.server, false) == FA_OK);
        rounds++;
    } while (!fa_server_arm(f.server) && rounds < 100);
    CHECK(rounds > 2 && rounds < 100);
    CHECK(p.conn != NULL && p.in_len == 0);
    free(much);
    fa_memory_peer_deinit(&p);
    fake_stop(&f);
}

int main(void)
{
    RUN(an_idle_connection_is_small);
    RUN(clients_that_vanish);
    RUN(gone_while_the_handler_runs);
    RUN(lingering_close_delivers_the_error);
    RUN(out_of_memory_ends_a_lingering_close);
    RUN(a_lingering_close_reads_in_portions);
    return CHECK_END();
}
