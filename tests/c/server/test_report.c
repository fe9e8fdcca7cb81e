/* The statistics as JSON text. */
#include "check.h"

#include "base/alloc.h"
#include "server/report.h"

static char *report_of(const struct fa_server_stats *stats)
{
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 16), FA_OK);
    CHECK_EQ_INT(fa_report_write(stats, &w), FA_OK);
    struct fa_buffer *b = fa_writer_detach(&w);
    char *text = calloc(1, b->len + 1);
    CHECK(text != NULL);
    memcpy(text, b->data, b->len);
    fa_buffer_release(b);
    return text;
}

static bool says(const char *text, const char *part)
{
    bool found = strstr(text, part) != NULL;
    if (!found) {
        fprintf(stderr, "no %s in %s\n", part, text);
    }
    return found;
}

static struct fa_server_stats example(void)
{
    struct fa_server_stats s = {.requests = 12,
        .tasks_completed = 11,
        .tasks_failed = 2,
        .loop_queue = {.kind = "spsc", .depth = 3, .capacity = 16, .high_water = 5, .full = 1},
        .worker_queue = {.kind = "locked", .depth = 4, .pushed = 6},
        .loop = {.tasks = 7, .run_ns = 1500000000, .batches = 4, .wait_max_ns = 250},
        .workers = {.run_ns = 500000000, .attaches = 8},
        .pools = {{.name = "buffers", .figures = {.hits = 1, .misses = 2, .limit = 64}}},
        .pool_count = 1,
        .latency = {.count = 2, .sum = 30, .max = 20},
        .adaptive = true,
        .batch_size = 31,
        .scanner = "plain"};
    s.loop.sizes[0] = 3;
    s.loop.sizes[4] = 1;
    s.latency.buckets[10] = 1;
    s.latency.buckets[fa_histogram_bucket(20)] = 1;
    return s;
}

TEST(every_part_is_told)
{
    struct fa_server_stats s = example();
    char *text = report_of(&s);
    CHECK(text[0] == '{');
    CHECK(says(text, "\"requests\":12,"));
    CHECK(says(text, "\"executor\":{\"queued_tasks\":7,\"completed\":11,\"failed\":2,"));
    CHECK(says(text, "\"total_task_time\":2.0,"));
    CHECK(says(text, "\"batch_sizes\":[[1,3],[16,1]]"));
    CHECK(says(text, "\"queue_wait_max\":2.5e-07"));
    CHECK(says(text, "\"loop\":{\"depth\":3,\"capacity\":16,\"high_water\":5,\"pushed\":0,"));
    CHECK(says(text, "\"pools\":{\"buffers\":{\"hits\":1,\"misses\":2,\"dropped\":0,"));
    CHECK(says(text, "\"latency\":{\"count\":2,\"sum_us\":30,\"max_us\":20,\"p50_us\":11,"));
    CHECK(says(text, "\"buckets\":[[11,1],[22,1]]"));
    CHECK(says(
        text, "\"tuner\":{\"on\":true,\"ticks\":0,\"changes\":0,\"trims\":0,\"batch_size\":31,"));
    CHECK(says(text, "\"worker_queue\":\"locked\""));
    CHECK(says(text, "\"scanner\":\"plain\""));
    free(text);
}

TEST(no_memory)
{
    struct fa_server_stats s = example();
    uint64_t live = fa_alloc_live();
    fa_status st = FA_ERR_NOMEM;
    for (uint64_t n = 1; st != FA_OK && n < 20; n++) {
        struct fa_writer w;
        CHECK_EQ_INT(fa_writer_init(&w, NULL, 16), FA_OK);
        fa_alloc_fail_at(n);
        st = fa_report_write(&s, &w);
        fa_alloc_fail_at(0);
        CHECK(st == FA_OK || (st == FA_ERR_NOMEM && n < 19));
        struct fa_buffer *b = fa_writer_detach(&w);
        if (b != NULL) {
            fa_buffer_release(b);
        }
        CHECK_EQ_INT(fa_alloc_live(), live);
    }
    CHECK_EQ_INT(st, FA_OK);
}

int main(void)
{
    RUN(every_part_is_told);
    RUN(no_memory);
    return CHECK_END();
}
