/*
 * spsc_queue.h - bounded ring for one producer and one consumer.
 *
 * The producer remembers how far the consumer was and reads head only when it has come
 * that far. The consumer looks at tail each time: a copy of its own would be one more
 * store, which costs more than it saves, and try_pop_many looks once for a whole batch.
 */
#ifndef FA_QUEUE_SPSC_QUEUE_H
#define FA_QUEUE_SPSC_QUEUE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/base.h"
#include "base/status.h"

#define FA_SPSC_QUEUE_MAX ((size_t)1 << (sizeof(size_t) > 4 ? 31 : 27)) /* its bytes fit */

struct fa_spsc_queue {
    void **slots;
    size_t mask;
    FA_ALIGNED(FA_CACHELINE) atomic_size_t tail; /* written by the producer */
    size_t full_at; /* producer's: the tail at which the ring is full, by the last head it saw */
    FA_ALIGNED(FA_CACHELINE) atomic_size_t head; /* written by the consumer */
};

FA_STATIC_ASSERT(
    offsetof(struct fa_spsc_queue, head) - offsetof(struct fa_spsc_queue, tail) >= FA_CACHELINE,
    "producer and consumer share no cache line");
FA_STATIC_ASSERT(offsetof(struct fa_spsc_queue, tail) >= FA_CACHELINE,
    "what both sides only read shares no cache line with what one of them writes");

/*
 * fa_spsc_queue_init - an empty queue; capacity is rounded up to a power of two, at least 2.
 *
 * Errors: FA_ERR_INVALID for 0 or more than FA_SPSC_QUEUE_MAX, FA_ERR_NOMEM.
 */
FA_NODISCARD static inline fa_status fa_spsc_queue_init(struct fa_spsc_queue *q, size_t capacity)
{
    size_t size = 2;
    if (capacity == 0 || capacity > FA_SPSC_QUEUE_MAX) return FA_ERR_INVALID;
    while (size < capacity)
        size *= 2;
    q->slots = fa_alloc_zero(size * sizeof *q->slots);
    if (q->slots == NULL) return FA_ERR_NOMEM;
    q->mask = size - 1;
    atomic_init(&q->head, 0);
    atomic_init(&q->tail, 0);
    q->full_at = size;
    return FA_OK;
}

/*
 * fa_spsc_queue_deinit - free the ring; items still in it are the caller's loss.
 */
static inline void fa_spsc_queue_deinit(struct fa_spsc_queue *q)
{
    fa_free(q->slots);
    q->slots = NULL;
}

/*
 * fa_spsc_queue_try_push - offer one item.
 *
 * Ownership: on FA_OK the queue holds `item` until it is popped; on FA_AGAIN
 *            (full) the caller still does.
 * Threads:   the one producer. Wait-free.
 * Errors:    FA_AGAIN when full. Nothing else.
 * Memory:    release store of tail pairs with the acquire load of tail in
 *            fa_spsc_queue_try_pop: who sees the position sees the item. The
 *            acquire load of head pairs with the release store of head there:
 *            a slot is written again only after its item has been read.
 */
FA_NODISCARD static inline fa_status fa_spsc_queue_try_push(struct fa_spsc_queue *q, void *item)
{
    size_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    if (FA_UNLIKELY(tail == q->full_at)) {
        size_t full_at = atomic_load_explicit(&q->head, memory_order_acquire) + q->mask + 1;
        if (tail == full_at) return FA_AGAIN;
        q->full_at = full_at;
    }
    q->slots[tail & q->mask] = item;
    atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
    return FA_OK;
}

/*
 * fa_spsc_queue_try_pop - take the oldest item, or FA_AGAIN when empty.
 *
 * Ownership: the item is the caller's.
 * Threads:   the one consumer. Wait-free.
 * Errors:    FA_AGAIN when empty. Nothing else.
 * Memory:    release store of head pairs with the acquire load of head in
 *            fa_spsc_queue_try_push; the acquire load of tail with its release
 *            store there.
 */
FA_NODISCARD static inline fa_status fa_spsc_queue_try_pop(struct fa_spsc_queue *q, void **item)
{
    size_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    if (head == atomic_load_explicit(&q->tail, memory_order_acquire)) return FA_AGAIN;
    *item = q->slots[head & q->mask];
    atomic_store_explicit(&q->head, head + 1, memory_order_release);
    return FA_OK;
}

/*
 * fa_spsc_queue_try_pop_many - take the oldest items, up to `max`; returns how
 * many, 0 when empty.
 *
 * Ownership, Threads, Memory: as fa_spsc_queue_try_pop, with one look at tail and
 * one store of head for all of them.
 */
static inline size_t fa_spsc_queue_try_pop_many(struct fa_spsc_queue *q, void **items, size_t max)
{
    size_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&q->tail, memory_order_acquire);
    size_t n = fa_min_size(tail - head, max);
    if (n == 0) return 0;
    for (size_t i = 0; i < n; i++)
        items[i] = q->slots[(head + i) & q->mask];
    atomic_store_explicit(&q->head, head + n, memory_order_release);
    return n;
}

/*
 * fa_spsc_queue_size - items in the queue: exact for either end, a moment's
 * truth for others. Head is read first, so the difference is never negative.
 *
 * Memory: seq_cst loads, so that it can stand between announcing sleep and
 *         sleeping (see base/wakeup.h).
 */
static inline size_t fa_spsc_queue_size(const struct fa_spsc_queue *q)
{
    size_t head = atomic_load_explicit(&q->head, memory_order_seq_cst);
    size_t tail = atomic_load_explicit(&q->tail, memory_order_seq_cst);
    return fa_min_size(tail - head, q->mask + 1);
}

/*
 * fa_spsc_queue_capacity - how many items fit.
 */
static inline size_t fa_spsc_queue_capacity(const struct fa_spsc_queue *q)
{
    return q->mask + 1;
}

/*
 * fa_spsc_queue_peek - the n-th oldest item, without taking it; NULL when there are fewer.
 *
 * Threads: nobody may push or pop meanwhile.
 */
static inline void *fa_spsc_queue_peek(const struct fa_spsc_queue *q, size_t n)
{
    size_t head = atomic_load_explicit(&q->head, memory_order_acquire);
    return n < fa_spsc_queue_size(q) ? q->slots[(head + n) & q->mask] : NULL;
}

#endif
