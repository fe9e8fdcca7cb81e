/* The life of a connection: resets, lingering, idle memory. */
#include "check.h"
#include "fake_executor.h"
#include "server/http_conn.h"

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

int main(void)
{
    RUN(an_idle_connection_is_small);
    RUN(clients_that_vanish);
    RUN(gone_while_the_handler_runs);
    RUN(lingering_close_delivers_the_error);
    return CHECK_END();
}
