/*
 * mpmc_queue.h - Dmitry Vyukov's bounded queue for many producers and consumers.
 *
 * Each slot carries a sequence number that says whose turn it is: position p
 * may be written when it is p, read when it is p + 1, and written again one lap
 * later. Capacity is at least 2: with a single slot both states would be equal.
 *
 * Only the sequence numbers publish. The compare-exchanges of tail and head are
 * relaxed: they say who got a position, not what lies in its slot.
 *
 * What comes in and out is first in, first out. Two answers are weaker than those
 * of a queue under one lock, because nobody waits for a thread that was stopped
 * half-way:
 *   "empty" - nothing is inside, or the push of the oldest item is under way;
 *   "full"  - no slot is free, or the pop that frees the next one is under way.
 * With one producer "empty" is exact, with one consumer "full" is.
 * tests/c/queue/test_linear.c checks recorded histories against this.
 */
#ifndef FA_QUEUE_MPMC_QUEUE_H
#define FA_QUEUE_MPMC_QUEUE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/base.h"
#include "base/status.h"

#define FA_MPMC_QUEUE_MAX ((size_t)1 << (sizeof(size_t) > 4 ? 31 : 27)) /* its bytes fit */

struct fa_mpmc_slot {
    atomic_size_t sequence;
    void *item;
};

struct fa_mpmc_queue {
    struct fa_mpmc_slot *slots;
    size_t mask;
    FA_ALIGNED(FA_CACHELINE) atomic_size_t tail; /* next position to write */
    FA_ALIGNED(FA_CACHELINE) atomic_size_t head; /* next position to read */
};

FA_STATIC_ASSERT(
    offsetof(struct fa_mpmc_queue, head) - offsetof(struct fa_mpmc_queue, tail) >= FA_CACHELINE,
    "producers and consumers share no cache line");
FA_STATIC_ASSERT(offsetof(struct fa_mpmc_queue, tail) >= FA_CACHELINE,
    "what all only read shares no cache line with what some of them write");

/*
 * fa_mpmc_queue_init - an empty queue; capacity is rounded up to a power of two, at least 2.
 *
 * Errors: FA_ERR_INVALID for 0 or more than FA_MPMC_QUEUE_MAX, FA_ERR_NOMEM.
 */
FA_NODISCARD static inline fa_status fa_mpmc_queue_init(struct fa_mpmc_queue *q, size_t capacity)
{
    size_t size = 2;
    if (capacity == 0 || capacity > FA_MPMC_QUEUE_MAX) return FA_ERR_INVALID;
    while (size < capacity)
        size *= 2;
    q->slots = fa_alloc_zero(size * sizeof *q->slots);
    if (q->slots == NULL) return FA_ERR_NOMEM;
    for (size_t i = 0; i < size; i++)
        atomic_init(&q->slots[i].sequence, i);
    q->mask = size - 1;
    atomic_init(&q->head, 0);
    atomic_init(&q->tail, 0);
    return FA_OK;
}

/*
 * fa_mpmc_queue_deinit - free the ring; items still in it are the caller's loss.
 */
static inline void fa_mpmc_queue_deinit(struct fa_mpmc_queue *q)
{
    fa_free(q->slots);
    q->slots = NULL;
}

/*
 * fa_mpmc_queue_try_push - offer one item to the consumers.
 *
 * Ownership: on FA_OK the queue owns `item` until a pop returns it; on
 *            FA_AGAIN the caller still owns it (nothing was written).
 * Threads:   any number of producers and consumers; never waits. Not strictly
 *            lock-free: a producer stopped between claiming and publishing
 *            its slot hides later items from consumers until it resumes.
 * Errors:    FA_AGAIN when all slots are taken. Nothing else.
 * Memory:    release store of the slot's sequence number pairs with the
 *            acquire load in fa_mpmc_queue_try_pop: who sees the number sees the
 *            item. The acquire load here pairs with the release store there: a
 *            slot is written again only after its item has been read.
 */
FA_NODISCARD static inline fa_status fa_mpmc_queue_try_push(struct fa_mpmc_queue *q, void *item)
{
    size_t at = atomic_load_explicit(&q->tail, memory_order_relaxed);
    for (;;) {
        struct fa_mpmc_slot *slot = &q->slots[at & q->mask];
        size_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        if (sequence == at) {
            if (atomic_compare_exchange_weak_explicit(
                    &q->tail, &at, at + 1, memory_order_relaxed, memory_order_relaxed)) {
                slot->item = item;
                atomic_store_explicit(&slot->sequence, at + 1, memory_order_release);
                return FA_OK;
            }
        } else if ((ptrdiff_t)(sequence - at) < 0) {
            return FA_AGAIN;
        } else {
            at = atomic_load_explicit(&q->tail, memory_order_relaxed);
        }
    }
}

/*
 * fa_mpmc_queue_try_pop - take one item, or FA_AGAIN when none is published.
 *
 * Ownership: the item is the caller's.
 * Threads:   as fa_mpmc_queue_try_push.
 * Errors:    FA_AGAIN when the oldest item is not published. Nothing else.
 * Memory:    release store of the slot's sequence number (one lap on) pairs with
 *            the acquire load in fa_mpmc_queue_try_push.
 */
FA_NODISCARD static inline fa_status fa_mpmc_queue_try_pop(struct fa_mpmc_queue *q, void **item)
{
    size_t at = atomic_load_explicit(&q->head, memory_order_relaxed);
    for (;;) {
        struct fa_mpmc_slot *slot = &q->slots[at & q->mask];
        size_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        if (sequence == at + 1) {
            if (atomic_compare_exchange_weak_explicit(
                    &q->head, &at, at + 1, memory_order_relaxed, memory_order_relaxed)) {
                *item = slot->item;
                atomic_store_explicit(&slot->sequence, at + q->mask + 1, memory_order_release);
                return FA_OK;
            }
        } else if ((ptrdiff_t)(sequence - (at + 1)) < 0) {
            return FA_AGAIN;
        } else {
            at = atomic_load_explicit(&q->head, memory_order_relaxed);
        }
    }
}

/*
 * fa_mpmc_queue_try_pop_many - take the oldest published items, up to `max`, which
 * lie next to each other; returns how many, 0 when the oldest is not published.
 *
 * Ownership, Threads, Memory: as fa_mpmc_queue_try_pop, with one claim for all of
 * them. A published slot changes only after its position has been claimed, so a
 * claim of the whole run that succeeds finds all of it as it was seen.
 */
static inline size_t fa_mpmc_queue_try_pop_many(struct fa_mpmc_queue *q, void **items, size_t max)
{
    size_t at = atomic_load_explicit(&q->head, memory_order_relaxed);
    for (;;) {
        size_t n = 0, sequence = at + 1;
        while (n < max) {
            struct fa_mpmc_slot *slot = &q->slots[(at + n) & q->mask];
            sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
            if (sequence != at + n + 1) break;
            n++;
        }
        if (n > 0) {
            if (!atomic_compare_exchange_weak_explicit(
                    &q->head, &at, at + n, memory_order_relaxed, memory_order_relaxed))
                continue;
            for (size_t i = 0; i < n; i++) {
                struct fa_mpmc_slot *slot = &q->slots[(at + i) & q->mask];
                items[i] = slot->item;
                atomic_store_explicit(&slot->sequence, at + i + q->mask + 1, memory_order_release);
            }
            return n;
        }
        if (max == 0 || (ptrdiff_t)(sequence - (at + 1)) < 0) return 0;
        at = atomic_load_explicit(&q->head, memory_order_relaxed);
    }
}

/*
 * fa_mpmc_queue_size - items in the queue, a moment's truth. Head is read first,
 * so the difference is never negative.
 *
 * Memory: seq_cst loads, so that it can stand between announcing sleep and
 *         sleeping (see base/wakeup.h).
 */
static inline size_t fa_mpmc_queue_size(const struct fa_mpmc_queue *q)
{
    size_t head = atomic_load_explicit(&q->head, memory_order_seq_cst);
    size_t tail = atomic_load_explicit(&q->tail, memory_order_seq_cst);
    return fa_min_size(tail - head, q->mask + 1);
}

/*
 * fa_mpmc_queue_capacity - how many items fit.
 */
static inline size_t fa_mpmc_queue_capacity(const struct fa_mpmc_queue *q)
{
    return q->mask + 1;
}

/*
 * fa_mpmc_queue_peek - the n-th oldest item, without taking it; NULL when there are fewer.
 *
 * Threads: nobody may push or pop meanwhile.
 */
static inline void *fa_mpmc_queue_peek(const struct fa_mpmc_queue *q, size_t n)
{
    size_t at = atomic_load_explicit(&q->head, memory_order_acquire) + n;
    const struct fa_mpmc_slot *slot = &q->slots[at & q->mask];
    bool published = atomic_load_explicit(&slot->sequence, memory_order_acquire) == at + 1;
    return n <= q->mask && published ? slot->item : NULL;
}

#endif
