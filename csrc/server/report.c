/* report.c - the statistics of a server as JSON text. */
#include "server/report.h"

#include <string.h>

#include "json/json_builder.h"

/* Errors stick in the builder: the last call tells. */

static void key(struct fa_json_builder *b, const char *name)
{
    (void)fa_json_builder_key(b, (fa_span){name, strlen(name)});
}

static void number(struct fa_json_builder *b, const char *name, uint64_t value)
{
    key(b, name);
    (void)fa_json_builder_uint64(b, value);
}

static void seconds(struct fa_json_builder *b, const char *name, uint64_t ns)
{
    key(b, name);
    (void)fa_json_builder_double(b, (double)ns / 1e9);
}

static void text(struct fa_json_builder *b, const char *name, const char *value)
{
    key(b, name);
    (void)fa_json_builder_string(b, (fa_span){value, strlen(value)});
}

static void begin(struct fa_json_builder *b, const char *name)
{
    key(b, name);
    (void)fa_json_builder_begin_object(b);
}

static void end(struct fa_json_builder *b)
{
    (void)fa_json_builder_end_object(b);
}

/* One entry of a histogram: [upper bound, count]. */
static void bucket(struct fa_json_builder *b, uint64_t bound, uint64_t count)
{
    if (count == 0) {
        return;
    }
    (void)fa_json_builder_begin_array(b);
    (void)fa_json_builder_uint64(b, bound);
    (void)fa_json_builder_uint64(b, count);
    (void)fa_json_builder_end_array(b);
}

static void write_tally(struct fa_json_builder *b, const char *name, const struct fa_tally_sum *t)
{
    begin(b, name);
    number(b, "tasks", t->tasks);
    seconds(b, "task_time", t->run_ns);
    number(b, "batches", t->batches);
    number(b, "batch_max", t->batch_max);
    key(b, "batch_sizes");
    (void)fa_json_builder_begin_array(b);
    for (uint32_t i = 0; i < FA_TALLY_SIZES; i++) {
        bucket(b, UINT64_C(1) << i, t->sizes[i]);
    }
    (void)fa_json_builder_end_array(b);
    number(b, "queue_waits", t->waits);
    seconds(b, "queue_wait", t->wait_ns);
    seconds(b, "queue_wait_max", t->wait_max_ns);
    number(b, "gil_waits", t->attaches);
    seconds(b, "gil_wait", t->attach_ns);
    seconds(b, "gil_wait_max", t->attach_max_ns);
    end(b);
}

static void write_executor(struct fa_json_builder *b, const struct fa_server_stats *s)
{
    begin(b, "executor");
    number(b, "queued_tasks", s->loop_queue.depth + s->worker_queue.depth);
    number(b, "completed", s->tasks_completed);
    number(b, "failed", s->tasks_failed);
    seconds(b, "total_task_time", s->loop.run_ns + s->workers.run_ns);
    write_tally(b, "loop", &s->loop);
    write_tally(b, "workers", &s->workers);
    end(b);
}

static void write_queue(
    struct fa_json_builder *b, const char *name, const struct fa_server_queue_stats *q)
{
    begin(b, name);
    number(b, "depth", q->depth);
    number(b, "capacity", q->capacity);
    number(b, "high_water", q->high_water);
    number(b, "pushed", q->pushed);
    number(b, "full", q->full);
    end(b);
}

static void write_pools(struct fa_json_builder *b, const struct fa_server_stats *s)
{
    begin(b, "pools");
    for (size_t i = 0; i < s->pool_count; i++) {
        const struct fa_pool_stats *p = &s->pools[i].figures;
        begin(b, s->pools[i].name);
        number(b, "hits", p->hits);
        number(b, "misses", p->misses);
        number(b, "dropped", p->dropped);
        number(b, "size", p->size);
        number(b, "high_water", p->high_water);
        number(b, "limit", p->limit);
        end(b);
    }
    end(b);
}

static void write_latency(struct fa_json_builder *b, const struct fa_histogram_copy *h)
{
    begin(b, "latency");
    number(b, "count", h->count);
    number(b, "sum_us", h->sum);
    number(b, "max_us", h->max);
    number(b, "p50_us", fa_histogram_quantile(h, 500));
    number(b, "p95_us", fa_histogram_quantile(h, 950));
    number(b, "p99_us", fa_histogram_quantile(h, 990));
    key(b, "buckets");
    (void)fa_json_builder_begin_array(b);
    for (uint32_t i = 0; i < FA_HISTOGRAM_BUCKETS; i++) {
        bucket(b, fa_histogram_bound(i), h->buckets[i]);
    }
    (void)fa_json_builder_end_array(b);
    end(b);
}

static void write_tuner(struct fa_json_builder *b, const struct fa_server_stats *s)
{
    begin(b, "tuner");
    key(b, "on");
    (void)fa_json_builder_bool(b, s->adaptive);
    number(b, "ticks", s->tuner_ticks);
    number(b, "changes", s->tuner_changes);
    number(b, "trims", s->tuner_trims);
    number(b, "batch_size", s->batch_size);
    number(b, "spin_us", s->spin_us);
    number(b, "spins", s->spins);
    number(b, "spin_hits", s->spin_hits);
    end(b);
}

static void write_implementation(struct fa_json_builder *b, const struct fa_server_stats *s)
{
    begin(b, "implementation");
    text(b, "loop_queue", s->loop_queue.kind);
    text(b, "worker_queue", s->worker_queue.kind);
    text(b, "scanner", s->scanner);
    end(b);
}

fa_status fa_report_write(const struct fa_server_stats *stats, struct fa_writer *w)
{
    struct fa_json_builder b;
    fa_json_builder_init(&b, w);
    (void)fa_json_builder_begin_object(&b);
#define NUMBER(name) number(&b, #name, stats->name);
    FA_STATS_MAP(NUMBER)
    NUMBER(open_connections)
    NUMBER(tasks_live)
    NUMBER(body_bytes_held)
    NUMBER(worker_threads_total)
    NUMBER(worker_threads_idle)
#undef NUMBER
    write_executor(&b, stats);
    begin(&b, "queues");
    write_queue(&b, "loop", &stats->loop_queue);
    write_queue(&b, "worker", &stats->worker_queue);
    end(&b);
    write_pools(&b, stats);
    write_latency(&b, &stats->latency);
    write_tuner(&b, stats);
    write_implementation(&b, stats);
    (void)fa_json_builder_end_object(&b);
    return fa_json_builder_finish(&b);
}
