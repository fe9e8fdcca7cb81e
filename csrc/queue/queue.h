/* queue.h - one interface over the queues; which one is a value, not an #ifdef. */
#ifndef FA_QUEUE_QUEUE_H
#define FA_QUEUE_QUEUE_H

#include "queue/locked_queue.h"
#include "queue/mpmc_queue.h"
#include "queue/spsc_queue.h"

/* For a queue that stands alone. The server's have the option queue_size. */
enum { FA_QUEUE_CAPACITY = 1024 };

enum fa_queue_kind { FA_QUEUE_SPSC, FA_QUEUE_MPMC, FA_QUEUE_LOCKED };

struct fa_queue {
    enum fa_queue_kind kind;
    union {
        struct fa_spsc_queue spsc;
        struct fa_mpmc_queue mpmc;
        struct fa_locked_queue locked;
    } as;
};

/*
 * fa_queue_init - an empty queue of the given kind.
 *
 * Errors: those of the kind's own init.
 */
FA_NODISCARD static inline fa_status fa_queue_init(
    struct fa_queue *q, enum fa_queue_kind kind, size_t capacity)
{
    q->kind = kind;
    switch (kind) {
    case FA_QUEUE_SPSC: return fa_spsc_queue_init(&q->as.spsc, capacity);
    case FA_QUEUE_MPMC: return fa_mpmc_queue_init(&q->as.mpmc, capacity);
    case FA_QUEUE_LOCKED: return fa_locked_queue_init(&q->as.locked, capacity);
    }
    return FA_ERR_INVALID;
}

/*
 * fa_queue_deinit - free the queue; items still in it are the caller's loss.
 */
static inline void fa_queue_deinit(struct fa_queue *q)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC: fa_spsc_queue_deinit(&q->as.spsc); break;
    case FA_QUEUE_MPMC: fa_mpmc_queue_deinit(&q->as.mpmc); break;
    case FA_QUEUE_LOCKED: fa_locked_queue_deinit(&q->as.locked); break;
    }
}

/*
 * fa_queue_try_push - offer one item; FA_AGAIN when full.
 *
 * Ownership, Threads, Memory: those of the kind (SPSC: one producer).
 */
FA_NODISCARD static inline fa_status fa_queue_try_push(struct fa_queue *q, void *item)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC: return fa_spsc_queue_try_push(&q->as.spsc, item);
    case FA_QUEUE_MPMC: return fa_mpmc_queue_try_push(&q->as.mpmc, item);
    case FA_QUEUE_LOCKED: return fa_locked_queue_try_push(&q->as.locked, item);
    }
    return FA_ERR_INVALID;
}

/*
 * fa_queue_try_pop - take the oldest item; FA_AGAIN when empty.
 *
 * Threads, Memory: those of the kind (SPSC: one consumer).
 */
FA_NODISCARD static inline fa_status fa_queue_try_pop(struct fa_queue *q, void **item)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC: return fa_spsc_queue_try_pop(&q->as.spsc, item);
    case FA_QUEUE_MPMC: return fa_mpmc_queue_try_pop(&q->as.mpmc, item);
    case FA_QUEUE_LOCKED: return fa_locked_queue_try_pop(&q->as.locked, item);
    }
    return FA_ERR_INVALID;
}

/*
 * fa_queue_try_pop_many - take the oldest items, up to `max`; returns how many, 0 when empty.
 *
 * Threads, Memory: those of the kind (SPSC: one consumer).
 */
static inline size_t fa_queue_try_pop_many(struct fa_queue *q, void **items, size_t max)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC: return fa_spsc_queue_try_pop_many(&q->as.spsc, items, max);
    case FA_QUEUE_MPMC: return fa_mpmc_queue_try_pop_many(&q->as.mpmc, items, max);
    case FA_QUEUE_LOCKED: return fa_locked_queue_try_pop_many(&q->as.locked, items, max);
    }
    return 0;
}

/*
 * fa_queue_kind_name - "spsc", "mpmc" or "locked". Static storage.
 */
static inline const char *fa_queue_kind_name(const struct fa_queue *q)
{
    static const char *const names[] = {"spsc", "mpmc", "locked"};
    return names[q->kind];
}

/*
 * fa_queue_size - items in the queue, a moment's truth. Never wraps.
 */
static inline size_t fa_queue_size(struct fa_queue *q)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC: return fa_spsc_queue_size(&q->as.spsc);
    case FA_QUEUE_MPMC: return fa_mpmc_queue_size(&q->as.mpmc);
    case FA_QUEUE_LOCKED: return fa_locked_queue_size(&q->as.locked);
    }
    return 0;
}

/*
 * fa_queue_capacity - how many items fit.
 */
static inline size_t fa_queue_capacity(const struct fa_queue *q)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC: return fa_spsc_queue_capacity(&q->as.spsc);
    case FA_QUEUE_MPMC: return fa_mpmc_queue_capacity(&q->as.mpmc);
    case FA_QUEUE_LOCKED: return fa_locked_queue_capacity(&q->as.locked);
    }
    return 0;
}

/*
 * fa_queue_peek - the n-th oldest item, without taking it; NULL when there are fewer.
 *
 * For a garbage collector that looks at what is queued.
 * Threads: nobody may push or pop meanwhile; takes no lock.
 */
static inline void *fa_queue_peek(const struct fa_queue *q, size_t n)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC: return fa_spsc_queue_peek(&q->as.spsc, n);
    case FA_QUEUE_MPMC: return fa_mpmc_queue_peek(&q->as.mpmc, n);
    case FA_QUEUE_LOCKED: return fa_locked_queue_peek(&q->as.locked, n);
    }
    return NULL;
}

#endif
