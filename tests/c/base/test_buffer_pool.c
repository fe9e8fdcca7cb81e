/* The buffer pool and its per-thread caches. */
#include "base/buffer_pool.h"

#include <pthread.h>

#include "base/alloc.h"
#include "check.h"

static struct fa_buffer_pool_stats stats_of(struct fa_buffer_pool *pool)
{
    struct fa_buffer_pool_stats stats;
    fa_buffer_pool_stats(pool, &stats);
    return stats;
}

TEST(reuse_and_counters)
{
    struct fa_buffer_pool pool;
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 512, 2, true), FA_OK);
    struct fa_buffer *a = fa_buffer_pool_get(&pool), *b = fa_buffer_pool_get(&pool);
    struct fa_buffer *c = fa_buffer_pool_get(&pool);
    CHECK_EQ_INT(stats_of(&pool).misses, 3);
    a->len = 7;
    fa_buffer_release(a);
    fa_buffer_release(b);
    fa_buffer_release(c); /* the pool holds two */
    CHECK_EQ_INT(stats_of(&pool).size, 2);
    CHECK_EQ_INT(stats_of(&pool).high_water, 2);
    struct fa_buffer *again = fa_buffer_pool_get(&pool);
    CHECK_EQ_INT(again->len, 0);
    CHECK_EQ_INT(again->capacity, 512);
    CHECK_EQ_INT(stats_of(&pool).hits, 1);
    fa_buffer_release(again);
    fa_buffer_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(switched_off_nothing_is_kept)
{
    struct fa_buffer_pool pool;
    struct fa_buffer_cache cache;
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 512, 100, false), FA_OK);
    fa_buffer_cache_init(&cache, &pool);
    for (int i = 0; i < 5; i++)
        fa_buffer_cache_release(&cache, fa_buffer_cache_get(&cache));
    for (int i = 0; i < 5; i++)
        fa_buffer_release(fa_buffer_pool_get(&pool));
    CHECK_EQ_INT(stats_of(&pool).hits, 0);
    CHECK_EQ_INT(stats_of(&pool).misses, 10);
    CHECK_EQ_INT(fa_alloc_live(), 0);
    fa_buffer_cache_deinit(&cache);
    fa_buffer_pool_deinit(&pool);
}

TEST(a_cache_spills_and_refills)
{
    struct fa_buffer_pool pool;
    struct fa_buffer_cache cache;
    struct fa_buffer *held[3 * FA_BUFFER_CACHE_MAX];
    size_t n = sizeof held / sizeof held[0];
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 1000, true), FA_OK);
    fa_buffer_cache_init(&cache, &pool);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < n; i++)
            held[i] = fa_buffer_cache_get(&cache);
        for (size_t i = 0; i < n; i++)
            fa_buffer_cache_release(&cache, held[i]);
    }
    CHECK_EQ_INT(stats_of(&pool).misses, n); /* only the first round allocated */
    CHECK_EQ_INT(fa_alloc_live(), n);
    struct fa_buffer *shared = fa_buffer_cache_get(&cache);
    fa_buffer_retain(shared);
    fa_buffer_cache_release(&cache, shared); /* not the last one */
    CHECK_EQ_INT(atomic_load(&shared->refs), 1);
    fa_buffer_cache_release(&cache, shared);
    struct fa_buffer *heap = fa_buffer_new(64); /* not the pool's */
    fa_buffer_cache_release(&cache, heap);
    fa_buffer_cache_deinit(&cache);
    CHECK_EQ_INT(stats_of(&pool).hits, 2 * n + 1);
    fa_buffer_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(bad_arguments_and_no_memory)
{
    struct fa_buffer_pool pool;
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 0, 1, true), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, (size_t)1 << 40, 1, true), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 1, true), FA_OK);
    struct fa_buffer_cache cache;
    fa_buffer_cache_init(&cache, &pool);
    fa_alloc_fail_at(1);
    CHECK(fa_buffer_pool_get(&pool) == NULL);
    fa_alloc_fail_at(1);
    CHECK(fa_buffer_cache_get(&cache) == NULL);
    fa_buffer_cache_deinit(&cache);
    fa_buffer_pool_deinit(&pool);
}

static void *churn(void *arg)
{
    struct fa_buffer_pool *pool = arg;
    struct fa_buffer_cache cache;
    fa_buffer_cache_init(&cache, pool);
    for (long i = 0; i < check_ops(20000); i++) {
        struct fa_buffer *a = fa_buffer_cache_get(&cache), *b = fa_buffer_pool_get(pool);
        a->data[0] = (char)i;
        b->data[0] = (char)i;
        fa_buffer_release(a); /* crosswise: one through the pool, one through the cache */
        fa_buffer_cache_release(&cache, b);
    }
    fa_buffer_cache_deinit(&cache);
    return NULL;
}

TEST(many_threads)
{
    struct fa_buffer_pool pool;
    pthread_t threads[4];
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 16, true), FA_OK);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, churn, &pool), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(stats_of(&pool).size <= 16);
    CHECK_EQ_INT(fa_alloc_live(), stats_of(&pool).size);
    fa_buffer_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

int main(void)
{
    RUN(reuse_and_counters);
    RUN(switched_off_nothing_is_kept);
    RUN(a_cache_spills_and_refills);
    RUN(bad_arguments_and_no_memory);
    RUN(many_threads);
    return CHECK_END();
}
