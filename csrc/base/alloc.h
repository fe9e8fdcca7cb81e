/*
 * alloc.h - the core's only door to the heap, with fault injection for tests.
 *
 * In release builds these are malloc and friends. In FA_DEBUG builds they
 * count live blocks and can be told to fail; that state is the one allowed
 * writable global of the core.
 */
#ifndef FA_BASE_ALLOC_H
#define FA_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/base.h"

#if defined(FA_DEBUG) && FA_DEBUG

/*
 * fa_alloc, fa_alloc_zero, fa_realloc, fa_free - as malloc, calloc(1, n),
 * realloc and free.
 *
 * Ownership: the caller's. Threads: any. Errors: NULL when out of memory.
 */
FA_NODISCARD void *fa_alloc(size_t size);
FA_NODISCARD void *fa_alloc_zero(size_t size);
FA_NODISCARD void *fa_realloc(void *ptr, size_t size);
void fa_free(void *ptr);

#else

static inline void *fa_alloc(size_t size)
{
    return malloc(size);
}

static inline void *fa_alloc_zero(size_t size)
{
    return calloc(1, size);
}

static inline void *fa_realloc(void *ptr, size_t size)
{
    return realloc(ptr, size);
}

static inline void fa_free(void *ptr)
{
    free(ptr);
}

#endif

/*
 * fa_alloc_fail_at - the n-th allocation from now on fails, once; 0: none does.
 *
 * Threads: any; meant for one test at a time. Without FA_DEBUG: no effect.
 */
void fa_alloc_fail_at(uint64_t n);

/*
 * fa_alloc_fail_left - how many allocations are left before one fails; 0: it has
 * failed, or none will.
 */
uint64_t fa_alloc_fail_left(void);

/*
 * fa_alloc_trim - ask the heap to give what it holds free back to the system.
 *
 * Walks all free blocks of the process, so it may take milliseconds, in which
 * other threads wait for the heap. Without glibc: nothing happens.
 */
void fa_alloc_trim(void);

/*
 * fa_alloc_init_from_env - fa_alloc_fail_at($FA_FAIL_AT), if that is set.
 */
void fa_alloc_init_from_env(void);

/*
 * fa_alloc_live - blocks allocated and not yet freed; 0 without FA_DEBUG.
 */
uint64_t fa_alloc_live(void);

#endif
