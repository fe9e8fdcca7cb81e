/* The one interface: each kind really is other code. */
#include "queue/queue.h"

#include <dlfcn.h>

#include "queue/queue_checks.h"

static _Thread_local unsigned locked;

/* Ours is found before the C library's, which it calls. */
int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    int (*real)(pthread_mutex_t *);
    *(void **)(void *)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    locked++;
    return real(mutex);
}

/* How often a mutex is locked for an item that goes in and comes out. */
static unsigned locks_of(enum fa_queue_kind kind)
{
    struct fa_queue q;
    void *item = NULL;
    CHECK_EQ_INT(fa_queue_init(&q, kind, 4), FA_OK);
    unsigned before = locked;
    CHECK_EQ_INT(fa_queue_try_push(&q, item_of(1)), FA_OK);
    CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_OK);
    unsigned taken = locked - before;
    fa_queue_deinit(&q);
    return taken;
}

TEST(only_the_locked_kind_reaches_a_mutex)
{
    CHECK_EQ_INT(locks_of(FA_QUEUE_LOCKED), 2);
    CHECK_EQ_INT(locks_of(FA_QUEUE_SPSC), 0);
    CHECK_EQ_INT(locks_of(FA_QUEUE_MPMC), 0);
}

TEST(the_kind_selects_the_structure)
{
    struct fa_queue q;
    void *item = NULL;
    CHECK_EQ_INT(fa_queue_init(&q, FA_QUEUE_SPSC, 4), FA_OK);
    CHECK_EQ_INT(fa_queue_try_push(&q, item_of(1)), FA_OK);
    CHECK_EQ_INT(atomic_load(&q.as.spsc.tail), 1);
    CHECK_EQ_INT(fa_spsc_queue_try_pop(&q.as.spsc, &item), FA_OK);
    fa_queue_deinit(&q);
    CHECK_EQ_INT(fa_queue_init(&q, FA_QUEUE_MPMC, 4), FA_OK);
    CHECK_EQ_INT(fa_queue_try_push(&q, item_of(2)), FA_OK);
    CHECK_EQ_INT(atomic_load(&q.as.mpmc.slots[0].sequence), 1);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q.as.mpmc, &item), FA_OK);
    fa_queue_deinit(&q);
    CHECK_EQ_INT(fa_queue_init(&q, FA_QUEUE_LOCKED, 4), FA_OK);
    CHECK_EQ_INT(fa_queue_try_push(&q, item_of(3)), FA_OK);
    CHECK_EQ_INT(q.as.locked.tail, 1);
    CHECK_EQ_INT(fa_locked_queue_try_pop(&q.as.locked, &item), FA_OK);
    CHECK(item == item_of(3));
    fa_queue_deinit(&q);
}

TEST(each_kind_behind_the_interface)
{
    static const enum fa_queue_kind kinds[] = {FA_QUEUE_SPSC, FA_QUEUE_MPMC, FA_QUEUE_LOCKED};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        check_capacity(kinds[i]);
        check_order(kinds[i], 3);
        check_pop_many(kinds[i]);
        check_race_of(kinds[i], 1, 1, 16, 40000);
    }
}

TEST(a_peek_sees_what_pops_would_return)
{
    static const enum fa_queue_kind kinds[] = {FA_QUEUE_SPSC, FA_QUEUE_MPMC, FA_QUEUE_LOCKED};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct fa_queue q;
        void *item = NULL;
        CHECK_EQ_INT(fa_queue_init(&q, kinds[k], 4), FA_OK);
        CHECK(fa_queue_peek(&q, 0) == NULL);
        for (size_t in = 1, out = 1; in < 30; in++) {
            CHECK_EQ_INT(fa_queue_try_push(&q, item_of(in)), FA_OK);
            for (size_t n = 0; n < 8; n++)
                CHECK(fa_queue_peek(&q, n) == (out + n <= in ? item_of(out + n) : NULL));
            CHECK(fa_queue_peek(&q, SIZE_MAX) == NULL);
            if (in % 4 == 0) {
                for (; out <= in; out++)
                    CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_OK);
                CHECK(fa_queue_peek(&q, 0) == NULL);
            }
        }
        fa_queue_deinit(&q);
    }
}

TEST(an_unknown_kind_is_refused)
{
    struct fa_queue q;
    CHECK_EQ_INT(fa_queue_init(&q, (enum fa_queue_kind)9, 4), FA_ERR_INVALID);
    void *item = NULL;
    CHECK_EQ_INT(fa_queue_try_push(&q, item), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_queue_try_pop_many(&q, &item, 1), 0);
    CHECK_EQ_INT(fa_queue_size(&q), 0);
    CHECK_EQ_INT(fa_queue_capacity(&q), 0);
    CHECK(fa_queue_peek(&q, 0) == NULL);
    fa_queue_deinit(&q);
}

int main(void)
{
    RUN(only_the_locked_kind_reaches_a_mutex);
    RUN(the_kind_selects_the_structure);
    RUN(each_kind_behind_the_interface);
    RUN(a_peek_sees_what_pops_would_return);
    RUN(an_unknown_kind_is_refused);
    return CHECK_END();
}
