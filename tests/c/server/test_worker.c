/* Worker threads: grow while tasks wait, wake one by one, never lose a wake-up. */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "check.h"
#include "fake_executor.h"
#include "server/server_state.h"

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

TEST(who_is_busy)
{
    struct fake f;
    struct fake_response r;
    pthread_t threads[4];
    fake_init(&f);
    f.config.worker_threads = 4;
    fake_start(&f);
    CHECK_EQ_INT(fa_server_busy_workers(f.server, threads, 4), 0);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], GET("/blocking")));
        fake_wait(&f.entered);
    }
    CHECK_EQ_INT(fa_server_busy_workers(f.server, threads, 4), 2);
    CHECK(!pthread_equal(threads[0], threads[1]));
    CHECK_EQ_INT(fa_server_busy_workers(f.server, threads, 1), 1);
    for (int i = 0; i < 2; i++) {
        sem_post(&f.leave);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(fake_recv_response(fds[i], &r, false));
        fake_response_free(&r);
        close(fds[i]);
    }
    while (fa_server_busy_workers(f.server, threads, 4) > 0) {
        sched_yield();
    }
    fake_stop(&f);
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

/* The second thread has no memory for its state, but tells so only when f->seen says. */
static fa_status start_late(void *ctx, struct fa_worker *w)
{
    struct fake *f = ctx;
    (void)w;
    if (atomic_fetch_add(&f->threads_started, 1) == 0) return FA_OK;
    sem_post(&f->entered);
    fake_wait(&f->seen);
    return FA_ERR_NOMEM;
}

/* A task that came while a thread was starting relies on it; when it cannot start,
 * a worker that went to sleep before that task came must hear of it. */
TEST(a_thread_that_cannot_start_calls_another)
{
    struct fake f;
    struct fake_response r;
    struct fa_executor_ops ops = FAKE_OPS;
    ops.thread_start = start_late;
    fake_init(&f);
    f.config.worker_threads = 2;
    f.config.spin_us = 0;
    fake_require(fa_server_new(&f.config, &ops, &f, &f.server) == FA_OK, "new");
    fake_start(&f);
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = fake_connect(&f);
    CHECK(fake_send(fds[0], GET("/blocking")));
    fake_wait(&f.entered);
    CHECK(fake_send(fds[1], GET("/worker")));
    fake_wait(&f.entered); /* the second thread is starting */
    sem_post(&f.leave);    /* the first one answers both, and sleeps */
    for (int i = 0; i < 2; i++) {
        CHECK(fake_recv_response(fds[i], &r, false));
        fake_response_free(&r);
    }
    while (atomic_load(&f.server->workers.idle_count) != 1)
        sched_yield();
    CHECK(fake_send(fds[2], GET("/worker")));
    while (fake_stats(&f).requests != 3) /* counted when its round has woken whom it would */
        sched_yield();
    CHECK_EQ_INT(fa_queue_size(&f.server->worker_queue), 1);
    sem_post(&f.seen);
    CHECK(fake_recv_response(fds[2], &r, false));
    CHECK_EQ_INT(r.status, 200);
    fake_response_free(&r);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    fake_stop(&f);
}

/* What a worker sees of itself: its name, the signals it blocks, who stands below it. */
struct life {
    struct fake f; /* first: it is the ops' ctx */
    atomic_int runs;
    atomic_bool in_run;
    char name[16];
    sigset_t blocked;
};

static void look_around(void *ctx, struct fa_worker *w)
{
    struct life *life = ctx;
    (void)pthread_getname_np(pthread_self(), life->name, sizeof life->name);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &life->blocked);
    atomic_store(&life->in_run, true);
    fa_worker_serve(w);
    atomic_store(&life->in_run, false);
    atomic_fetch_add(&life->runs, 1);
}

TEST(the_ops_stand_around_a_workers_life)
{
    struct life life = {0};
    struct fake_response r;
    struct fa_executor_ops ops = FAKE_OPS;
    ops.thread_run = look_around;
    fake_init(&life.f);
    fake_require(fa_server_new(&life.f.config, &ops, &life, &life.f.server) == FA_OK, "new");
    fake_start(&life.f);
    CHECK(atomic_load(&life.in_run)); /* before the start is over */
    CHECK_EQ_STR(life.name, "fasterapi-w0");
    CHECK(sigismember(&life.blocked, SIGTERM) == 0);
    CHECK(sigismember(&life.blocked, SIGCHLD) == 0);
    int fd = fake_connect(&life.f);
    CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200);
    fake_response_free(&r);
    close(fd);
    CHECK_EQ_INT(atomic_load(&life.runs), 0);
    fake_stop(&life.f);
    CHECK_EQ_INT(atomic_load(&life.runs), 1);
    CHECK_EQ_INT(atomic_load(&life.f.threads_stopped), 1);
}

/* In the child: nothing to take, nothing to wait for, also with a lock held at the fork. */
static int child_of(struct fake *f)
{
    void *items[4];
    fa_server_forked(f->server);
    if (fa_executor_loop_drain(f->server, items, 4) != 0) return 1;
    if (fa_worker_pool_stop(&f->server->workers, 0) != FA_OK) return 2;
    if (fa_server_stop(f->server, 0) != FA_OK) return 3;
    fa_server_free(f->server);
    return 0;
}

TEST(a_forked_child_has_nothing_to_do)
{
    struct fake f;
    struct fake_response r;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200);
    fake_response_free(&r);
    (void)pthread_mutex_lock(&f.server->workers.lock);
    pid_t child = fork();
    if (child == 0) _exit(child_of(&f));
    (void)pthread_mutex_unlock(&f.server->workers.lock);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200); /* the parent serves on */
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
}

int main(void)
{
    RUN(the_ops_stand_around_a_workers_life);
    RUN(a_forked_child_has_nothing_to_do);
    RUN(threads_grow_only_while_tasks_wait);
    RUN(who_is_busy);
    RUN(wakeups);
    RUN(a_thread_that_cannot_start_calls_another);
    return CHECK_END();
}
