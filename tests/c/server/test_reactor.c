/* The reactor under load: full queues, many connections, no descriptors, naps. */
#include "check.h"
#include "fake_executor.h"

#include <sys/resource.h>

#include "server/reactor.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(a_full_queue_is_503_after_a_while)
{
    struct fake f;
    fake_init(&f);
    f.config.queue_size = 2;
    f.config.worker_threads = 1;
    f.config.queue_timeout = 0.2;
    fake_start(&f);
    enum { N = 12 };
    int fds[N];
    fds[0] = fake_connect(&f);
    CHECK(fake_send(fds[0], GET("/blocking")));
    fake_wait(&f.entered);
    for (int i = 1; i < N; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], GET("/worker")));
    }
    int refused = 0;
    struct pollfd ready[N];
    for (int i = 1; i < N; i++) {
        ready[i - 1] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    while (refused < N - 3 && poll(ready, N - 1, 5000) > 0) {
        for (int i = 0; i < N - 1; i++) {
            if (ready[i].revents == 0) {
                continue;
            }
            struct fake_response r;
            CHECK(fake_recv_response(ready[i].fd, &r, false));
            CHECK_EQ_INT(r.status, 503);
            CHECK(fake_header(&r, "retry-after") != NULL);
            CHECK(!r.close); /* the request was whole: the connection goes on */
            fake_response_free(&r);
            ready[i].fd = -1;
            refused++;
        }
    }
    CHECK_EQ_INT(refused, N - 3); /* two had a place in the queue */
    sem_post(&f.leave);
    for (int i = 0; i < N - 1; i++) {
        if (ready[i].fd >= 0) {
            struct fake_response r;
            CHECK(fake_recv_response(ready[i].fd, &r, false));
            CHECK_EQ_INT(r.status, 200);
            fake_response_free(&r);
        }
    }
    for (int i = 1; i < N; i++) {
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fds[i], GET("/inline"), &r), 200);
        fake_response_free(&r);
        close(fds[i]);
    }
    CHECK_EQ_INT(fake_stats(&f).queue_full, N - 3);
    close(fds[0]);
    fake_stop(&f);
}

TEST(a_full_queue_that_moves_on_loses_nothing)
{
    struct fake f;
    fake_init(&f);
    f.config.queue_size = 2;
    f.config.lock_free_queue = false;
    fake_start(&f);
    enum { N = 40 };
    int fds[N];
    for (int i = 0; i < N; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], GET("/loop") GET("/worker") GET("/echo") GET("/unsure")));
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 4; k++) {
            struct fake_response r;
            CHECK(fake_recv_response(fds[i], &r, false));
            CHECK_EQ_INT(r.status, 200);
            fake_response_free(&r);
        }
        close(fds[i]);
    }
    fake_stop(&f);
}

TEST(a_loop_that_is_away_stalls_only_its_own)
{
    struct fake f;
    fake_init(&f);
    f.config.queue_size = 2;
    f.config.queue_timeout = 0.2;
    fake_start(&f);
    atomic_store(&f.loop_paused, true);
    enum { N = 6 };
    int fds[N];
    for (int i = 0; i < N; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], i % 2 ? GET("/loop") : GET("/echo")));
    }
    fake_wait(&f.seen); /* the loop thread sits still */
    int other = fake_connect(&f);
    for (int i = 0; i < 20; i++) {
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(other, GET("/worker"), &r), 200);
        fake_response_free(&r);
    }
    struct pollfd ready[N];
    for (int i = 0; i < N; i++) {
        ready[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    int unavailable = 0;
    while (unavailable < N - 2 && poll(ready, N, 5000) > 0) {
        for (int i = 0; i < N; i++) {
            if (ready[i].revents != 0) {
                struct fake_response r;
                CHECK(fake_recv_response(fds[i], &r, false));
                CHECK_EQ_INT(r.status, 503);
                fake_response_free(&r);
                ready[i].fd = -1;
                unavailable++;
            }
        }
    }
    CHECK_EQ_INT(unavailable, N - 2);
    atomic_store(&f.loop_paused, false);
    sem_post(&f.loop_resume);
    for (int i = 0; i < N; i++) {
        if (ready[i].fd >= 0) {
            struct fake_response r;
            CHECK(fake_recv_response(fds[i], &r, false));
            CHECK_EQ_INT(r.status, 200);
            fake_response_free(&r);
        }
        close(fds[i]);
    }
    close(other);
    fake_stop(&f);
}

TEST(many_connections_at_once)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    enum { N = 1000 };
    static int fds[N];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            fds[i] = fake_connect(&f);
            CHECK(fake_send(fds[i], i % 3 == 0   ? GET("/worker")
                                    : i % 3 == 1 ? GET("/loop")
                                                 : GET("/inline")));
        }
        for (int i = 0; i < N; i++) {
            struct fake_response r;
            CHECK(fake_recv_response(fds[i], &r, false));
            CHECK_EQ_INT(r.status, 200);
            fake_response_free(&r);
            close(fds[i]);
        }
    }
    CHECK_EQ_INT(fake_stats(&f).requests, 3 * N);
    fake_stop(&f);
}

TEST(connections_beyond_the_limit_wait)
{
    struct fake f;
    fake_init(&f);
    f.config.max_connections = 2;
    fake_start(&f);
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], GET("/worker")));
    }
    for (int i = 0; i < 4; i++) {
        struct fake_response r;
        CHECK(fake_recv_response(fds[i], &r, false));
        CHECK_EQ_INT(r.status, 200);
        fake_response_free(&r);
        CHECK(fa_server_active(f.server) <= 2);
        close(fds[i]); /* makes room for the next */
    }
    fake_stop(&f);
}

TEST(out_of_descriptors)
{
    struct rlimit old;
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    struct fake_response r;
    int first = fake_connect(&f);
    CHECK_EQ_INT(fake_ask(first, GET("/worker"), &r), 200);
    fake_response_free(&r);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit low = {.rlim_cur = (rlim_t)client + 1, .rlim_max = old.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons(f.port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(connect(client, (struct sockaddr *)&sa, sizeof sa) == 0);
    CHECK(fake_is_ended(client)); /* taken and closed: no descriptor to keep it */
    CHECK_EQ_INT(fake_ask(first, GET("/worker"), &r), 200); /* the others do not notice */
    fake_response_free(&r);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    int later = fake_connect(&f);
    CHECK_EQ_INT(fake_ask(later, GET("/worker"), &r), 200);
    fake_response_free(&r);
    close(later);
    close(client);
    close(first);
    fake_stop(&f);
}

/* A batch whose later handler blocks: the answers before it must not wait for it. */
TEST(a_blocking_handler_holds_nothing_back)
{
    struct fake f;
    fake_init(&f);
    f.config.worker_threads = 1;
    fake_start(&f);
    for (int round = 0; round < 20; round++) {
        int fd = fake_connect(&f);
        struct fake_response r;
        CHECK(fake_send(fd, GET("/worker") GET("/worker") GET("/worker") GET("/blocking")));
        fake_wait(&f.entered);
        for (int i = 0; i < 3; i++) {
            CHECK(fake_recv_response(fd, &r, false)); /* while the fourth still blocks */
            fake_response_free(&r);
        }
        sem_post(&f.leave);
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_STR(r.body, "late");
        fake_response_free(&r);
        close(fd);
    }
    fake_stop(&f);
}

TEST(spinning_selects_other_code_and_works)
{
    struct fake f;
    fake_init(&f);
    f.config.spin_us = 50;
    fake_start(&f);
    int fd = fake_connect(&f);
    for (int i = 0; i < 200; i++) {
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fd, i % 2 ? GET("/worker") : GET("/loop"), &r), 200);
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
}

TEST(latency_is_recorded)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    for (int i = 0; i < 50; i++) {
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200);
        fake_response_free(&r);
    }
    struct fa_server_stats stats = fake_stats(&f);
    for (int i = 0; i < 10000 && stats.latency.count < 50; i++) {
        CHECK(poll(NULL, 0, 1) == 0); /* the client has the answer a moment before the books do */
        stats = fake_stats(&f);
    }
    CHECK_EQ_INT(stats.latency.count, 50);
    CHECK(stats.latency.max > 0 && stats.latency.sum >= stats.latency.max);
    CHECK(fa_histogram_quantile(&stats.latency, 500) > 0);
    close(fd);
    fake_stop(&f);
}

int main(void)
{
    RUN(a_full_queue_is_503_after_a_while);
    RUN(a_full_queue_that_moves_on_loses_nothing);
    RUN(a_loop_that_is_away_stalls_only_its_own);
    RUN(many_connections_at_once);
    RUN(connections_beyond_the_limit_wait);
    RUN(out_of_descriptors);
    RUN(a_blocking_handler_holds_nothing_back);
    RUN(spinning_selects_other_code_and_works);
    RUN(latency_is_recorded);
    return CHECK_END();
}
