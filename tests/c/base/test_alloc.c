/* Allocation: live count and faults on demand. */
#include "base/alloc.h"

#include "check.h"

TEST(live_blocks_are_counted)
{
    uint64_t before = fa_alloc_live();
    void *a = fa_alloc(10), *b = fa_alloc_zero(20);
    CHECK(a != NULL && b != NULL);
    CHECK_EQ_INT(((char *)b)[19], 0);
    CHECK_EQ_INT(fa_alloc_live() - before, 2);
    void *c = fa_realloc(a, 1000), *d = fa_realloc(NULL, 5);
    CHECK(c != NULL && d != NULL);
    CHECK_EQ_INT(fa_alloc_live() - before, 3);
    fa_free(c);
    fa_free(b);
    fa_free(d);
    fa_free(NULL);
    CHECK_EQ_INT(fa_alloc_live(), before);
}

TEST(trimming_leaves_what_is_in_use)
{
    char *kept = fa_alloc(100000);
    memset(kept, 'k', 100000);
    void *freed[100];
    for (int i = 0; i < 100; i++)
        freed[i] = fa_alloc(8192);
    for (int i = 0; i < 100; i++)
        fa_free(freed[i]);
    fa_alloc_trim();
    CHECK(kept[0] == 'k' && kept[99999] == 'k');
    fa_free(kept);
}

TEST(the_nth_fails_once)
{
    fa_alloc_fail_at(2);
    void *a = fa_alloc(1), *b = fa_alloc(1), *c = fa_alloc(1);
    CHECK(a != NULL);
    CHECK(b == NULL);
    CHECK(c != NULL);
    fa_alloc_fail_at(1);
    CHECK(fa_realloc(a, 100) == NULL); /* the old block stays */
    fa_alloc_fail_at(1);
    CHECK(fa_alloc_zero(1) == NULL);
    fa_free(a);
    fa_free(c);
}

TEST(the_environment_can_ask_for_it)
{
    setenv("FA_FAIL_AT", "1", 1);
    fa_alloc_init_from_env();
    CHECK(fa_alloc(1) == NULL);
    unsetenv("FA_FAIL_AT");
    fa_alloc_init_from_env();
    void *p = fa_alloc(1);
    CHECK(p != NULL);
    fa_free(p);
}

int main(void)
{
    RUN(live_blocks_are_counted);
    RUN(trimming_leaves_what_is_in_use);
    RUN(the_nth_fails_once);
    RUN(the_environment_can_ask_for_it);
    return CHECK_END();
}
