/* Request bodies: in place, buffered, chunked, streamed, skipped, refused. */
#include "check.h"
#include "fake_executor.h"

/* One POST whose body is `len` bytes of a pattern, sent in pieces; must come back. */
static void echo(int fd, const char *path, size_t len, size_t piece, bool chunked)
{
    char head[256];
    char *body = malloc(len + 1);
    for (size_t i = 0; i < len; i++) {
        body[i] = (char)('a' + i % 26);
    }
    if (chunked) {
        snprintf(head, sizeof head,
            "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", path);
    } else {
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
            path, len);
    }
    CHECK(fake_send(fd, head));
    for (size_t at = 0; at < len; at += piece) {
        size_t n = piece < len - at ? piece : len - at;
        if (chunked) {
            snprintf(head, sizeof head, "%zx;note=x\r\n", n);
            CHECK(fake_send(fd, head));
        }
        CHECK(fake_send_n(fd, body + at, n));
        if (chunked) {
            CHECK(fake_send(fd, "\r\n"));
        }
    }
    if (chunked) {
        CHECK(fake_send(fd, "0\r\nTrailer: dropped\r\n\r\n"));
    }
    struct fake_response r;
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 200);
    CHECK_EQ_INT(r.len, len);
    CHECK(r.len == len && memcmp(r.body, body, len) == 0);
    fake_response_free(&r);
    free(body);
}

static void echo_sizes(struct fake *f, size_t largest)
{
    static const char *const PATHS[] = {
        "/inline-body", "/worker-body", "/loop-body", "/echo", "/unsure"};
    int fd = fake_connect(f);
    for (size_t p = 0; p < 5; p++) {
        for (size_t len = 0; len <= largest; len = len * 7 + 1) {
            echo(fd, PATHS[p], len, len / 3 + 1, false);
            echo(fd, PATHS[p], len, len / 3 + 1, true);
        }
    }
    close(fd);
}

TEST(bodies_of_all_sizes_on_all_ways)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    echo_sizes(&f, 1500000);
    fake_stop(&f);
}

TEST(bodies_with_small_buffers)
{
    struct fake f;
    fake_init(&f);
    f.config.buffer_size = 1024;
    f.config.write_high_water = 4096;
    f.config.object_pools = false;
    f.config.zero_copy = false;
    fake_start(&f);
    echo_sizes(&f, 200000);
    fake_stop(&f);
}

TEST(one_byte_chunks)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    size_t count = 5000;
    char *text = malloc(count * 6 + 200);
    size_t n = (size_t)snprintf(text, 100,
        "POST /worker-body HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < count; i++) {
        memcpy(text + n, "1\r\nz\r\n", 6);
        n += 6;
    }
    memcpy(text + n, "0\r\n\r\n", 6);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, text, &r), 200);
    CHECK_EQ_INT(r.len, count);
    fake_response_free(&r);
    free(text);
    close(fd);
    fake_stop(&f);
}

TEST(expect_continue)
{
    static const char *const PATHS[] = {"/inline-body", "/worker-body", "/loop-body", "/echo"};
    struct fake f;
    fake_init(&f);
    f.config.max_body_size = 1000;
    fake_start(&f);
    int fd = fake_connect(&f);
    for (size_t p = 0; p < 4; p++) {
        char request[256];
        struct fake_response r;
        snprintf(request, sizeof request,
            "POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
            PATHS[p]);
        CHECK_EQ_INT(fake_ask(fd, request, &r), 100);
        fake_response_free(&r);
        CHECK_EQ_INT(fake_ask(fd, "body", &r), 200);
        CHECK_EQ_STR(r.body, "body");
        fake_response_free(&r);
    }
    close(fd);
    fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd,
                     "POST /inline-body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                     "Content-Length: 1001\r\n\r\n",
                     &r),
        413); /* refused before it is sent */
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
    fd = fake_connect(&f);
    CHECK_EQ_INT(fake_ask(fd,
                     "POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                     "Content-Length: 4\r\n\r\n",
                     &r),
        200); /* the app never wanted it */
    CHECK(r.close);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
    fake_stop(&f);
}

TEST(expect_continue_waits_for_the_answer_before_it)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(fd, "GET /blocking HTTP/1.1\r\nHost: a\r\n\r\n"
                        "POST /loop-body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                        "Content-Length: 2\r\n\r\n"));
    fake_wait(&f.entered);
    sem_post(&f.leave);
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_STR(r.body, "late");
    fake_response_free(&r);
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 100);
    fake_response_free(&r);
    CHECK_EQ_INT(fake_ask(fd, "ok", &r), 200);
    CHECK_EQ_STR(r.body, "ok");
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

TEST(a_chunked_body_over_the_limit)
{
    struct fake f;
    fake_init(&f);
    f.config.max_body_size = 1000;
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    char text[2048];
    int n = snprintf(text, 200,
        "POST /worker-body HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
    memset(text + n, 'x', 1001);
    text[n + 1001] = '\0';
    CHECK_EQ_INT(fake_ask(fd, text, &r), 413);
    CHECK(r.close);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
    fd = fake_connect(&f);
    text[n + 1000] = '\0'; /* 1000 bytes, but the chunk says 1001 */
    CHECK(fake_send(fd, "POST /worker-body HTTP/1.1\r\nHost: a\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"));
    CHECK(fake_send_n(fd, text + n, 1000));
    CHECK_EQ_INT(fake_ask(fd, "\r\n0\r\n\r\n", &r), 200);
    CHECK_EQ_INT(r.len, 1000);
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

static void broken(struct fake *f, const char *path, const char *body)
{
    int fd = fake_connect(f);
    char head[256];
    struct fake_response r;
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        path);
    CHECK(fake_send(fd, head));
    CHECK_EQ_INT(fake_ask(fd, body, &r), 400);
    CHECK(r.close);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
}

TEST(malformed_chunks)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    static const char *const PATHS[] = {"/inline-body", "/worker-body", "/echo"};
    for (size_t p = 0; p < 3; p++) {
        broken(&f, PATHS[p], "0x1\r\nz\r\n0\r\n\r\nGET /inline HTTP/1.1\r\nHost: a\r\n\r\n");
        broken(&f, PATHS[p], "5\r\nAAAAAXX2\r\n45\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        broken(&f, PATHS[p], "2;\nxx\r\n0\r\n\r\n");
    }
    fake_stop(&f);
}

TEST(a_cut_body_is_never_complete)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    static const char *const PATHS[] = {"/worker-body", "/inline-body", "/echo"};
    for (size_t p = 0; p < 3; p++) {
        int fd = fake_connect(&f);
        char request[256];
        struct fake_response r;
        snprintf(request, sizeof request,
            "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", PATHS[p]);
        CHECK(fake_send(fd, request));
        CHECK(shutdown(fd, SHUT_WR) == 0);
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.status, 400);
        fake_response_free(&r);
        CHECK(fake_is_ended(fd));
        close(fd);
    }
    fake_wait(&f.seen); /* the app saw the disconnect */
    CHECK_EQ_INT(atomic_load(&f.handled), 0);
    fake_stop(&f);
}

TEST(answered_before_the_body_came)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    for (int i = 0; i < 5; i++) { /* a short rest is skipped, and the connection stays */
        CHECK_EQ_INT(
            fake_ask(fd, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab", &r),
            200);
        CHECK(!r.close);
        fake_response_free(&r);
        CHECK_EQ_INT(fake_ask(fd, "cdefGET /inline HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
        CHECK_EQ_STR(r.body, "hello");
        fake_response_free(&r);
    }
    /* so is a long one, though the client reads nothing before all is sent */
    size_t len = 5000000;
    char *body = calloc(1, len);
    CHECK(fake_send(fd, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n"));
    CHECK(fake_send_n(fd, body, len));
    free(body);
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 200);
    fake_response_free(&r);
    CHECK_EQ_INT(fake_ask(fd, "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    fake_response_free(&r);
    /* one without an end is not */
    CHECK_EQ_INT(
        fake_ask(fd, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\nab", &r),
        200);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
    fake_stop(&f);
}

TEST(an_app_that_does_not_read_pauses_the_client)
{
    struct fake f;
    fake_init(&f);
    f.config.write_high_water = 65536;
    fake_start(&f);
    int fd = fake_connect(&f);
    int small = 65536;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    size_t total = 12u << 20; /* more than the sockets' buffers hold */
    char head[128];
    snprintf(head, sizeof head, "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
        total);
    CHECK(fake_send(fd, head));
    fake_wait(&f.seen); /* the app is in its handler and does not read */
    char *block = calloc(1, 65536);
    size_t sent = 0;
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (sent < total && poll(&room, 1, 300) == 1) {
        ssize_t n = send(fd, block, 65536 < total - sent ? 65536 : total - sent, MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
        }
    }
    CHECK(sent < total);
    CHECK(fake_stats(&f).bytes_in < 1u << 20);
    for (int i = 0; i < 100000; i++) { /* it reads in every call from now on */
        sem_post(&f.leave);
    }
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    while (sent < total) {
        size_t n = 65536 < total - sent ? 65536 : total - sent;
        if (!fake_send_n(fd, block, n)) {
            break;
        }
        sent += n;
    }
    CHECK_EQ_INT(sent, total);
    struct fake_response r;
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.len, total);
    fake_response_free(&r);
    free(block);
    close(fd);
    fake_stop(&f);
}

int main(void)
{
    RUN(bodies_of_all_sizes_on_all_ways);
    RUN(bodies_with_small_buffers);
    RUN(one_byte_chunks);
    RUN(expect_continue);
    RUN(expect_continue_waits_for_the_answer_before_it);
    RUN(a_chunked_body_over_the_limit);
    RUN(malformed_chunks);
    RUN(a_cut_body_is_never_complete);
    RUN(answered_before_the_body_came);
    RUN(an_app_that_does_not_read_pauses_the_client);
    return CHECK_END();
}
