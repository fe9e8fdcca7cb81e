/* The monitor: ticks only while there is something to see, and sizes that follow. */
#include "check.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/server_state.h"
#include "server/stats_file.h"

#define STEP FA_MONITOR_INTERVAL_NS

static struct fa_server *server_with(bool adaptive, double pool_size)
{
    struct fa_config config;
    struct fa_server *s = NULL;
    fa_config_defaults(&config);
    config.adaptive_pools = adaptive;
    CHECK_EQ_INT(fa_config_set(&config, "buffer_pool_size", pool_size), FA_OK);
    CHECK_EQ_INT(fa_server_new(&config, NULL, NULL, &s), FA_OK);
    return s;
}

/* `n` tasks and buffers out at a time, then all back. */
static void burst(struct fa_server *s, int n)
{
    struct fa_task **tasks = calloc((size_t)n, sizeof *tasks);
    struct fa_buffer **buffers = calloc((size_t)n, sizeof *buffers);
    for (int i = 0; i < n; i++) {
        tasks[i] = fa_task_pool_get(&s->reactor.tasks);
        buffers[i] = fa_buffer_cache_get(&s->reactor.cache);
    }
    for (int i = 0; i < n; i++) {
        fa_task_pool_put(&s->reactor.tasks, tasks[i]);
        fa_buffer_cache_release(&s->reactor.cache, buffers[i]);
    }
    free(tasks);
    free(buffers);
}

static struct fa_server_stats stats_of(struct fa_server *s)
{
    struct fa_server_stats stats;
    fa_server_stats(s, &stats);
    return stats;
}

TEST(an_idle_server_is_not_woken)
{
    struct fa_server *s = server_with(true, 1024);
    struct fa_monitor *m = &s->monitor;
    CHECK(m->due_ns == FA_MONITOR_NEVER);
    fa_monitor_note(m, 1000);
    CHECK_EQ_INT(m->due_ns, 1000 + STEP);
    fa_monitor_note(m, 2000); /* the first one counts */
    CHECK_EQ_INT(m->due_ns, 1000 + STEP);
    fa_monitor_tick(m, s, 1000 + STEP);
    CHECK_EQ_INT(m->due_ns, 1000 + 2 * STEP); /* something had happened */
    fa_monitor_tick(m, s, 1000 + 2 * STEP);
    CHECK(m->due_ns == FA_MONITOR_NEVER);
    CHECK_EQ_INT(stats_of(s).tuner_ticks, 2);
    CHECK_EQ_INT(stats_of(s).tuner_changes, 0);
    fa_server_free(s);
}

TEST(it_looks_on_while_a_task_is_out)
{
    struct fa_server *s = server_with(true, 1024);
    struct fa_task *t = fa_task_pool_get(&s->reactor.tasks);
    for (uint64_t i = 1; i < 10; i++) {
        fa_monitor_tick(&s->monitor, s, i * STEP);
        CHECK_EQ_INT(s->monitor.due_ns, (i + 1) * STEP);
    }
    fa_task_pool_put(&s->reactor.tasks, t);
    fa_monitor_tick(&s->monitor, s, 10 * STEP);
    CHECK(s->monitor.due_ns == FA_MONITOR_NEVER);
    fa_server_free(s);
}

TEST(pools_grow_with_the_load_and_give_memory_back)
{
    uint64_t live = fa_alloc_live();
    struct fa_server *s = server_with(true, 100);
    uint64_t own = fa_alloc_live();
    for (uint64_t i = 1; i <= 12; i++) { /* a busy second or three */
        burst(s, 2000);
        burst(s, 2000);
        fa_monitor_note(&s->monitor, i * STEP);
        fa_monitor_tick(&s->monitor, s, i * STEP);
    }
    struct fa_server_stats stats = stats_of(s);
    CHECK(stats.pools[0].figures.limit >= 1900 && stats.pools[1].figures.limit >= 2000);
    CHECK(stats.tuner_changes > 3);
    uint64_t misses = stats.pools[1].figures.misses;
    burst(s, 2000);
    CHECK_EQ_INT(stats_of(s).pools[1].figures.misses, misses); /* large enough now */
    CHECK(fa_alloc_live() >= own + 4000);
    uint64_t ticks = 0;
    while (s->monitor.due_ns != FA_MONITOR_NEVER && ticks < 100) { /* quiet */
        fa_monitor_tick(&s->monitor, s, s->monitor.due_ns);
        ticks++;
    }
    CHECK(ticks > FA_TUNER_QUIET && ticks < 30);
    CHECK_EQ_INT(stats_of(s).tuner_trims, 1); /* what was freed went back to the system */
    stats = stats_of(s);
    CHECK_EQ_INT(stats.pools[1].figures.limit, 64);
    CHECK_EQ_INT(stats.pools[1].figures.size, 64);
    CHECK(stats.pools[0].figures.size <= 64 + FA_BUFFER_CACHE_MAX);
    CHECK(fa_alloc_live() <= own + 64 + 64 + FA_BUFFER_CACHE_MAX);
    fa_server_free(s);
    CHECK_EQ_INT(fa_alloc_live(), live);
}

TEST(little_is_not_worth_a_trim)
{
    struct fa_server *s = server_with(true, 1024);
    burst(s, 200);
    fa_monitor_note(&s->monitor, 0);
    while (s->monitor.due_ns != FA_MONITOR_NEVER) {
        fa_monitor_tick(&s->monitor, s, s->monitor.due_ns);
    }
    CHECK_EQ_INT(stats_of(s).pools[1].figures.size, 64);
    CHECK_EQ_INT(stats_of(s).tuner_trims, 0);
    fa_server_free(s);
}

TEST(switched_off_sizes_stay)
{
    struct fa_server *s = server_with(false, 100);
    fa_monitor_note(&s->monitor, 1000);
    CHECK(s->monitor.due_ns == FA_MONITOR_NEVER);
    for (uint64_t i = 1; i <= 20; i++) {
        burst(s, i < 10 ? 2000 : 1);
        fa_monitor_tick(&s->monitor, s, i * STEP);
    }
    struct fa_server_stats stats = stats_of(s);
    CHECK_EQ_INT(stats.pools[0].figures.limit, 100);
    CHECK_EQ_INT(stats.pools[1].figures.limit, 100);
    CHECK_EQ_INT(stats.pools[1].figures.size, 100);
    CHECK_EQ_INT(stats.pools[2].figures.limit, 25);
    CHECK_EQ_INT(stats.tuner_changes, 0);
    CHECK(!stats.adaptive);
    fa_server_free(s);
}

TEST(pools_that_are_off_stay_off)
{
    struct fa_server *s = server_with(true, 0);
    for (uint64_t i = 1; i <= 10; i++) {
        burst(s, 500);
        fa_monitor_tick(&s->monitor, s, i * STEP);
    }
    CHECK_EQ_INT(stats_of(s).pools[0].figures.limit, 0);
    CHECK_EQ_INT(stats_of(s).pools[1].figures.size, 0);
    CHECK_EQ_INT(stats_of(s).pools[0].figures.hits, 0);
    fa_server_free(s);
}

TEST(batches_follow_the_cost_of_a_task)
{
    struct fa_server *s = server_with(true, 100);
    CHECK_EQ_INT(fa_executor_batch_size(s), 128);
    for (uint64_t i = 1; i <= 10; i++) { /* 50 us each */
        fa_executor_loop_end(s, 1000, 0, 50000000);
        fa_monitor_tick(&s->monitor, s, i * STEP);
    }
    CHECK_EQ_INT(fa_executor_batch_size(s), 4);
    for (uint64_t i = 1; i <= 20; i++) { /* 1 us each */
        fa_executor_loop_end(s, 100000, 0, 100000000);
        fa_monitor_tick(&s->monitor, s, i * STEP);
    }
    CHECK_EQ_INT(fa_executor_batch_size(s), 128);
    fa_server_free(s);
}

TEST(a_size_beyond_a_bound_moves_the_bound)
{
    struct fa_server *s = server_with(true, 5000);
    CHECK_EQ_INT(s->monitor.bounds.pool_max, 5000);
    fa_server_free(s);
    s = server_with(true, 7);
    CHECK_EQ_INT(s->monitor.bounds.pool_min, 7);
    fa_server_free(s);
}

/* How many reports the file has seen; -1: there is no file. */
static long reports_in(const char *path)
{
    struct fa_stats_file_header header;
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return -1;
    }
    CHECK_EQ_INT(pread(fd, &header, sizeof header, 0), sizeof header);
    close(fd);
    return (long)header.sequence;
}

TEST(a_report_at_every_tick)
{
    char path[] = "/tmp/fa_monitor_XXXXXX";
    int fd = mkstemp(path);
    struct fa_server *s = server_with(false, 100);
    CHECK_EQ_INT(fa_server_publish_stats(s, "/tmp/no/such/folder", FA_SPAN("")), FA_ERR_IO);
    CHECK_EQ_INT(fa_server_publish_stats(s, path, FA_SPAN("me")), FA_OK);
    CHECK_EQ_INT(fa_server_publish_stats(s, path, FA_SPAN("me")), FA_ERR_INVALID);
    CHECK_EQ_INT(reports_in(path), 1);
    fa_monitor_note(&s->monitor, 1000); /* it ticks although nothing is tuned */
    CHECK_EQ_INT(s->monitor.due_ns, 1000 + STEP);
    fa_monitor_tick(&s->monitor, s, 1000 + STEP);
    fa_monitor_tick(&s->monitor, s, 1000 + 2 * STEP);
    CHECK(s->monitor.due_ns == FA_MONITOR_NEVER);
    CHECK_EQ_INT(reports_in(path), 3);
    fa_alloc_fail_at(1); /* no memory: no report, nothing else */
    fa_monitor_tick(&s->monitor, s, 1000 + 3 * STEP);
    fa_alloc_fail_at(0);
    CHECK_EQ_INT(reports_in(path), 3);
    CHECK_EQ_INT(stats_of(s).reports_lost, 1);
    CHECK_EQ_INT(fa_server_stop(s, 0), FA_OK);
    CHECK_EQ_INT(reports_in(path), -1);
    fa_server_free(s);
    close(fd);
}

int main(void)
{
    RUN(a_report_at_every_tick);
    RUN(an_idle_server_is_not_woken);
    RUN(it_looks_on_while_a_task_is_out);
    RUN(pools_grow_with_the_load_and_give_memory_back);
    RUN(little_is_not_worth_a_trim);
    RUN(switched_off_sizes_stay);
    RUN(pools_that_are_off_stay_off);
    RUN(batches_follow_the_cost_of_a_task);
    RUN(a_size_beyond_a_bound_moves_the_bound);
    return CHECK_END();
}
