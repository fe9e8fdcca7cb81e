/* The figures of a server: exact when it rests, sane while it runs. */
#include "check.h"
#include "fake_executor.h"

#include "server/server_state.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void ask(int fd, const char *request, int times)
{
    for (int i = 0; i < times; i++) {
        struct fake_response r;
        CHECK_EQ_INT(fake_ask(fd, request, &r), 200);
        fake_response_free(&r);
    }
}

/* Until every connection has gone: then all counts of its requests are in. */
static void wait_for_rest(struct fake *f)
{
    for (int i = 0; i < 20000 && fa_server_active(f->server) > 0; i++) {
        CHECK(poll(NULL, 0, 1) == 0);
    }
    CHECK_EQ_INT(fa_server_stop(f->server, 0), FA_OK);
}

static uint64_t sizes_of(const struct fa_tally_sum *t)
{
    uint64_t n = 0;
    for (int i = 0; i < FA_TALLY_SIZES; i++) {
        n += t->sizes[i];
    }
    return n;
}

TEST(every_request_is_counted_where_it_ran)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    ask(fd, GET("/worker"), 30);
    ask(fd, GET("/loop"), 40);
    ask(fd, GET("/inline"), 5);
    close(fd);
    wait_for_rest(&f);
    struct fa_server_stats s = fake_stats(&f);
    CHECK_EQ_INT(s.requests, 75);
    CHECK_EQ_INT(s.tasks_completed, 70);
    CHECK_EQ_INT(s.tasks_failed, 0);
    CHECK_EQ_INT(s.latency.count, 75);
    CHECK_EQ_INT(s.worker_queue.pushed, 30);
    CHECK(s.loop_queue.pushed >= 40); /* and events */
    CHECK_EQ_INT(s.worker_queue.depth + s.loop_queue.depth, 0);
    CHECK_EQ_INT(s.worker_queue.full + s.loop_queue.full, 0);
    CHECK_EQ_INT(s.workers.tasks, 30);
    CHECK_EQ_INT(sizes_of(&s.workers), s.workers.batches);
    CHECK(s.workers.batches >= 1 && s.workers.batches <= 30);
    CHECK(s.workers.batch_max >= 1);
    CHECK(s.workers.waits >= s.workers.batches && s.workers.waits <= 30);
    CHECK(s.workers.attaches >= s.workers.batches - 1);
    CHECK(s.workers.run_ns > 0);
    CHECK(s.loop.tasks >= 40);
    CHECK_EQ_INT(s.loop.waits, 40);
    CHECK(s.loop.wait_max_ns <= s.loop.wait_ns);
    CHECK_EQ_INT(sizes_of(&s.loop), s.loop.batches);
    CHECK_EQ_INT(s.loop.attaches, 0);
    fake_stop(&f);
}

TEST(streams_count_once_when_the_app_ends_them)
{
    struct fake f;
    fake_init(&f);
    fake_start(&f);
    int fd = fake_connect(&f);
    ask(fd, GET("/stream"), 10);
    close(fd);
    wait_for_rest(&f);
    CHECK_EQ_INT(fake_stats(&f).tasks_completed, 10);
    fake_stop(&f);
}

TEST(a_full_queue_is_counted)
{
    struct fake f;
    fake_init(&f);
    f.config.queue_size = 2;
    f.config.worker_threads = 1;
    fake_start(&f);
    int fds[8];
    for (int i = 0; i < 8; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], GET("/blocking")));
        if (i == 0) {
            fake_wait(&f.entered); /* it runs: of the others two are queued, five stay out */
        }
    }
    for (int i = 0; i < 20000 && fake_stats(&f).worker_queue.full < 5; i++) {
        CHECK(poll(NULL, 0, 1) == 0);
    }
    struct fa_server_stats s = fake_stats(&f);
    CHECK_EQ_INT(s.worker_queue.full, 5);
    CHECK_EQ_INT(s.worker_queue.depth, 2);
    CHECK_EQ_INT(s.worker_queue.capacity, 2);
    CHECK_EQ_INT(s.worker_queue.high_water, 2);
    CHECK_EQ_INT(s.tasks_live, 8);
    for (int i = 0; i < 8; i++) {
        sem_post(&f.leave);
    }
    for (int i = 0; i < 8; i++) {
        struct fake_response r;
        CHECK(fake_recv_response(fds[i], &r, false));
        fake_response_free(&r);
        close(fds[i]);
    }
    wait_for_rest(&f);
    CHECK_EQ_INT(fake_stats(&f).worker_queue.pushed, 8);
    fake_stop(&f);
}

static void read_fixed(void *ctx, struct fa_pool_stats *out)
{
    *out = (struct fa_pool_stats){.hits = *(const uint64_t *)ctx, .limit = 9};
}

TEST(pools_of_others_are_told_too)
{
    struct fake f;
    fake_init(&f);
    CHECK_EQ_INT(fa_server_new(&f.config, &FAKE_OPS, &f, &f.server), FA_OK);
    uint64_t hits = 41;
    CHECK_EQ_INT(fa_server_add_pool(f.server, "mine", read_fixed, &hits), FA_OK);
    fa_status st = FA_OK;
    int more = 0;
    while (more < 100 && (st = fa_server_add_pool(f.server, "n", read_fixed, &hits)) == FA_OK) {
        more++;
    }
    CHECK_EQ_INT(st, FA_ERR_FULL);
    fake_start(&f);
    CHECK_EQ_INT(fa_server_add_pool(f.server, "late", read_fixed, &hits), FA_ERR_INVALID);
    struct fa_server_stats s = fake_stats(&f);
    CHECK_EQ_INT(s.pool_count, FA_SERVER_MAX_POOLS);
    CHECK_EQ_STR(s.pools[0].name, "buffers");
    CHECK_EQ_STR(s.pools[1].name, "tasks");
    CHECK_EQ_STR(s.pools[2].name, "connections");
    CHECK_EQ_STR(s.pools[3].name, "mine");
    CHECK_EQ_INT(s.pools[3].figures.hits, 41);
    CHECK_EQ_INT(s.pools[3].figures.limit, 9);
    fake_stop(&f);
}

struct reader {
    struct fake *f;
    atomic_bool stop;
    long reads;
    bool shrank;
};

/* What may only grow must, whatever moment it is read in. */
static void *read_all_the_time(void *arg)
{
    struct reader *r = arg;
    struct fa_server_stats before = fake_stats(r->f);
    while (!atomic_load(&r->stop)) {
        struct fa_server_stats now = fake_stats(r->f);
        r->shrank = r->shrank || now.requests < before.requests ||
                    now.tasks_completed < before.tasks_completed ||
                    now.workers.tasks < before.workers.tasks ||
                    now.loop.run_ns < before.loop.run_ns ||
                    now.latency.count < before.latency.count ||
                    now.pools[0].figures.hits < before.pools[0].figures.hits;
        before = now;
        r->reads++;
    }
    return NULL;
}

static void *ask_many(void *arg)
{
    int fd = fake_connect(arg);
    for (int i = 0; i < 50; i++) {
        ask(fd, GET("/worker"), 1);
        ask(fd, GET("/loop"), 1);
        ask(fd, GET("/stream"), 1);
    }
    close(fd);
    return NULL;
}

TEST(read_by_another_thread_under_load)
{
    struct fake f;
    fake_init(&f);
    f.config.worker_threads = 4;
    fake_start(&f);
    struct reader reader = {.f = &f};
    pthread_t reading, asking[4];
    CHECK_EQ_INT(pthread_create(&reading, NULL, read_all_the_time, &reader), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(pthread_create(&asking[i], NULL, ask_many, &f), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(asking[i], NULL);
    }
    atomic_store(&reader.stop, true);
    pthread_join(reading, NULL);
    CHECK(reader.reads > 0);
    CHECK(!reader.shrank);
    wait_for_rest(&f);
    struct fa_server_stats s = fake_stats(&f);
    CHECK_EQ_INT(s.requests, 600);
    CHECK_EQ_INT(s.tasks_completed, 600);
    CHECK_EQ_INT(s.workers.tasks, 200);
    fake_stop(&f);
}

int main(void)
{
    RUN(every_request_is_counted_where_it_ran);
    RUN(streams_count_once_when_the_app_ends_them);
    RUN(a_full_queue_is_counted);
    RUN(pools_of_others_are_told_too);
    RUN(read_by_another_thread_under_load);
    return CHECK_END();
}
