#include "base/buffer_pool.h"

#include "base/alloc.h"

/* Buffers that move between a cache and the shared list at a time. */
enum { BATCH = FA_BUFFER_CACHE_MAX / 2 };

fa_status fa_buffer_pool_init(
    struct fa_buffer_pool *pool, size_t buffer_size, size_t max_count, bool enabled)
{
    if (buffer_size == 0 || buffer_size > UINT32_MAX || max_count > UINT32_MAX)
        return FA_ERR_INVALID;
    *pool = (struct fa_buffer_pool){
        .buffer_size = (uint32_t)buffer_size, .limit = enabled ? max_count : 0};
    return pthread_mutex_init(&pool->lock, NULL) == 0 ? FA_OK : FA_ERR_IO;
}

static void free_list(struct fa_buffer *b)
{
    while (b != NULL) {
        struct fa_buffer *next = b->next;
        fa_free(b);
        b = next;
    }
}

void fa_buffer_pool_deinit(struct fa_buffer_pool *pool)
{
    FA_ASSERT(pool->caches == NULL);
    free_list(pool->free);
    pool->free = NULL;
    pool->count = 0;
    (void)pthread_mutex_destroy(&pool->lock);
}

/* ---- the list, its lock held ---- */

static struct fa_buffer *pop_locked(struct fa_buffer_pool *pool)
{
    struct fa_buffer *b = pool->free;
    if (b != NULL) {
        pool->free = b->next;
        pool->count--;
        if (pool->count < pool->low) pool->low = pool->count;
    }
    return b;
}

/* False: the list is full, the caller frees the buffer outside of the lock. */
static bool push_locked(struct fa_buffer_pool *pool, struct fa_buffer *b)
{
    if (pool->count >= fa_stats_read(&pool->limit)) return false;
    b->next = pool->free;
    pool->free = b;
    pool->count++;
    if (pool->count > pool->high_water) pool->high_water = pool->count;
    return true;
}

/* ---- the pool ---- */

static struct fa_buffer *renewed(struct fa_buffer *b)
{
    atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
    b->len = 0;
    b->next = NULL;
    return b;
}

static struct fa_buffer *miss(struct fa_buffer_pool *pool)
{
    FA_STATS_ADD(pool, misses, 1);
    struct fa_buffer *b = fa_buffer_new(pool->buffer_size);
    if (b != NULL && fa_stats_read(&pool->limit) > 0) b->pool = pool;
    return b;
}

struct fa_buffer *fa_buffer_pool_get(struct fa_buffer_pool *pool)
{
    struct fa_buffer *b = NULL;
    if (fa_stats_read(&pool->limit) > 0) {
        pthread_mutex_lock(&pool->lock);
        b = pop_locked(pool);
        pool->hits += b != NULL;
        pthread_mutex_unlock(&pool->lock);
    }
    return b == NULL ? miss(pool) : renewed(b);
}

void fa_buffer_pool_put(struct fa_buffer_pool *pool, struct fa_buffer *b)
{
    pthread_mutex_lock(&pool->lock);
    bool kept = push_locked(pool, b);
    pthread_mutex_unlock(&pool->lock);
    if (kept) return;
    FA_STATS_ADD(pool, dropped, 1);
    fa_free(b);
}

void fa_buffer_pool_set_limit(struct fa_buffer_pool *pool, uint32_t limit)
{
    struct fa_buffer *surplus = NULL, *b;
    pthread_mutex_lock(&pool->lock);
    atomic_store_explicit(&pool->limit, limit, memory_order_relaxed);
    while (pool->count > limit && (b = pop_locked(pool)) != NULL) {
        b->next = surplus;
        surplus = b;
    }
    pthread_mutex_unlock(&pool->lock);
    free_list(surplus);
}

uint32_t fa_buffer_pool_turn(struct fa_buffer_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t low = pool->low;
    pool->low = pool->count;
    pthread_mutex_unlock(&pool->lock);
    return low;
}

uint32_t fa_buffer_pool_size(struct fa_buffer_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t count = pool->count;
    pthread_mutex_unlock(&pool->lock);
    return count;
}

void fa_buffer_pool_stats(struct fa_buffer_pool *pool, struct fa_pool_stats *out)
{
    pthread_mutex_lock(&pool->lock);
    out->size = pool->count;
    out->hits = pool->hits;
    for (const struct fa_buffer_cache *cache = pool->caches; cache != NULL; cache = cache->next) {
        out->size += fa_stats_read(&cache->count);
        out->hits += fa_stats_read(&cache->hits);
    }
    if (out->size > pool->high_water) pool->high_water = (uint32_t)out->size;
    out->high_water = pool->high_water;
    pthread_mutex_unlock(&pool->lock);
    out->misses = fa_stats_read(&pool->misses);
    out->dropped = fa_stats_read(&pool->dropped);
    out->limit = fa_stats_read(&pool->limit);
}

/* ---- caches ---- */

void fa_buffer_cache_init(struct fa_buffer_cache *cache, struct fa_buffer_pool *pool)
{
    *cache = (struct fa_buffer_cache){.pool = pool, .link = &pool->caches};
    pthread_mutex_lock(&pool->lock);
    cache->next = pool->caches;
    if (cache->next != NULL) cache->next->link = &cache->next;
    pool->caches = cache;
    pthread_mutex_unlock(&pool->lock);
}

void fa_buffer_cache_deinit(struct fa_buffer_cache *cache)
{
    struct fa_buffer_pool *pool = cache->pool;
    uint64_t count = fa_stats_read(&cache->count);
    atomic_store_explicit(&cache->count, 0, memory_order_relaxed);
    while (count > 0)
        fa_buffer_pool_put(pool, cache->items[--count]);
    pthread_mutex_lock(&pool->lock);
    pool->hits += fa_stats_read(&cache->hits);
    *cache->link = cache->next;
    if (cache->next != NULL) cache->next->link = cache->link;
    pthread_mutex_unlock(&pool->lock);
}

struct fa_buffer *fa_buffer_cache_get_slow(struct fa_buffer_cache *cache)
{
    struct fa_buffer_pool *pool = cache->pool;
    uint64_t count = 0;
    if (fa_stats_read(&pool->limit) > 0) {
        struct fa_buffer *b;
        pthread_mutex_lock(&pool->lock);
        while (count < BATCH && (b = pop_locked(pool)) != NULL)
            cache->items[count++] = b;
        pthread_mutex_unlock(&pool->lock);
    }
    if (count == 0) return miss(pool);
    atomic_store_explicit(&cache->count, --count, memory_order_relaxed);
    fa_stats_bump(&cache->hits, 1);
    return renewed(cache->items[count]);
}

void fa_buffer_cache_spill(struct fa_buffer_cache *cache, struct fa_buffer *b)
{
    struct fa_buffer_pool *pool = cache->pool;
    if (b->pool == NULL) {
        fa_free(b);
        return;
    }
    fa_buffer_pool_put(b->pool, b);
    uint64_t count = fa_stats_read(&cache->count);
    if (count < FA_BUFFER_CACHE_MAX) return;
    pthread_mutex_lock(&pool->lock);
    while (count > BATCH && push_locked(pool, cache->items[count - 1]))
        count--;
    atomic_store_explicit(&cache->count, count, memory_order_relaxed);
    pthread_mutex_unlock(&pool->lock);
}
