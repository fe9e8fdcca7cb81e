/* The input side: keep-alive, pipelining, cuts at every byte, refused heads. */
#include "check.h"
#include "fake_executor.h"

static const char *const LANES[] = {"inline", "worker", "loop"};

TEST(keep_alive_on_every_lane)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    for (int round = 0; round < 30; round++) {
        char request[128];
        struct fake_response r;
        snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", LANES[round % 3]);
        CHECK_EQ_INT(fake_ask(fd, request, &r), 200);
        CHECK_EQ_STR(r.body, "hello");
        CHECK(!r.close);
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
}

/* `depth` requests in one go, cut into pieces of random length; every answer in order. */
static void pipeline(struct fake *f, unsigned depth, unsigned *seed)
{
    int fd = fake_connect(f);
    char *text = malloc(depth * 128u);
    size_t len = 0;
    for (unsigned i = 0; i < depth; i++) {
        len += (size_t)snprintf(text + len, 128, "GET /%s-param/n%u HTTP/1.1\r\nHost: a\r\n\r\n",
            LANES[(unsigned)rand_r(seed) % 3], i);
    }
    size_t sent = 0;
    while (sent < len) {
        size_t n = 1 + (size_t)rand_r(seed) % 200;
        n = n > len - sent ? len - sent : n;
        CHECK(fake_send_n(fd, text + sent, n));
        sent += n;
    }
    for (unsigned i = 0; i < depth; i++) {
        char want[16];
        struct fake_response r;
        snprintf(want, sizeof want, "n%u", i);
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.status, 200);
        CHECK_EQ_STR(r.body, want);
        fake_response_free(&r);
    }
    free(text);
    close(fd);
}

TEST(pipelining_with_random_cuts)
{
    struct fake f;
    unsigned seed = 7;
    fake_init(&f);
    fake_start(&f);
    for (unsigned depth = 1; depth <= 64; depth++) {
        pipeline(&f, depth, &seed);
    }
    pipeline(&f, 1000, &seed);
    fake_stop(&f);
}

TEST(pipelining_with_small_buffers_and_caps)
{
    struct fake f;
    unsigned seed = 9;
    fake_init(&f);
    f.config.buffer_size = 1024;
    f.config.max_pipelined = 2;
    f.config.queue_size = 2;
    f.config.object_pools = false;
    f.config.zero_copy = false;
    f.config.lock_free_queue = false;
    f.config.simd = false;
    fake_start(&f);
    for (unsigned depth = 1; depth <= 200; depth += 13) {
        pipeline(&f, depth, &seed);
    }
    fake_stop(&f);
}

TEST(a_request_cut_at_every_byte)
{
    static const char REQUEST[] =
        "POST /worker-body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    for (size_t cut = 1; cut < sizeof REQUEST - 1; cut++) {
        struct fake_response r;
        CHECK(fake_send_n(fd, REQUEST, cut));
        CHECK(fake_send_n(fd, REQUEST + cut, sizeof REQUEST - 1 - cut));
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_STR(r.body, "abc");
        fake_response_free(&r);
    }
    for (size_t i = 0; i < sizeof REQUEST - 1; i++) {
        CHECK(fake_send_n(fd, REQUEST + i, 1));
    }
    struct fake_response r;
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_STR(r.body, "abc");
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

/* The answer is an error, announces the close, and is the last thing on the connection. */
static void refused(struct fake *f, const char *request, int status)
{
    int fd = fake_connect(f);
    struct fake_response r;
    CHECK(fake_send(fd, request));
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, status);
    CHECK(r.close);
    CHECK(fake_is_ended(fd));
    fake_response_free(&r);
    close(fd);
}

#define HIDDEN "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(bad_heads_are_answered_once_and_closed)
{
    struct fake f;
    fake_init(&f);
    f.config.max_request_line = 200;
    f.config.max_header_bytes = 1000;
    f.config.max_header_count = 5;
    f.config.max_body_size = 100;
    fake_start(&f);
    refused(&f, "GET / HTTP/1.1\nHost: a\n\n" HIDDEN, 400);
    refused(&f, "GET / HTTP/1.1\r\n\r\n" HIDDEN, 400);
    refused(&f, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" HIDDEN, 400);
    refused(&f, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" HIDDEN, 505);
    refused(&f, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" HIDDEN, 501);
    refused(&f, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n" HIDDEN, 501);
    refused(&f, "POST / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\n" HIDDEN,
        417);
    refused(&f,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n" HIDDEN,
        400);
    refused(&f, "POST /inline-body HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n" HIDDEN, 413);
    refused(&f, "GET / HTTP/1.1\r\nHost: a\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\ne: 1\r\n\r\n" HIDDEN,
        431);
    char longer[2048];
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "GET /", 5);
    longer[400] = '\0';
    refused(&f, longer, 414);
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "GET / HTTP/1.1\r\nHost: a\r\nlong: ", 31);
    longer[1500] = '\0';
    refused(&f, longer, 431);
    CHECK(fake_stats(&f).parse_errors >= 11);
    fake_stop(&f);
}

TEST(an_error_waits_for_the_answers_before_it)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(fd, "GET /blocking HTTP/1.1\r\nHost: a\r\n\r\nGET bad\r\n\r\n" HIDDEN));
    fake_wait(&f.entered);
    sem_post(&f.leave);
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 200);
    CHECK_EQ_STR(r.body, "late");
    fake_response_free(&r);
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 400);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
    fake_stop(&f);
}

TEST(nothing_is_read_after_connection_close)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(fd, "GET /worker HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" HIDDEN));
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 200);
    CHECK(r.close);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    CHECK_EQ_INT(fake_stats(&f).requests, 1);
    close(fd);
    fake_stop(&f);
}

TEST(http_10)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, "GET /loop HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &r), 200);
    const char *connection = fake_header(&r, "connection");
    CHECK(connection != NULL && strncmp(connection, "keep-alive", 10) == 0);
    fake_response_free(&r);
    CHECK_EQ_INT(fake_ask(fd, "GET /loop HTTP/1.0\r\n\r\n", &r), 200);
    CHECK(r.close);
    fake_response_free(&r);
    CHECK(fake_is_ended(fd));
    close(fd);
    fake_stop(&f);
}

TEST(a_half_closed_client_gets_its_answers)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, "GET /worker-param/a HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /loop-param/c HTTP/1.1\r\nHost: a\r\n\r\nGET /half"));
    CHECK(shutdown(fd, SHUT_WR) == 0);
    for (int i = 0; i < 3; i++) {
        struct fake_response r;
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.status, 200);
        fake_response_free(&r);
    }
    CHECK(fake_is_ended(fd));
    close(fd);
    fake_stop(&f);
}

/* An app that answers nothing until its client has ended its side. */
static void until_the_end(struct fake *f, struct fa_task *t)
{
    if (fa_stream_is_peer_closed(t)) {
        sem_post(&f->seen);
        fa_stream_abort(t);
        return;
    }
    CHECK_EQ_INT(fa_task_watch(t, malloc(1)), FA_OK);
    sem_post(&f->entered);
}

TEST(the_end_is_told_also_where_nothing_is_read_any_more)
{
    static const char *const REQUESTS[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /half",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    };
    struct fake f;
    fake_init(&f);
    f.on_stream = until_the_end;
    fake_start(&f);
    for (int i = 0; i < (int)(sizeof REQUESTS / sizeof REQUESTS[0]); i++) {
        int fd = fake_connect(&f);
        CHECK(fake_send(fd, REQUESTS[i]));
        while (sem_wait(&f.entered) != 0) {
        }
        CHECK(shutdown(fd, SHUT_WR) == 0);
        while (sem_wait(&f.seen) != 0) {
        }
        CHECK(fake_is_ended(fd));
        close(fd);
    }
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.owners_dropped), (int)(sizeof REQUESTS / sizeof REQUESTS[0]));
}

TEST(a_large_head_moves_to_a_larger_buffer)
{
    struct fake f;
    fake_init(&f);
    f.config.buffer_size = 1024;
    fake_start(&f);
    int fd = fake_connect(&f);
    char *text = malloc(32768);
    for (size_t size = 900; size < 30000; size += 1777) {
        size_t n = (size_t)snprintf(text, 64, "GET /inline HTTP/1.1\r\nHost: a\r\nx: ");
        memset(text + n, 'v', size);
        memcpy(text + n + size, "\r\n\r\n", 5);
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fd, text, &r), 200);
        fake_response_free(&r);
    }
    free(text);
    close(fd);
    fake_stop(&f);
}

int main(void)
{
    RUN(keep_alive_on_every_lane);
    RUN(pipelining_with_random_cuts);
    RUN(pipelining_with_small_buffers_and_caps);
    RUN(a_request_cut_at_every_byte);
    RUN(bad_heads_are_answered_once_and_closed);
    RUN(an_error_waits_for_the_answers_before_it);
    RUN(nothing_is_read_after_connection_close);
    RUN(http_10);
    RUN(a_half_closed_client_gets_its_answers);
    RUN(the_end_is_told_also_where_nothing_is_read_any_more);
    RUN(a_large_head_moves_to_a_larger_buffer);
    return CHECK_END();
}
