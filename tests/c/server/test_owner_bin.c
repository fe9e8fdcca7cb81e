/* Owners that wait to be dropped: all come out once, from many threads. */
#include "check.h"

#include <pthread.h>
#include <stdint.h>

#include "base/alloc.h"
#include "server/owner_bin.h"

static void count(void *ctx, void **owners, size_t n)
{
    size_t *sum = ctx;
    for (size_t i = 0; i < n; i++) {
        *sum += (size_t)(uintptr_t)owners[i];
    }
}

TEST(all_come_out_once)
{
    struct fa_owner_bin bin;
    size_t sum = 0;
    CHECK_EQ_INT(fa_owner_bin_init(&bin), FA_OK);
    CHECK(fa_owner_bin_is_empty(&bin));
    fa_owner_bin_add(&bin, NULL);
    CHECK(fa_owner_bin_is_empty(&bin));
    for (uintptr_t i = 1; i <= 1000; i++) {
        fa_owner_bin_add(&bin, (void *)i);
    }
    CHECK(!fa_owner_bin_is_empty(&bin));
    fa_owner_bin_flush(&bin, count, &sum);
    CHECK_EQ_INT(sum, 500500);
    fa_owner_bin_flush(&bin, count, &sum);
    CHECK_EQ_INT(sum, 500500);
    fa_owner_bin_add(&bin, (void *)7);
    fa_owner_bin_deinit(&bin);
}

TEST(the_first_need_no_memory)
{
    struct fa_owner_bin bin;
    size_t sum = 0;
    CHECK_EQ_INT(fa_owner_bin_init(&bin), FA_OK);
    fa_alloc_fail_at(1);
    for (int i = 0; i < FA_OWNER_BIN_FIRST; i++) {
        fa_owner_bin_add(&bin, (void *)1);
    }
    fa_owner_bin_add(&bin, (void *)1000); /* this one asks for memory, and gets none */
    fa_alloc_fail_at(0);
    fa_owner_bin_add(&bin, (void *)10000);
    fa_owner_bin_flush(&bin, count, &sum);
    CHECK_EQ_INT(sum, 10000 + FA_OWNER_BIN_FIRST);
    fa_owner_bin_deinit(&bin);
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        fa_owner_bin_add(arg, (void *)1);
    }
    return NULL;
}

TEST(from_several_threads)
{
    struct fa_owner_bin bin;
    size_t sum = 0;
    CHECK_EQ_INT(fa_owner_bin_init(&bin), FA_OK);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, add_many, &bin) == 0);
    }
    for (int i = 0; i < 1000; i++) {
        fa_owner_bin_flush(&bin, count, &sum);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    fa_owner_bin_flush(&bin, count, &sum);
    CHECK_EQ_INT(sum, 20000);
    fa_owner_bin_deinit(&bin);
}

int main(void)
{
    RUN(all_come_out_once);
    RUN(the_first_need_no_memory);
    RUN(from_several_threads);
    return CHECK_END();
}
