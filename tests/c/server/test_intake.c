/* Bytes of bodies: limits on every road, what is held, and who goes when it is too much. */
#include "check.h"
#include "fake_executor.h"
#include "server/server_state.h"

#define KIB 1024u

static uint64_t held(struct fake *f)
{
    return atomic_load(&f->server->intake.held);
}

static void wait_held(struct fake *f, uint64_t bytes)
{
    for (int i = 0; i < 20000 && held(f) != bytes; i++) {
        (void)poll(NULL, 0, 1);
    }
    CHECK_EQ_INT(held(f), bytes);
}

/* What came with a head is in already, so one read buffer may be beyond the budget. */
static void wait_full(struct fake *f)
{
    uint64_t budget = (uint64_t)f->config.body_budget;
    for (int i = 0; i < 20000 && held(f) < budget; i++) {
        (void)poll(NULL, 0, 1);
    }
    CHECK(held(f) >= budget && held(f) <= budget + (uint64_t)f->config.buffer_size);
}

/* The head of a POST, and `sent` of the `len` bytes of its body. */
static void post(int fd, const char *path, const char *more, size_t len, size_t sent)
{
    char head[256];
    char *body = calloc(1, sent + 1);
    memset(body, 'x', sent);
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n",
        path, more, len);
    CHECK(fake_send(fd, head));
    CHECK(fake_send_n(fd, body, sent));
    free(body);
}

static int status_of(int fd)
{
    struct fake_response r;
    if (!fake_recv_response(fd, &r, false)) {
        return -1;
    }
    int status = r.status;
    fake_response_free(&r);
    return status;
}

TEST(a_limit_holds_on_its_road)
{
    static const struct {
        const char *path, *more;
        int status[3]; /* for 1000, 1001 and 3000 bytes */
    } CASES[] = {
        {"/worker-body", "", {200, 413, 413}},
        {"/loop-body", "", {200, 413, 413}},
        {"/inline-body", "", {200, 413, 413}},
        {"/inline-body", "Connection: upgrade\r\nUpgrade: x\r\n", {200, 413, 413}},
        {"/echo", "", {200, 200, 413}},
        {"/echo", "Connection: upgrade\r\nUpgrade: websocket\r\n", {200, 200, 413}},
    };
    static const size_t SIZES[] = {1000, 1001, 3000};
    struct fake f;
    fake_init(&f);
    f.config.max_body_size = 1000;
    f.config.max_stream_size = 2000;
    fake_start(&f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (int k = 0; k < 3; k++) {
            int fd = fake_connect(&f);
            post(fd, CASES[i].path, CASES[i].more, SIZES[k], SIZES[k]);
            CHECK_EQ_INT(status_of(fd), CASES[i].status[k]);
            close(fd);
        }
    }
    wait_held(&f, 0);
    fake_stop(&f);
}

/* Chunks announce nothing: the limit is met on the way. */
TEST(a_limit_holds_for_chunks)
{
    static const char *const PATHS[] = {"/worker-body", "/inline-body", "/echo"};
    struct fake f;
    fake_init(&f);
    f.config.max_body_size = 1000;
    f.config.max_stream_size = 1000;
    fake_start(&f);
    for (size_t p = 0; p < 3; p++) {
        for (int over = 0; over < 2; over++) {
            int fd = fake_connect(&f);
            char request[256];
            snprintf(request, sizeof request,
                "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", PATHS[p]);
            CHECK(fake_send(fd, request));
            for (int i = 0; i < 10 + over; i++) {
                char chunk[128];
                memset(chunk, 'x', sizeof chunk);
                CHECK(fake_send(fd, "64\r\n") && fake_send_n(fd, chunk, 100) &&
                      fake_send(fd, "\r\n"));
            }
            CHECK(fake_send(fd, "0\r\n\r\n"));
            CHECK_EQ_INT(status_of(fd), over ? 413 : 200);
            close(fd);
        }
    }
    wait_held(&f, 0);
    fake_stop(&f);
}

TEST(a_tunnel_has_no_such_limit)
{
    struct fake f;
    fake_init(&f);
    f.config.max_stream_size = 10;
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd,
                     "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                     "Upgrade: websocket\r\n\r\n",
                     &r),
        101);
    fake_response_free(&r);
    char back[64];
    for (int i = 0; i < 10; i++) {
        CHECK(fake_send(fd, "twenty bytes of text") && fake_recv_n(fd, back, 20));
    }
    close(fd);
    fake_stop(&f);
}

TEST(what_is_held_is_let_go_of)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = fake_connect(&f);
    }
    post(fds[0], "/worker-body", "", 100 * KIB, 80 * KIB); /* in a buffer of its own */
    post(fds[1], "/inline-body", "", 500, 400);            /* where the head is */
    post(fds[2], "/unread", "", 50 * KIB, 30 * KIB);       /* a stream the app leaves alone */
    CHECK(fake_send(fds[3], "GET /inline HTTP/1.1\r\nHost: "));
    fake_wait(&f.seen);
    wait_held(&f, 110 * KIB + 400 + 28);
    sem_post(&f.leave);
    wait_held(&f, 80 * KIB + 400 + 28); /* the app has read the stream */
    for (int i = 0; i < 16; i++) {
        sem_post(&f.leave); /* for whatever else it is told of: the client's leaving */
    }
    for (int i = 0; i < 4; i++) {
        fake_reset(fds[i]);
        close(fds[i]);
    }
    wait_held(&f, 0);
    fake_stop(&f);
}

/* A server that may hold `budget` bytes, and lets bodies wait for room so long [s]. */
static void start_with(struct fake *f, int64_t budget, double queue_timeout)
{
    fake_init(f);
    f->config.body_budget = budget;
    f->config.queue_timeout = queue_timeout;
    f->config.write_high_water = 1 << 20; /* streams are held up by the budget alone */
    fake_start(f);
}

/* Nothing of a body is read while the budget is spent; and it goes on when there is room. */
TEST(bodies_wait_for_room)
{
    struct fake f;
    start_with(&f, 256 * KIB, 60.0);
    int first = fake_connect(&f), second = fake_connect(&f), small = fake_connect(&f);
    post(first, "/worker-body", "", 300 * KIB, 250 * KIB);
    wait_held(&f, 250 * KIB);
    post(second, "/worker-body", "", 100 * KIB, 100 * KIB);
    wait_full(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(small, "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    fake_response_free(&r);
    struct pollfd answer = {.fd = second, .events = POLLIN};
    CHECK_EQ_INT(poll(&answer, 1, 300), 0);
    fake_reset(first);
    close(first);
    CHECK_EQ_INT(status_of(second), 200);
    wait_held(&f, 0);
    CHECK_EQ_INT(fake_stats(&f).bodies_refused, 0);
    close(second);
    close(small);
    fake_stop(&f);
}

/* The app holds it all: its reading makes room, and the reactor hears of that. */
TEST(the_app_makes_room_by_reading)
{
    struct fake f;
    start_with(&f, 64 * KIB, 60.0);
    int first = fake_connect(&f), second = fake_connect(&f);
    post(first, "/unread", "", 100 * KIB, 100 * KIB);
    fake_wait(&f.seen);
    wait_full(&f);
    post(second, "/inline-body", "", 10 * KIB, 10 * KIB);
    sem_post(&f.leave);
    for (int i = 0; i < 100; i++) {
        sem_post(&f.leave); /* one for each time the app is told of more */
    }
    CHECK_EQ_INT(status_of(second), 200);
    CHECK_EQ_INT(status_of(first), 200);
    close(first);
    close(second);
    fake_stop(&f);
}

TEST(the_slowest_is_refused_when_there_is_no_room_for_long)
{
    struct fake f;
    start_with(&f, 256 * KIB, 0.3);
    int slow = fake_connect(&f), fast = fake_connect(&f), late = fake_connect(&f);
    post(slow, "/worker-body", "", 200 * KIB, 100 * KIB);
    wait_held(&f, 100 * KIB);
    (void)poll(NULL, 0, 50); /* so its rate falls */
    post(fast, "/worker-body", "", 200 * KIB, 156 * KIB);
    wait_full(&f);
    post(late, "/inline-body", "", 20 * KIB, 20 * KIB);
    struct fake_response r;
    CHECK(fake_recv_response(slow, &r, false));
    CHECK_EQ_INT(r.status, 503);
    CHECK(fake_header(&r, "retry-after") != NULL);
    CHECK(r.close);
    fake_response_free(&r);
    CHECK_EQ_INT(status_of(late), 200);
    char *rest = calloc(1, 44 * KIB);
    CHECK(fake_send_n(fast, rest, 44 * KIB));
    free(rest);
    CHECK_EQ_INT(status_of(fast), 200);
    CHECK_EQ_INT(fake_stats(&f).bodies_refused, 1);
    close(slow);
    close(fast);
    close(late);
    wait_held(&f, 0);
    fake_stop(&f);
}

/* Handlers have it all, so nobody else can be refused: whoever waits is. */
TEST(who_waits_is_refused_if_nothing_else_can_be)
{
    struct fake f;
    start_with(&f, 64 * KIB, 0.2);
    atomic_store(&f.loop_paused, true);
    int busy = fake_connect(&f), late = fake_connect(&f);
    CHECK(fake_send(busy, "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n")); /* the loop thread waits */
    fake_wait(&f.seen);
    post(busy, "/loop-body", "", 64 * KIB, 64 * KIB);
    wait_full(&f);
    post(late, "/echo", "", 20 * KIB, 20 * KIB);
    CHECK_EQ_INT(status_of(late), 503);
    atomic_store(&f.loop_paused, false);
    sem_post(&f.loop_resume);
    CHECK_EQ_INT(status_of(busy), 200);
    CHECK_EQ_INT(status_of(busy), 200);
    wait_held(&f, 0);
    close(busy);
    close(late);
    fake_stop(&f);
}

int main(void)
{
    RUN(a_limit_holds_on_its_road);
    RUN(a_limit_holds_for_chunks);
    RUN(a_tunnel_has_no_such_limit);
    RUN(what_is_held_is_let_go_of);
    RUN(bodies_wait_for_room);
    RUN(the_app_makes_room_by_reading);
    RUN(the_slowest_is_refused_when_there_is_no_room_for_long);
    RUN(who_waits_is_refused_if_nothing_else_can_be);
    return CHECK_END();
}
