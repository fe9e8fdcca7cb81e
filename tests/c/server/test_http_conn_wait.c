/* What a connection waits for, and what happens when it has waited too long. */
#include "check.h"
#include "fake_executor.h"
#include "base/clock.h"
#include "server/http_conn_wait.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(header_timeout)
{
    struct fake f;
    fake_init(&f);
    f.config.header_timeout = 0.2;
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    uint64_t start = fa_clock_now_ns();
    CHECK_EQ_INT(fake_ask(fd, "GET /inline HTTP/1.1\r\nHost:", &r), 408);
    CHECK(r.close);
    CHECK(fa_clock_now_ns() - start > 180000000u);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
    /* one byte now and then does not help */
    fd = fake_connect(&f);
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    int sent = 0;
    CHECK(fake_send(fd, "GET /inline HTTP/1.1\r\nx: "));
    while (poll(&answer, 1, 50) == 0 && sent < 100) {
        CHECK(fake_send(fd, "y"));
        sent++;
    }
    CHECK(sent < 20);
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 408);
    fake_response_free(&r);
    close(fd);
    CHECK_EQ_INT(fake_stats(&f).timeouts, 2);
    fake_stop(&f);
}

TEST(keep_alive_timeout)
{
    struct fake f;
    fake_init(&f);
    f.config.keep_alive_timeout = 0.2;
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, GET("/inline"), &r), 200);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd)); /* without a word */
    close(fd);
    fake_stop(&f);
}

TEST(who_never_says_a_word_has_the_time_for_a_head)
{
    struct fake f;
    fake_init(&f);
    f.config.header_timeout = 0.3;
    f.config.keep_alive_timeout = 0.1;
    fake_start(&f);
    uint64_t start = fa_clock_now_ns();
    int fd = fake_connect(&f);
    CHECK(fake_is_ended(fd)); /* without a word: it may be about to ask */
    CHECK(fa_clock_now_ns() - start > 280000000u);
    close(fd);
    CHECK_EQ_INT(fake_stats(&f).timeouts, 0);
    fake_stop(&f);
}

TEST(body_timeout)
{
    static const char *const PATHS[] = {"/worker-body", "/inline-body", "/echo"};
    struct fake f;
    fake_init(&f);
    f.config.body_timeout = 0.2;
    fake_start(&f);
    for (size_t p = 0; p < 3; p++) {
        for (int chunked = 0; chunked < 2; chunked++) {
            int fd = fake_connect(&f);
            char request[256];
            struct fake_response r;
            snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n5\r\nab",
                PATHS[p], chunked ? "Transfer-Encoding: chunked" : "Content-Length: 100000");
            CHECK_EQ_INT(fake_ask(fd, request, &r), 408);
            fake_response_free(&r);
            CHECK(fake_is_ended(fd));
            close(fd);
        }
    }
    fake_wait(&f.seen);
    fake_wait(&f.seen);
    CHECK(fake_wait_tasks(&f, 0));
    fake_stop(&f);
}

TEST(send_timeout)
{
    struct fake f;
    fake_init(&f);
    f.config.send_timeout = 0.2;
    fake_start(&f);
    int fd = fake_connect_buf(f.port, 4096);
    for (int i = 0; i < 16; i++) {
        CHECK(fake_send(fd, GET("/big")));
    }
    char byte;
    CHECK(fake_recv_n(fd, &byte, 1));
    CHECK(fake_wait_closed(&f, 0)); /* hardly anything was taken */
    close(fd);
    CHECK(fake_wait_tasks(&f, 0));
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.owners_dropped), 16);
}

int main(void)
{
    RUN(header_timeout);
    RUN(keep_alive_timeout);
    RUN(who_never_says_a_word_has_the_time_for_a_head);
    RUN(body_timeout);
    RUN(send_timeout);
    return CHECK_END();
}
