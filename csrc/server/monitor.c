/* monitor.c - the reactor's look at the whole server. */
#include "server/monitor.h"

#include <string.h>

#include "base/alloc.h"
#include "server/http_conn.h"
#include "server/report.h"
#include "server/server_state.h"
#include "server/stats_file.h"

#define REPORT_SIZE 8192u /* most reports are shorter */

/* A trim walks the heap of the whole process: only for so much, in a calm moment,
 * and never again after one that took long. */
#define TRIM_BYTES   (UINT64_C(4) << 20)
#define TRIM_CALM    100 /* tasks in an interval */
#define TRIM_SLOW_NS UINT64_C(20000000)

enum { BUFFERS, TASKS, CONNECTIONS };

static uint64_t at_most(uint64_t value, uint64_t bound)
{
    return value < bound ? value : bound;
}

void fa_monitor_init(struct fa_monitor *m, struct fa_server *s)
{
    const struct fa_config *config = &s->config;
    uint64_t configured = (uint64_t)config->buffer_pool_size;
    memset(m, 0, sizeof *m);
    m->due_ns = FA_MONITOR_NEVER;
    m->adaptive = config->adaptive_pools;
    m->on = m->adaptive;
    m->sizes.limit[BUFFERS] = fa_stats_read(&s->pool.limit);
    m->sizes.limit[TASKS] = fa_stats_read(&s->reactor.tasks.counters.limit);
    m->sizes.limit[CONNECTIONS] = fa_stats_read(&s->reactor.free_conns.counters.limit);
    m->sizes.batch = (uint32_t)config->batch_size;
    m->sizes.spin_us = (uint32_t)config->spin_us;
    /* A pool that was configured beyond a bound moves the bound. */
    m->bounds.pool_min = at_most((uint64_t)config->pool_min, configured);
    m->bounds.pool_max = (uint64_t)config->pool_max;
    if (m->bounds.pool_max < configured) {
        m->bounds.pool_max = configured;
    }
    m->bounds.batch_max = m->sizes.batch;
    m->bounds.spin_max_us = m->sizes.spin_us;
}

/* ---- what happened since the last tick ---- */

static uint64_t since(uint64_t now, uint64_t *before)
{
    uint64_t change = now - *before;
    *before = now;
    return change;
}

static void look_at_pool(struct fa_monitor *m, struct fa_tuner_figures *f, int i,
    const struct fa_pool_stats *stats, uint64_t low)
{
    f->pools[i].size = stats->size;
    f->pools[i].low = low;
    f->pools[i].misses = since(stats->misses, &m->before.misses[i]);
    f->pools[i].dropped = since(stats->dropped, &m->before.dropped[i]);
}

static void look_at_pools(struct fa_monitor *m, struct fa_server *s, struct fa_tuner_figures *f)
{
    struct fa_pool_counters *tasks = &s->reactor.tasks.counters;
    struct fa_pool_counters *conns = &s->reactor.free_conns.counters;
    struct fa_pool_stats stats;
    fa_buffer_pool_stats(&s->pool, &stats);
    stats.size = fa_buffer_pool_size(&s->pool); /* caches keep what they have */
    look_at_pool(m, f, BUFFERS, &stats, fa_buffer_pool_turn(&s->pool));
    fa_pool_counters_read(tasks, &stats);
    look_at_pool(m, f, TASKS, &stats, fa_pool_counters_turn(tasks));
    fa_pool_counters_read(conns, &stats);
    look_at_pool(m, f, CONNECTIONS, &stats, fa_pool_counters_turn(conns));
}

static void look(struct fa_monitor *m, struct fa_server *s, struct fa_tuner_figures *f)
{
    struct fa_tally_sum sum = {0};
    struct fa_monitor_before *before = &m->before;
    look_at_pools(m, s, f);
    fa_tally_add(&s->loop_tally, &sum);
    fa_worker_pool_add_tallies(&s->workers, &sum);
    sum.spins += fa_stats_read(&s->reactor.spins);
    sum.spin_hits += fa_stats_read(&s->reactor.spin_hits);
    f->tasks = since(sum.tasks, &before->tasks);
    f->run_ns = since(sum.run_ns, &before->run_ns);
    f->spins = since(sum.spins, &before->spins);
    f->spin_hits = since(sum.spin_hits, &before->spin_hits);
    f->wakeups = since(fa_stats_read(&s->stats.wakeups), &before->wakeups);
}

/* ---- what follows from it ---- */

static uint64_t surplus(const struct fa_monitor *m, const struct fa_tuner_figures *f, int i)
{
    return f->pools[i].size > m->sizes.limit[i] ? f->pools[i].size - m->sizes.limit[i] : 0;
}

static void apply(struct fa_monitor *m, struct fa_server *s, const struct fa_tuner_figures *f)
{
    const struct fa_tuner_sizes *sizes = &m->sizes;
    m->freed_bytes += surplus(m, f, BUFFERS) * (uint64_t)s->config.buffer_size +
                      surplus(m, f, TASKS) * sizeof(struct fa_task) +
                      surplus(m, f, CONNECTIONS) * sizeof(struct fa_http_conn);
    fa_buffer_pool_set_limit(&s->pool, (uint32_t)sizes->limit[BUFFERS]);
    fa_task_pool_set_limit(&s->reactor.tasks, sizes->limit[TASKS]);
    fa_conn_pool_set_limit(&s->reactor.free_conns, sizes->limit[CONNECTIONS]);
    atomic_store_explicit(&s->batch_size, sizes->batch, memory_order_relaxed);
    atomic_store_explicit(&s->spin_us, sizes->spin_us, memory_order_relaxed);
}

static void trim(struct fa_monitor *m)
{
    if (m->freed_bytes < TRIM_BYTES || m->trims_are_slow) {
        return;
    }
    uint64_t began_ns = fa_clock_now_ns();
    fa_alloc_trim();
    m->trims_are_slow = fa_clock_now_ns() - began_ns > TRIM_SLOW_NS;
    m->freed_bytes = 0;
    fa_stats_bump(&m->trims, 1);
}

static fa_status report(
    const struct fa_monitor *m, struct fa_server *s, uint64_t now_ns, bool resting)
{
    struct fa_server_stats stats;
    struct fa_writer w;
    if (fa_writer_init(&w, NULL, REPORT_SIZE) != FA_OK) {
        return FA_ERR_NOMEM;
    }
    fa_server_stats(s, &stats);
    fa_status st = fa_report_write(&stats, &w);
    struct fa_buffer *text = fa_writer_detach(&w);
    if (st == FA_OK) {
        st = fa_stats_file_write(m->file, (fa_span){text->data, text->len}, now_ns, resting);
    }
    if (text != NULL) {
        fa_buffer_release(text);
    }
    return st;
}

/* A report that cannot be written is left out: the one before tells its age. */
static void write_report(struct fa_monitor *m, struct fa_server *s, uint64_t now_ns, bool resting)
{
    if (m->file != NULL && report(m, s, now_ns, resting) != FA_OK) {
        fa_stats_bump(&s->stats.reports_lost, 1);
    }
}

void fa_monitor_publish(struct fa_monitor *m, struct fa_server *s, struct fa_stats_file *file)
{
    m->file = file;
    m->on = true;
    write_report(m, s, fa_clock_now_ns(), true);
}

void fa_monitor_deinit(struct fa_monitor *m)
{
    fa_stats_file_free(m->file);
    m->file = NULL;
}

void fa_monitor_tick(struct fa_monitor *m, struct fa_server *s, uint64_t now_ns)
{
    bool settled = true;
    fa_stats_bump(&m->ticks, 1);
    if (m->adaptive) {
        struct fa_tuner_figures figures;
        look(m, s, &figures);
        if (fa_tuner_decide(&m->bounds, &figures, &m->sizes)) {
            fa_stats_bump(&m->changes, 1);
            apply(m, s, &figures);
        }
        settled = fa_tuner_is_settled(&m->bounds, &figures, &m->sizes);
        if (settled && s->reactor.tasks.live == 0 && figures.tasks <= TRIM_CALM) {
            trim(m);
        }
    }
    bool again = m->active || s->reactor.tasks.live > 0 || !settled;
    m->active = false;
    write_report(m, s, now_ns, !again);
    m->due_ns = again ? now_ns + FA_MONITOR_INTERVAL_NS : FA_MONITOR_NEVER;
}
