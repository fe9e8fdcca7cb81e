#include "base/alloc.h"

#include <stdatomic.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#if defined(FA_DEBUG) && FA_DEBUG

/* house: writable global, because fault injection must reach every caller. */
static struct {
    atomic_uint_least64_t fail_in; /* 0: off; else counts down to the failure */
    atomic_uint_least64_t live;
} state;

static bool must_fail(void)
{
    uint_least64_t left = atomic_load_explicit(&state.fail_in, memory_order_relaxed);
    while (left > 0) {
        if (atomic_compare_exchange_weak_explicit(
                &state.fail_in, &left, left - 1, memory_order_relaxed, memory_order_relaxed)) {
            return left == 1;
        }
    }
    return false;
}

static void *counted(void *ptr)
{
    if (ptr != NULL) atomic_fetch_add_explicit(&state.live, 1, memory_order_relaxed);
    return ptr;
}

void *fa_alloc(size_t size)
{
    return must_fail() ? NULL : counted(malloc(size));
}

void *fa_alloc_zero(size_t size)
{
    return must_fail() ? NULL : counted(calloc(1, size));
}

void *fa_realloc(void *ptr, size_t size)
{
    if (must_fail()) return NULL;
    void *moved = realloc(ptr, size);
    return ptr == NULL ? counted(moved) : moved;
}

void fa_free(void *ptr)
{
    if (ptr != NULL) atomic_fetch_sub_explicit(&state.live, 1, memory_order_relaxed);
    free(ptr);
}

void fa_alloc_fail_at(uint64_t n)
{
    atomic_store_explicit(&state.fail_in, n, memory_order_relaxed);
}

uint64_t fa_alloc_fail_left(void)
{
    return atomic_load_explicit(&state.fail_in, memory_order_relaxed);
}

uint64_t fa_alloc_live(void)
{
    return atomic_load_explicit(&state.live, memory_order_relaxed);
}

#else

void fa_alloc_fail_at(uint64_t n)
{
    (void)n;
}

uint64_t fa_alloc_fail_left(void)
{
    return 0;
}

uint64_t fa_alloc_live(void)
{
    return 0;
}

#endif

void fa_alloc_trim(void)
{
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
}

void fa_alloc_init_from_env(void)
{
    const char *text = getenv("FA_FAIL_AT");
    if (text != NULL) fa_alloc_fail_at(strtoull(text, NULL, 10));
}
