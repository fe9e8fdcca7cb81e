/* Arenas: alignment, growth, reset, out of memory. */
#include "base/arena.h"

#include "base/alloc.h"
#include "check.h"

TEST(aligned_and_apart)
{
    struct fa_arena a;
    fa_arena_init(&a, 256);
    uint64_t before = fa_alloc_live();
    char *last = NULL;
    for (size_t size = 1; size < 600; size += 7) {
        char *p = fa_arena_alloc(&a, size);
        CHECK(p != NULL);
        CHECK_EQ_INT((uintptr_t)p % 16, 0);
        memset(p, (int)size, size);
        CHECK(p != last);
        last = p;
    }
    CHECK(fa_alloc_live() > before);
    fa_arena_deinit(&a);
    CHECK_EQ_INT(fa_alloc_live(), before);
}

TEST(a_reset_keeps_the_first_block)
{
    struct fa_arena a;
    fa_arena_init(&a, 128);
    void *first = fa_arena_alloc(&a, 16);
    CHECK(fa_arena_alloc(&a, 4096) != NULL);
    fa_arena_reset(&a);
    CHECK(fa_arena_alloc(&a, 16) == first);
    fa_arena_deinit(&a);
    fa_arena_deinit(&a); /* twice is fine */
}

TEST(out_of_memory_is_null)
{
    struct fa_arena a;
    fa_arena_init(&a, 64);
    fa_alloc_fail_at(1);
    CHECK(fa_arena_alloc(&a, 8) == NULL);
    CHECK(fa_arena_alloc(&a, SIZE_MAX - 4) == NULL);
    CHECK(fa_arena_alloc(&a, SIZE_MAX - 64) == NULL);
    CHECK(fa_arena_alloc(&a, 8) != NULL);
    fa_arena_deinit(&a);
}

int main(void)
{
    RUN(aligned_and_apart);
    RUN(a_reset_keeps_the_first_block);
    RUN(out_of_memory_is_null);
    return CHECK_END();
}
