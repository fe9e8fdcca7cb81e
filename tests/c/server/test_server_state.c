/* Each switch of the option table reaches the thing it selects. */
#include "server/server_state.h"

#include "base/alloc.h"
#include "check.h"

static struct fa_server *server_with(const char *option, double value)
{
    struct fa_config config;
    struct fa_server *s = NULL;
    fa_config_defaults(&config);
    if (option != NULL) CHECK_EQ_INT(fa_config_set(&config, option, value), FA_OK);
    CHECK_EQ_INT(fa_server_new(&config, NULL, NULL, &s), FA_OK);
    return s;
}

TEST(lock_free_queue)
{
    struct fa_server *on = server_with(NULL, 0), *off = server_with("lock_free_queue", 0);
    CHECK_EQ_INT(on->loop_queue.kind, FA_QUEUE_SPSC);
    CHECK_EQ_INT(on->worker_queue.kind, FA_QUEUE_MPMC);
    CHECK_EQ_INT(off->loop_queue.kind, FA_QUEUE_LOCKED);
    CHECK_EQ_INT(off->worker_queue.kind, FA_QUEUE_LOCKED);
    struct fa_server_stats with, without;
    fa_server_stats(on, &with);
    fa_server_stats(off, &without);
    CHECK_EQ_STR(with.loop_queue.kind, "spsc");
    CHECK_EQ_STR(with.worker_queue.kind, "mpmc");
    CHECK_EQ_STR(without.loop_queue.kind, "locked");
    CHECK_EQ_STR(without.worker_queue.kind, "locked");
    fa_server_free(on);
    fa_server_free(off);
}

TEST(object_pools)
{
    struct fa_server *on = server_with(NULL, 0), *off = server_with("object_pools", 0);
    CHECK(on->pool.limit > 0 && on->reactor.tasks.counters.limit > 0);
    CHECK_EQ_INT(off->pool.limit, 0);
    CHECK_EQ_INT(off->reactor.tasks.counters.limit, 0);
    fa_server_free(on);
    fa_server_free(off);
}

TEST(simd)
{
    struct fa_server *on = server_with(NULL, 0), *off = server_with("simd", 0);
    CHECK(on->reactor.parser.scan == fa_http_scan_select(true));
    CHECK_EQ_STR(off->reactor.parser.scan->name, "plain");
    fa_server_free(on);
    fa_server_free(off);
}

TEST(sizes)
{
    struct fa_server *s = server_with("queue_size", 300);
    CHECK_EQ_INT(fa_queue_capacity(&s->loop_queue), 512);
    CHECK_EQ_INT(fa_queue_capacity(&s->worker_queue), 512);
    fa_server_free(s);
    s = server_with("buffer_size", 4096);
    CHECK_EQ_INT(s->pool.buffer_size, 4096);
    fa_server_free(s);
    s = server_with("buffer_pool_size", 7);
    CHECK_EQ_INT(s->pool.limit, 7);
    fa_server_free(s);
    s = server_with("worker_threads", 3);
    CHECK_EQ_INT(atomic_load(&s->workers.tokens.total), 3);
    fa_server_free(s);
    s = server_with("max_header_count", 9);
    CHECK_EQ_INT(s->reactor.parser.limits.header_count, 9);
    fa_server_free(s);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

int main(void)
{
    RUN(lock_free_queue);
    RUN(object_pools);
    RUN(simd);
    RUN(sizes);
    return CHECK_END();
}
