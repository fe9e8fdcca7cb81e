#include "base/buffer_pool.h"

#include "base/alloc.h"

/* Buffers that move between a cache and the shared list at a time. */
enum { BATCH = FA_BUFFER_CACHE_MAX / 2 };

fa_status fa_buffer_pool_init(
    struct fa_buffer_pool *pool, size_t buffer_size, size_t max_count, bool enabled)
{
    if (buffer_size == 0 || buffer_size > UINT32_MAX || max_count > UINT32_MAX)
        return FA_ERR_INVALID;
    pool->buffer_size = (uint32_t)buffer_size;
    pool->max = enabled ? (uint32_t)max_count : 0;
    pool->free = NULL;
    pool->count = 0;
    pool->high_water = 0;
    atomic_init(&pool->hits, 0);
    atomic_init(&pool->misses, 0);
    return pthread_mutex_init(&pool->lock, NULL) == 0 ? FA_OK : FA_ERR_IO;
}

void fa_buffer_pool_deinit(struct fa_buffer_pool *pool)
{
    while (pool->free != NULL) {
        struct fa_buffer *next = pool->free->next;
        fa_free(pool->free);
        pool->free = next;
    }
    pool->count = 0;
    (void)pthread_mutex_destroy(&pool->lock);
}

static struct fa_buffer *pop_locked(struct fa_buffer_pool *pool)
{
    struct fa_buffer *b = pool->free;
    if (b != NULL) {
        pool->free = b->next;
        pool->count--;
    }
    return b;
}

static struct fa_buffer *renewed(struct fa_buffer *b)
{
    atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
    b->len = 0;
    b->next = NULL;
    return b;
}

static struct fa_buffer *miss(struct fa_buffer_pool *pool)
{
    atomic_fetch_add_explicit(&pool->misses, 1, memory_order_relaxed);
    struct fa_buffer *b = fa_buffer_new(pool->buffer_size);
    if (b != NULL && pool->max > 0) b->pool = pool;
    return b;
}

struct fa_buffer *fa_buffer_pool_get(struct fa_buffer_pool *pool)
{
    struct fa_buffer *b = NULL;
    if (pool->max > 0) {
        pthread_mutex_lock(&pool->lock);
        b = pop_locked(pool);
        pthread_mutex_unlock(&pool->lock);
    }
    if (b == NULL) return miss(pool);
    atomic_fetch_add_explicit(&pool->hits, 1, memory_order_relaxed);
    return renewed(b);
}

/* False: the list is full, the caller frees the buffer outside of the lock. */
static bool push_locked(struct fa_buffer_pool *pool, struct fa_buffer *b)
{
    if (pool->count >= pool->max) return false;
    b->next = pool->free;
    pool->free = b;
    pool->count++;
    if (pool->count > pool->high_water) pool->high_water = pool->count;
    return true;
}

void fa_buffer_pool_put(struct fa_buffer_pool *pool, struct fa_buffer *b)
{
    pthread_mutex_lock(&pool->lock);
    bool kept = push_locked(pool, b);
    pthread_mutex_unlock(&pool->lock);
    if (!kept) fa_free(b);
}

void fa_buffer_pool_stats(struct fa_buffer_pool *pool, struct fa_buffer_pool_stats *out)
{
    pthread_mutex_lock(&pool->lock);
    out->size = pool->count;
    out->high_water = pool->high_water;
    pthread_mutex_unlock(&pool->lock);
    out->hits = atomic_load_explicit(&pool->hits, memory_order_relaxed);
    out->misses = atomic_load_explicit(&pool->misses, memory_order_relaxed);
}

void fa_buffer_cache_init(struct fa_buffer_cache *cache, struct fa_buffer_pool *pool)
{
    cache->pool = pool;
    cache->count = 0;
    cache->hits = 0;
}

static void report_hits(struct fa_buffer_cache *cache)
{
    atomic_fetch_add_explicit(&cache->pool->hits, cache->hits, memory_order_relaxed);
    cache->hits = 0;
}

void fa_buffer_cache_deinit(struct fa_buffer_cache *cache)
{
    report_hits(cache);
    while (cache->count > 0)
        fa_buffer_pool_put(cache->pool, cache->items[--cache->count]);
}

struct fa_buffer *fa_buffer_cache_get_slow(struct fa_buffer_cache *cache)
{
    struct fa_buffer_pool *pool = cache->pool;
    report_hits(cache);
    if (cache->count == 0 && pool->max > 0) {
        pthread_mutex_lock(&pool->lock);
        while (cache->count < BATCH) {
            struct fa_buffer *b = pop_locked(pool);
            if (b == NULL) break;
            cache->items[cache->count++] = b;
        }
        pthread_mutex_unlock(&pool->lock);
    }
    if (cache->count == 0) return miss(pool);
    cache->hits++;
    return renewed(cache->items[--cache->count]);
}

void fa_buffer_cache_spill(struct fa_buffer_cache *cache, struct fa_buffer *b)
{
    struct fa_buffer_pool *pool = cache->pool;
    report_hits(cache);
    if (b->pool == NULL) {
        fa_free(b);
        return;
    }
    fa_buffer_pool_put(b->pool, b);
    if (cache->count < FA_BUFFER_CACHE_MAX) return;
    pthread_mutex_lock(&pool->lock);
    while (cache->count > BATCH && push_locked(pool, cache->items[cache->count - 1]))
        cache->count--;
    pthread_mutex_unlock(&pool->lock);
}
