/* The buffer pool and its per-thread caches. */
#include "base/buffer_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "check.h"

static struct fa_pool_stats stats_of(struct fa_buffer_pool *pool)
{
    struct fa_pool_stats stats;
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

/* While four threads use the pool, this one reads its figures and moves its limit. */
TEST(many_threads)
{
    struct fa_buffer_pool pool;
    pthread_t threads[4];
    uint64_t total = 4 * 2 * (uint64_t)check_ops(20000), seen = 0;
    bool shrank = false;
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 16, true), FA_OK);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, churn, &pool), 0);
    for (uint32_t turn = 0; seen < total; turn++) {
        struct fa_pool_stats stats = stats_of(&pool);
        shrank = shrank || stats.hits + stats.misses < seen;
        seen = stats.hits + stats.misses;
        fa_buffer_pool_set_limit(&pool, 1 + turn % 16);
        CHECK(fa_buffer_pool_turn(&pool) <= 16);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(!shrank);
    CHECK_EQ_INT(stats_of(&pool).hits + stats_of(&pool).misses, total);
    CHECK(stats_of(&pool).size <= 16);
    CHECK_EQ_INT(fa_alloc_live(), stats_of(&pool).size);
    fa_buffer_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

/* Get and release in balance never reach the pool's list, yet it knows. */
TEST(hits_of_a_cache_in_balance_are_seen)
{
    struct fa_buffer_pool pool;
    struct fa_buffer_cache cache, other;
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 4, true), FA_OK);
    fa_buffer_cache_init(&cache, &pool);
    fa_buffer_cache_init(&other, &pool);
    for (int i = 0; i <= 1000; i++)
        fa_buffer_cache_release(&cache, fa_buffer_cache_get(&cache));
    fa_buffer_cache_release(&other, fa_buffer_cache_get(&other));
    CHECK_EQ_INT(stats_of(&pool).misses, 2);
    CHECK_EQ_INT(stats_of(&pool).hits, 1000);
    CHECK_EQ_INT(stats_of(&pool).size, 2); /* one in each cache */
    CHECK_EQ_INT(fa_buffer_pool_size(&pool), 0);
    CHECK_EQ_INT(stats_of(&pool).high_water, 2);
    fa_buffer_cache_deinit(&cache);
    CHECK_EQ_INT(stats_of(&pool).hits, 1000);
    fa_buffer_cache_release(&other, fa_buffer_cache_get(&other));
    CHECK_EQ_INT(stats_of(&pool).hits, 1001);
    fa_buffer_cache_deinit(&other);
    fa_buffer_pool_deinit(&pool);
}

TEST(a_lower_limit_frees_memory)
{
    struct fa_buffer_pool pool;
    struct fa_buffer *held[20];
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 20, true), FA_OK);
    for (int i = 0; i < 20; i++)
        held[i] = fa_buffer_pool_get(&pool);
    for (int i = 0; i < 20; i++)
        fa_buffer_release(held[i]);
    CHECK_EQ_INT(fa_alloc_live(), 20);
    (void)fa_buffer_pool_turn(&pool);
    CHECK_EQ_INT(fa_buffer_pool_turn(&pool), 20);
    held[0] = fa_buffer_pool_get(&pool);
    held[1] = fa_buffer_pool_get(&pool);
    fa_buffer_release(held[0]);
    CHECK_EQ_INT(fa_buffer_pool_turn(&pool), 18);
    fa_buffer_pool_set_limit(&pool, 5);
    CHECK_EQ_INT(fa_alloc_live(), 6);
    fa_buffer_release(held[1]); /* no room any more */
    CHECK_EQ_INT(fa_alloc_live(), 5);
    CHECK_EQ_INT(stats_of(&pool).dropped, 1);
    CHECK_EQ_INT(stats_of(&pool).limit, 5);
    fa_buffer_pool_set_limit(&pool, 0);
    CHECK_EQ_INT(fa_alloc_live(), 0);
    fa_buffer_pool_deinit(&pool);
}

/* What is out is out: no two holders of one buffer, whichever way it came back. */
TEST(no_buffer_is_handed_out_twice)
{
    enum { HELD = 80 };
    struct fa_buffer_pool pool;
    struct fa_buffer_cache cache;
    struct fa_buffer *held[HELD];
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 24, true), FA_OK);
    fa_buffer_cache_init(&cache, &pool);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < HELD; i++) {
            held[i] = i % 3 == 0 ? fa_buffer_pool_get(&pool) : fa_buffer_cache_get(&cache);
            held[i]->data[0] = (char)i;
        }
        int overwritten = 0;
        for (int i = 0; i < HELD; i++)
            overwritten += held[i]->data[0] != (char)i;
        CHECK_EQ_INT(overwritten, 0);
        for (int i = 0; i < HELD; i++) {
            if (i % 2 == 0) {
                fa_buffer_cache_release(&cache, held[i]);
            } else {
                fa_buffer_release(held[i]);
            }
        }
    }
    CHECK_EQ_INT(stats_of(&pool).high_water, 24 + FA_BUFFER_CACHE_MAX);
    fa_buffer_cache_deinit(&cache);
    fa_buffer_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

enum { TWICE_BY_CACHE, TWICE_BY_POOL, RETAIN_A_FREE_ONE };

/* Does a child that does this end by itself? Debug builds must stop it. */
static bool survives(int what)
{
    pid_t child = fork();
    if (child == 0) {
        struct fa_buffer_pool pool;
        struct fa_buffer_cache cache;
        (void)freopen("/dev/null", "w", stderr); /* what a sanitizer says of the trap */
        if (fa_buffer_pool_init(&pool, 64, 4, true) != FA_OK) _exit(0);
        fa_buffer_cache_init(&cache, &pool);
        struct fa_buffer *b = fa_buffer_cache_get(&cache);
        if (what == TWICE_BY_POOL) {
            fa_buffer_release(b);
            fa_buffer_release(b);
        } else {
            fa_buffer_cache_release(&cache, b);
            if (what == TWICE_BY_CACHE) fa_buffer_cache_release(&cache, b);
            if (what == RETAIN_A_FREE_ONE) fa_buffer_retain(b);
        }
        _exit(0);
    }
    int status = 0;
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(one_release_too_many_is_caught)
{
    CHECK(!survives(TWICE_BY_CACHE));
    CHECK(!survives(TWICE_BY_POOL));
    CHECK(!survives(RETAIN_A_FREE_ONE));
}

/* One thread gets, another releases, as a worker and the reactor do. */
struct ferry {
    struct fa_buffer_pool pool;
    _Atomic(struct fa_buffer *) slots[16];
    long total;
};

static void *get_and_send(void *arg)
{
    struct ferry *f = arg;
    struct fa_buffer_cache cache;
    fa_buffer_cache_init(&cache, &f->pool);
    for (long i = 0; i < f->total; i++) {
        struct fa_buffer *b = fa_buffer_cache_get(&cache);
        memcpy(b->data, &i, sizeof i);
        while (atomic_load_explicit(&f->slots[i % 16], memory_order_relaxed) != NULL)
            sched_yield();
        if (i % 2 == 0) fa_buffer_retain(b);
        atomic_store_explicit(&f->slots[i % 16], b, memory_order_release);
        if (i % 2 == 0) fa_buffer_cache_release(&cache, b); /* races with the other end's */
    }
    fa_buffer_cache_deinit(&cache);
    return NULL;
}

static long receive_and_release(struct ferry *f)
{
    struct fa_buffer_cache cache;
    long wrong = 0;
    fa_buffer_cache_init(&cache, &f->pool);
    for (long i = 0; i < f->total; i++) {
        struct fa_buffer *b;
        long got;
        while ((b = atomic_load_explicit(&f->slots[i % 16], memory_order_acquire)) == NULL)
            sched_yield();
        memcpy(&got, b->data, sizeof got);
        wrong += got != i;
        if (i % 3 == 0) {
            fa_buffer_release(b);
        } else {
            fa_buffer_cache_release(&cache, b);
        }
        atomic_store_explicit(&f->slots[i % 16], NULL, memory_order_relaxed);
    }
    fa_buffer_cache_deinit(&cache);
    return wrong;
}

TEST(got_here_released_there)
{
    static struct ferry f;
    pthread_t sender;
    struct fa_pool_stats stats;
    f.total = check_ops(40000);
    CHECK_EQ_INT(fa_buffer_pool_init(&f.pool, 64, 64, true), FA_OK);
    CHECK_EQ_INT(pthread_create(&sender, NULL, get_and_send, &f), 0);
    CHECK_EQ_INT(receive_and_release(&f), 0);
    pthread_join(sender, NULL);
    stats = stats_of(&f.pool);
    CHECK_EQ_INT(stats.hits + stats.misses, f.total);
    CHECK_EQ_INT(fa_alloc_live(), stats.size); /* every one came back or was freed */
    fa_buffer_pool_deinit(&f.pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

/* Each holder writes before it lets go; the last one reuses the buffer at once. The
 * race detector sees it if that release did not order the others' writes before. */
struct holder {
    struct fa_buffer_pool *pool;
    struct fa_buffer *shared;
    size_t index;
};

static void *write_and_let_go(void *arg)
{
    struct holder *h = arg;
    struct fa_buffer_cache cache;
    fa_buffer_cache_init(&cache, h->pool);
    h->shared->data[h->index] = 1;
    fa_buffer_cache_release(&cache, h->shared);
    if (cache.count > 0) { /* this was the last one */
        struct fa_buffer *b = fa_buffer_cache_get(&cache);
        memset(b->data, 0, b->capacity);
        fa_buffer_cache_release(&cache, b);
    }
    fa_buffer_cache_deinit(&cache);
    return NULL;
}

TEST(the_last_release_sees_all_writes)
{
    struct fa_buffer_pool pool;
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 64, 4, true), FA_OK);
    for (int round = 0; round < 50; round++) {
        struct fa_buffer *shared = fa_buffer_pool_get(&pool);
        struct holder holders[2];
        pthread_t threads[2];
        fa_buffer_retain(shared);
        for (size_t i = 0; i < 2; i++) {
            holders[i] = (struct holder){&pool, shared, i};
            CHECK_EQ_INT(pthread_create(&threads[i], NULL, write_and_let_go, &holders[i]), 0);
        }
        for (size_t i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
    }
    CHECK_EQ_INT(stats_of(&pool).misses, 1);
    fa_buffer_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

int main(void)
{
    RUN(reuse_and_counters);
    RUN(switched_off_nothing_is_kept);
    RUN(a_cache_spills_and_refills);
    RUN(bad_arguments_and_no_memory);
    RUN(hits_of_a_cache_in_balance_are_seen);
    RUN(a_lower_limit_frees_memory);
    RUN(no_buffer_is_handed_out_twice);
    RUN(one_release_too_many_is_caught);
    RUN(many_threads);
    RUN(got_here_released_there);
    RUN(the_last_release_sees_all_writes);
    return CHECK_END();
}
