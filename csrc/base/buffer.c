#include "base/buffer.h"

#include "base/alloc.h"
#include "base/buffer_pool.h"

struct fa_buffer *fa_buffer_new(size_t capacity)
{
    if (capacity > UINT32_MAX) return NULL;
    struct fa_buffer *b = fa_alloc(sizeof *b + capacity);
    if (b == NULL) return NULL;
    atomic_init(&b->refs, 1);
    b->capacity = (uint32_t)capacity;
    b->len = 0;
    b->pool = NULL;
    b->next = NULL;
    return b;
}

void fa_buffer_release(struct fa_buffer *b)
{
    unsigned held = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    FA_ASSERT(held > 0); /* 0: released once too often */
    if (held != 1) return;
    if (b->pool != NULL) {
        fa_buffer_pool_put(b->pool, b);
    } else {
        fa_free(b);
    }
}
