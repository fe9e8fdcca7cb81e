/* buffer.h - a reference-counted piece of memory, header and bytes in one block. */
#ifndef FA_BASE_BUFFER_H
#define FA_BASE_BUFFER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct fa_buffer_pool;

struct fa_buffer {
    atomic_uint refs;
    uint32_t capacity;
    uint32_t len;                /* the owner's use: bytes that count */
    struct fa_buffer_pool *pool; /* NULL: plain heap */
    struct fa_buffer *next;      /* link in a pool or in the owner's list */
    char data[];
};

/*
 * fa_buffer_new - a heap buffer with one reference and len 0.
 *
 * Errors: NULL when out of memory or above UINT32_MAX.
 */
FA_NODISCARD struct fa_buffer *fa_buffer_new(size_t capacity);

/*
 * fa_buffer_retain - one more reference.
 *
 * Threads: any that holds a reference. Memory: relaxed, a reference is held.
 */
static inline struct fa_buffer *fa_buffer_retain(struct fa_buffer *b)
{
    unsigned held = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    FA_ASSERT(held > 0); /* 0: it lies in a pool */
    (void)held;
    return b;
}

/*
 * fa_buffer_release - one reference less; the last one gives the buffer back.
 *
 * Threads: any. Memory: acq_rel, so the last one sees all writes of the others.
 */
void fa_buffer_release(struct fa_buffer *b);

#endif
