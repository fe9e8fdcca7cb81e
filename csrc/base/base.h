/* base.h - attributes and small helpers every file may use. */
#ifndef FA_BASE_BASE_H
#define FA_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FA_LIKELY(x)          __builtin_expect(!!(x), 1)
#define FA_UNLIKELY(x)        __builtin_expect(!!(x), 0)
#define FA_CACHELINE          64
#define FA_ALIGNED(n)         __attribute__((aligned(n)))
#define FA_INLINE             inline __attribute__((always_inline))
#define FA_NODISCARD          __attribute__((warn_unused_result))
#define FA_STATIC_ASSERT(...) _Static_assert(__VA_ARGS__)

/* Our own bugs only; what a peer or the machine can cause is a status. */
#if defined(FA_DEBUG) && FA_DEBUG
#define FA_ASSERT(x) ((x) ? (void)0 : __builtin_trap())
#else
#define FA_ASSERT(x) ((void)0)
#endif

#define fa_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline size_t fa_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
