/* The loop lane's three calls, and chains of completions. */
#include "check.h"
#include "fake_executor.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* Until the loop's descriptor is readable, as an event loop would wait. */
static void wait_readable(struct fake *f)
{
    struct pollfd fd = {.fd = fa_executor_loop_fd(f->server), .events = POLLIN};
    CHECK_EQ_INT(poll(&fd, 1, 10000), 1);
}

static bool is_readable(struct fake *f)
{
    struct pollfd fd = {.fd = fa_executor_loop_fd(f->server), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

TEST(drain_and_sleep)
{
    struct fake f;
    fake_init(&f);
    f.has_loop = false; /* this thread is the loop */
    fake_start(&f);
    CHECK(!is_readable(&f));
    CHECK(fa_executor_loop_sleep(f.server));
    int fd = fake_connect(&f);
    struct fake_response r;
    void *items[4];
    for (int i = 0; i < 100; i++) {
        CHECK(fake_send(fd, GET("/loop")));
        wait_readable(&f);
        CHECK_EQ_INT(fa_executor_loop_drain(f.server, items, 4), 1);
        CHECK(!fa_task_is_tagged(items[0]));
        fake_loop_item(&f, items[0]);
        fa_executor_wake_reactor(f.server);
        CHECK_EQ_INT(fa_executor_loop_drain(f.server, items, 4), 0);
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.status, 200);
        fake_response_free(&r);
        CHECK(fa_executor_loop_sleep(f.server));
        CHECK(!is_readable(&f)); /* empty again, and announced */
    }
    close(fd);
    fake_stop(&f);
}

TEST(a_task_of_the_loop_goes_on_in_a_worker)
{
    struct fake f;
    fake_init(&f);
    f.has_loop = false;
    fake_start(&f);
    CHECK(fa_executor_loop_sleep(f.server));
    int fd = fake_connect(&f);
    struct fake_response r;
    void *items[4];
    for (int i = 0; i < 100; i++) {
        CHECK(fake_send(fd, GET("/loop")));
        wait_readable(&f);
        CHECK_EQ_INT(fa_executor_loop_drain(f.server, items, 4), 1);
        CHECK_EQ_INT(fa_executor_to_worker(f.server, items[0]), FA_OK);
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.status, 200);
        fake_response_free(&r);
        CHECK(fa_executor_loop_sleep(f.server));
    }
    close(fd);
    fake_stop(&f);
}

TEST(a_chain_of_completions)
{
    struct fake f;
    fake_init(&f);
    f.has_loop = false;
    fake_start(&f);
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, GET("/loop-param/0") GET("/loop-param/1") GET("/loop-param/2")));
    struct fa_task *tasks[3];
    size_t n = 0;
    while (n < 3) {
        void *items[4];
        wait_readable(&f);
        size_t got = fa_executor_loop_drain(f.server, items, 3 - n);
        for (size_t i = 0; i < got; i++) {
            tasks[n++] = items[i];
        }
        CHECK(fa_executor_loop_sleep(f.server) || n < 3);
    }
    for (size_t i = 0; i < 3; i++) {
        fake_answer(tasks[i], 200, tasks[i]->match.params[0].ptr, tasks[i]->match.params[0].len);
    }
    tasks[0]->done.next = &tasks[2]->done; /* completed in the order 1, 2, 0 */
    tasks[2]->done.next = &tasks[1]->done;
    fa_executor_complete_chain(f.server, tasks[0], tasks[1]);
    fa_executor_wake_reactor(f.server);
    for (int i = 0; i < 3; i++) {
        struct fake_response r;
        CHECK(fake_recv_response(fd, &r, false));
        CHECK_EQ_INT(r.body[0], '0' + i);
        fake_response_free(&r);
    }
    close(fd);
    fake_stop(&f);
}

int main(void)
{
    RUN(drain_and_sleep);
    RUN(a_task_of_the_loop_goes_on_in_a_worker);
    RUN(a_chain_of_completions);
    return CHECK_END();
}
