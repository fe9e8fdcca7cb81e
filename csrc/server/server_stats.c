/* server_stats.c - the figures of a server, gathered from the threads that count. */
#include "server/server.h"

#include <string.h>

#include "http/http_scan.h"
#include "server/server_state.h"

static void read_queue(
    struct fa_queue *q, const struct fa_reactor_queue *counts, struct fa_server_queue_stats *out)
{
    out->kind = fa_queue_kind_name(q);
    out->depth = fa_queue_size(q);
    out->capacity = fa_queue_capacity(q);
    out->high_water = fa_stats_read(&counts->high_water);
    out->pushed = fa_stats_read(&counts->pushed);
    out->full = fa_stats_read(&counts->full);
}

void fa_server_stats(struct fa_server *s, struct fa_server_stats *out)
{
    struct fa_reactor *r = &s->reactor;
    memset(out, 0, sizeof *out);
#define LOAD(name) out->name = fa_stats_read(&s->stats.name);
    FA_STATS_MAP(LOAD)
#undef LOAD
    out->tasks_completed = fa_stats_read(&r->completed);
    out->tasks_failed = fa_stats_read(&s->loop_failed);
    out->open_connections = fa_server_active(s);
    out->body_bytes_held = atomic_load_explicit(&s->intake.held, memory_order_relaxed);
    out->tasks_live = atomic_load_explicit(&s->tasks_live, memory_order_relaxed);
    out->worker_threads_total = atomic_load_explicit(&s->workers.total, memory_order_relaxed);
    out->worker_threads_idle = atomic_load_explicit(&s->workers.idle_count, memory_order_relaxed);
    read_queue(&s->loop_queue, &r->loop_queue, &out->loop_queue);
    read_queue(&s->worker_queue, &r->worker_queue, &out->worker_queue);
    fa_tally_add(&s->loop_tally, &out->loop);
    fa_worker_pool_add_tallies(&s->workers, &out->workers);
    for (size_t i = 0; i < s->pool_count; i++) {
        out->pools[i].name = s->pools[i].name;
        s->pools[i].read(s->pools[i].ctx, &out->pools[i].figures);
    }
    out->pool_count = s->pool_count;
    fa_histogram_add(&r->latency, &out->latency);
    out->adaptive = s->monitor.adaptive;
    out->tuner_ticks = fa_stats_read(&s->monitor.ticks);
    out->tuner_changes = fa_stats_read(&s->monitor.changes);
    out->tuner_trims = fa_stats_read(&s->monitor.trims);
    out->batch_size = fa_executor_batch_size(s);
    out->spin_us = fa_executor_spin_us(s);
    out->spins = fa_stats_read(&r->spins) + out->loop.spins + out->workers.spins;
    out->spin_hits = fa_stats_read(&r->spin_hits) + out->loop.spin_hits + out->workers.spin_hits;
    out->scanner = r->parser.scan->name;
}
