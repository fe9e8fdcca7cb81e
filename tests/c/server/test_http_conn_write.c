/* The output side: partial writes, large bodies, streams, files, HEAD. */
#include "check.h"
#include "fake_executor.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static bool is_pattern(const char *body, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++) {
        if (body[i] != (char)('a' + (from + i) % 26)) {
            return false;
        }
    }
    return true;
}

TEST(head_has_no_body)
{
    static const char *const PATHS[] = {"inline", "worker", "loop"};
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    for (int i = 0; i < 6; i++) {
        char request[128];
        struct fake_response r;
        snprintf(request, sizeof request, "HEAD /%s HTTP/1.1\r\nHost: a\r\n\r\n", PATHS[i % 3]);
        CHECK_EQ_INT(fake_ask(fd, request, &r), 200);
        const char *length = fake_header(&r, "content-length");
        CHECK(length != NULL && atoi(length) == 5);
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
}

/* A client with a tiny window that is slow to read: many partial writes. */
static void large_bodies(struct fake *f, bool zero_copy)
{
    fake_init(f);
    f->config.zero_copy = zero_copy;
    fake_start(f);
    int fd = fake_connect_buf(f->port, 4096);
    CHECK(fake_send(fd, GET("/big") GET("/worker") GET("/big") GET("/inline")));
    for (int i = 0; i < 4; i++) {
        struct fake_response r;
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.status, 200);
        if (i % 2 == 0) {
            CHECK_EQ_INT(r.len, FAKE_BIG_SIZE);
            CHECK(is_pattern(r.body, r.len, 0));
        } else {
            CHECK_EQ_STR(r.body, "hello");
        }
        fake_response_free(&r);
    }
    close(fd);
    for (int i = 0; i < 20000 && fa_server_active(f->server) > 0; i++) {
        CHECK(poll(NULL, 0, 1) == 0);
    }
    CHECK_EQ_INT(fa_server_stop(f->server, 0), FA_OK);
    struct fa_server_stats stats = fake_stats(f);
    CHECK_EQ_INT(stats.bytes_copied >= 2 * FAKE_BIG_SIZE, !zero_copy);
    CHECK_EQ_INT(stats.bytes_copied == 0, zero_copy);
    CHECK_EQ_INT(stats.bodies_in_place, 2);
    CHECK(stats.sends > 0);
    fake_stop(f);
    CHECK_EQ_INT(atomic_load(&f->owners_dropped), 2);
}

TEST(large_bodies_are_sent_in_parts)
{
    struct fake f;
    large_bodies(&f, true);
}

TEST(large_bodies_copied)
{
    struct fake f;
    large_bodies(&f, false);
}

TEST(owners_are_dropped_while_nothing_else_happens)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, GET("/big"), &r), 200);
    fake_response_free(&r);
    for (int i = 0; i < 10000 && atomic_load(&f.owners_dropped) == 0; i++) {
        CHECK(poll(NULL, 0, 1) == 0); /* bounded wait for another thread, no request */
    }
    CHECK_EQ_INT(atomic_load(&f.owners_dropped), 1);
    close(fd);
    fake_stop(&f);
}

TEST(a_stream_with_back_pressure)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect_buf(f.port, 8192);
    CHECK(fake_send(fd, GET("/stream") GET("/loop")));
    struct fake_response r;
    CHECK(fake_recv_response(fd, &r, false));
    CHECK(r.chunked);
    CHECK_EQ_INT(r.len, FAKE_STREAM_PIECES * FAKE_STREAM_PIECE);
    bool right = true;
    for (size_t i = 0; i < r.len; i++) {
        right = right && r.body[i] == (char)('A' + i / FAKE_STREAM_PIECE % 26);
    }
    CHECK(right);
    fake_response_free(&r);
    CHECK(fake_recv_response(fd, &r, false));
    CHECK_EQ_STR(r.body, "hello");
    fake_response_free(&r);
    CHECK(atomic_load(&f.events) > 0);
    close(fd);
    fake_stop(&f);
}

static size_t written_not_sent(struct fake *f)
{
    size_t sent = (size_t)fake_stats(f).bytes_out, streamed = atomic_load(&f->streamed);
    return streamed > sent ? streamed - sent : 0;
}

/* What the app wrote is with the kernel, but for what one stream may have pending. */
TEST(a_stuck_reader_does_not_pile_up_memory)
{
    enum { CLIENTS = 20, HIGH_WATER = 65536, PIECE = FAKE_STREAM_PIECE };
    struct fake f;
    fake_init(&f);
    f.config.write_high_water = HIGH_WATER;
    fake_start(&f);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = fake_connect_buf(f.port, 4096);
        CHECK(fake_send(fds[i], GET("/endless")));
    }
    for (int i = 0; i < CLIENTS; i++) {
        char byte;
        CHECK(fake_recv_n(fds[i], &byte, 1)); /* started, and then not read */
    }
    /* The kernel's buffers are full, then those of the streams are. */
    for (int i = 0; i < 60000 && written_not_sent(&f) < CLIENTS * (HIGH_WATER - PIECE); i++) {
        CHECK(poll(NULL, 0, 1) == 0); /* bounded wait for other threads */
    }
    int fd = fake_connect(&f);
    size_t least = SIZE_MAX; /* what is sent is counted at the end of a round, now and then late */
    for (int i = 0; i < 50; i++) {
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fd, GET("/loop"), &r), 200);
        fake_response_free(&r);
        size_t now = written_not_sent(&f);
        least = now < least ? now : least;
    }
    CHECK(least <= CLIENTS * (HIGH_WATER + PIECE));
    close(fd);
    for (int i = 0; i < CLIENTS; i++) {
        fake_reset(fds[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        fake_wait(&f.seen);
    }
    CHECK_EQ_INT(atomic_load(&f.disconnects), CLIENTS);
    CHECK_EQ_INT(fake_stats(&f).responses, 50);
    fake_stop(&f);
}

TEST(files)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect_buf(f.port, 8192);
    for (int i = 0; i < 3; i++) {
        CHECK(fake_send(fd, GET("/file") GET("/inline")));
        struct fake_response r;
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.len, FAKE_BIG_SIZE - 26);
        CHECK(is_pattern(r.body, r.len, 0));
        fake_response_free(&r);
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_STR(r.body, "hello");
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
}

TEST(a_file_that_is_too_short_ends_the_connection)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(fd, GET("/short-file")));
    CHECK(!fake_recv_response(fd, &r, false)); /* never taken for complete */
    CHECK_EQ_INT(r.status, 200);
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

TEST(an_aborted_stream_is_cut)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK(fake_send(fd, GET("/abort")));
    CHECK(!fake_recv_response(fd, &r, false));
    CHECK_EQ_INT(r.status, 200);
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

TEST(bytes_kept_elsewhere)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(fake_ask(fd, GET("/external"), &r), 200);
        CHECK_EQ_STR(r.body, "kept elsewhere");
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.owners_dropped), 3);
}

int main(void)
{
    RUN(head_has_no_body);
    RUN(large_bodies_are_sent_in_parts);
    RUN(large_bodies_copied);
    RUN(owners_are_dropped_while_nothing_else_happens);
    RUN(a_stream_with_back_pressure);
    RUN(a_stuck_reader_does_not_pile_up_memory);
    RUN(files);
    RUN(a_file_that_is_too_short_ends_the_connection);
    RUN(an_aborted_stream_is_cut);
    RUN(bytes_kept_elsewhere);
    return CHECK_END();
}
