/* Worker threads: grow while tasks wait, wake one by one, never lose a wake-up. */
#include "check.h"
#include "fake_executor.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(threads_grow_only_while_tasks_wait)
{
    struct fake f;
    fake_init(&f);
    f.config.worker_threads = 4;
    fake_start(&f);
    int fds[8];
    for (int i = 0; i < 8; i++) {
        fds[i] = fake_connect(&f);
    }
    for (int i = 0; i < 50; i++) { /* one at a time: one thread is enough */
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fds[0], GET("/worker"), &r), 200);
        fake_response_free(&r);
    }
    CHECK(atomic_load(&f.threads_started) <= 2);
    for (int i = 0; i < 8; i++) {
        CHECK(fake_send(fds[i], GET("/blocking")));
    }
    for (int i = 0; i < 4; i++) {
        fake_wait(&f.entered); /* four run at once */
    }
    CHECK_EQ_INT(atomic_load(&f.threads_started), 4);
    for (int i = 0; i < 8; i++) {
        sem_post(&f.leave);
    }
    for (int i = 0; i < 8; i++) {
        struct fake_response r;
        CHECK(fake_recv_response(fds[i], &r, false));
        CHECK_EQ_STR(r.body, "late");
        fake_response_free(&r);
        close(fds[i]);
    }
    CHECK_EQ_INT(fake_stats(&f).worker_threads_total, 4);
    fake_stop(&f);
    CHECK_EQ_INT(atomic_load(&f.threads_started), 4);
    CHECK_EQ_INT(atomic_load(&f.threads_stopped), 4);
}

struct client {
    struct fake *f;
    int rounds;
    int good;
};

static void *ask_many(void *arg)
{
    struct client *c = arg;
    int fd = fake_connect(c->f);
    for (int i = 0; i < c->rounds; i++) {
        struct fake_response r;
        c->good += fake_ask(fd, GET("/worker"), &r) == 200;
        fake_response_free(&r);
    }
    close(fd);
    return NULL;
}

/* Sleeping and waking all the time: a lost wake-up would leave a client waiting. */
static void no_wakeup_is_lost(int threads, bool lock_free, int spin_us)
{
    struct fake f;
    fake_init(&f);
    f.config.worker_threads = threads;
    f.config.lock_free_queue = lock_free;
    f.config.spin_us = spin_us;
    f.config.batch_size = 2;
    fake_start(&f);
    enum { CLIENTS = 4 };
    pthread_t threads_of[CLIENTS];
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.f = &f, .rounds = 500};
        CHECK(pthread_create(&threads_of[i], NULL, ask_many, &clients[i]) == 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads_of[i], NULL);
        CHECK_EQ_INT(clients[i].good, clients[i].rounds);
    }
    CHECK_EQ_INT(atomic_load(&f.handled), CLIENTS * 500);
    fake_stop(&f);
}

TEST(wakeups)
{
    no_wakeup_is_lost(1, true, 0);
    no_wakeup_is_lost(2, true, 0);
    no_wakeup_is_lost(8, true, 0);
    no_wakeup_is_lost(3, false, 0);
    no_wakeup_is_lost(3, true, 100);
}

int main(void)
{
    RUN(threads_grow_only_while_tasks_wait);
    RUN(wakeups);
    return CHECK_END();
}
