/* The tuner's decisions: figures and bounds in, sizes out. */
#include "check.h"

#include "server/tuner.h"

static const struct fa_tuner_bounds BOUNDS = {
    .pool_min = 64, .pool_max = 4096, .batch_max = 128, .spin_max_us = 80};

static struct fa_tuner_sizes start(void)
{
    return (struct fa_tuner_sizes){.limit = {1024, 1024, 256}, .batch = 128, .spin_us = 0};
}

TEST(a_rest_changes_nothing)
{
    struct fa_tuner_sizes sizes = start();
    struct fa_tuner_figures none = {0};
    for (int i = 0; i < 100; i++) {
        CHECK(!fa_tuner_decide(&BOUNDS, &none, &sizes));
    }
    CHECK_EQ_INT(sizes.limit[0], 1024);
    CHECK(fa_tuner_is_settled(&BOUNDS, &none, &sizes));
}

TEST(a_pool_grows_when_it_freed_what_it_needed)
{
    struct fa_tuner_sizes sizes = start();
    struct fa_tuner_figures f = {0};
    f.pools[0] = (struct fa_tuner_pool){.size = 1024, .misses = 300, .dropped = 500};
    CHECK(fa_tuner_decide(&BOUNDS, &f, &sizes));
    CHECK_EQ_INT(sizes.limit[0], 1324);
    CHECK_EQ_INT(sizes.limit[1], 1024);
    f.pools[0] = (struct fa_tuner_pool){.size = 1324, .misses = 100000, .dropped = 100000};
    CHECK(fa_tuner_decide(&BOUNDS, &f, &sizes));
    CHECK_EQ_INT(sizes.limit[0], 2648); /* twice at most */
    CHECK(fa_tuner_decide(&BOUNDS, &f, &sizes));
    CHECK_EQ_INT(sizes.limit[0], 4096); /* the bound */
    CHECK(!fa_tuner_decide(&BOUNDS, &f, &sizes));
}

TEST(a_pool_does_not_grow_for_one_reason_alone)
{
    struct fa_tuner_sizes sizes = start();
    struct fa_tuner_figures f = {0};
    f.pools[0] = (struct fa_tuner_pool){.misses = 2000};              /* the load begins */
    f.pools[1] = (struct fa_tuner_pool){.size = 64, .dropped = 2000}; /* it ends */
    CHECK(!fa_tuner_decide(&BOUNDS, &f, &sizes));
}

TEST(a_pool_shrinks_by_halves_when_it_was_not_needed_for_a_while)
{
    struct fa_tuner_sizes sizes = start();
    sizes.limit[0] = 4096;
    struct fa_tuner_figures f = {0};
    f.pools[0] = (struct fa_tuner_pool){.size = 2000, .low = 2000};
    for (int i = 1; i < FA_TUNER_QUIET; i++) {
        CHECK(!fa_tuner_decide(&BOUNDS, &f, &sizes));
        CHECK(!fa_tuner_is_settled(&BOUNDS, &f, &sizes));
    }
    const uint64_t expected[] = {1000, 500, 250, 125, 64};
    for (int i = 0; i < 5; i++) {
        CHECK(fa_tuner_decide(&BOUNDS, &f, &sizes));
        CHECK_EQ_INT(sizes.limit[0], expected[i]);
        f.pools[0].size = f.pools[0].low = sizes.limit[0];
    }
    CHECK(!fa_tuner_decide(&BOUNDS, &f, &sizes));
    CHECK(fa_tuner_is_settled(&BOUNDS, &f, &sizes));
}

TEST(what_is_in_use_is_not_freed)
{
    struct fa_tuner_sizes sizes = start();
    struct fa_tuner_figures f = {0};
    f.pools[0] = (struct fa_tuner_pool){.size = 800, .low = 90}; /* nearly all of it moves */
    for (int i = 0; i < 20; i++) {
        CHECK(!fa_tuner_decide(&BOUNDS, &f, &sizes));
    }
    f.pools[0].low = 700;
    for (int i = 1; i < FA_TUNER_QUIET; i++) {
        (void)fa_tuner_decide(&BOUNDS, &f, &sizes);
    }
    CHECK_EQ_INT(sizes.limit[0], 1024);
    f.pools[0].low = 0; /* one busy interval: the patience begins anew */
    (void)fa_tuner_decide(&BOUNDS, &f, &sizes);
    f.pools[0].low = 700;
    CHECK(!fa_tuner_decide(&BOUNDS, &f, &sizes));
    for (int i = 1; i < FA_TUNER_QUIET; i++) {
        (void)fa_tuner_decide(&BOUNDS, &f, &sizes);
    }
    CHECK_EQ_INT(sizes.limit[0], 450); /* half of the unused 700 is gone */
}

TEST(a_pool_that_is_off_stays_off)
{
    struct fa_tuner_sizes sizes = start();
    sizes.limit[2] = 0;
    struct fa_tuner_figures f = {0};
    f.pools[2] = (struct fa_tuner_pool){.misses = 500, .dropped = 500};
    CHECK(!fa_tuner_decide(&BOUNDS, &f, &sizes));
    CHECK_EQ_INT(sizes.limit[2], 0);
}

TEST(batches_take_about_the_same_time)
{
    struct fa_tuner_sizes sizes = start();
    struct fa_tuner_figures cheap = {.tasks = 100000, .run_ns = 100000000}; /* 1 us */
    struct fa_tuner_figures dear = {.tasks = 10000, .run_ns = 200000000};   /* 20 us */
    struct fa_tuner_figures slow = {.tasks = 10, .run_ns = 10000000000};    /* 1 s */
    struct fa_tuner_figures calm = {.tasks = 10, .run_ns = 1000000};        /* 100 us, but few */
    CHECK(!fa_tuner_decide(&BOUNDS, &cheap, &sizes));
    CHECK_EQ_INT(sizes.batch, 128); /* 200 would fit, but the bound */
    CHECK(!fa_tuner_decide(&BOUNDS, &calm, &sizes));
    for (int i = 0; i < 20; i++) {
        (void)fa_tuner_decide(&BOUNDS, &dear, &sizes);
    }
    CHECK_EQ_INT(sizes.batch, 10);
    for (int i = 0; i < 20; i++) {
        (void)fa_tuner_decide(&BOUNDS, &slow, &sizes);
    }
    CHECK_EQ_INT(sizes.batch, 1);
    for (int i = 0; i < 20; i++) {
        (void)fa_tuner_decide(&BOUNDS, &cheap, &sizes);
    }
    CHECK_EQ_INT(sizes.batch, 128);
}

TEST(spinning_pays_or_ends)
{
    struct fa_tuner_sizes sizes = start();
    sizes.spin_us = 20;
    struct fa_tuner_figures good = {.spins = 100, .spin_hits = 80, .wakeups = 200};
    struct fa_tuner_figures poor = {.spins = 100, .spin_hits = 5, .wakeups = 200};
    struct fa_tuner_figures fair = {.spins = 100, .spin_hits = 30, .wakeups = 200};
    struct fa_tuner_figures none = {.wakeups = 200};
    CHECK(fa_tuner_decide(&BOUNDS, &good, &sizes) && sizes.spin_us == 40);
    (void)fa_tuner_decide(&BOUNDS, &good, &sizes);
    CHECK(!fa_tuner_decide(&BOUNDS, &good, &sizes) && sizes.spin_us == 80);
    CHECK(!fa_tuner_decide(&BOUNDS, &fair, &sizes));
    for (int i = 0; i < 7; i++) {
        CHECK(fa_tuner_decide(&BOUNDS, &poor, &sizes));
    }
    CHECK_EQ_INT(sizes.spin_us, 0);
    struct fa_tuner_figures calm = {.wakeups = 3};
    for (int i = 0; i < 100; i++) {
        CHECK(!fa_tuner_decide(&BOUNDS, &calm, &sizes));
    }
    int tries = 0;
    while (sizes.spin_us == 0 && tries < 100) {
        (void)fa_tuner_decide(&BOUNDS, &none, &sizes);
        tries++;
    }
    CHECK_EQ_INT(tries, 16);
    CHECK_EQ_INT(sizes.spin_us, 10);
}

TEST(no_spin_allowed_no_spin)
{
    struct fa_tuner_bounds bounds = BOUNDS;
    bounds.spin_max_us = 0;
    struct fa_tuner_sizes sizes = start();
    struct fa_tuner_figures busy = {.wakeups = 100000};
    for (int i = 0; i < 100; i++) {
        CHECK(!fa_tuner_decide(&bounds, &busy, &sizes));
    }
    CHECK_EQ_INT(sizes.spin_us, 0);
}

/* Any figures at all: sizes stay within their bounds. */
TEST(never_out_of_bounds)
{
    struct fa_tuner_sizes sizes = start();
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        struct fa_tuner_figures f;
        uint64_t *words = (uint64_t *)&f;
        for (size_t w = 0; w < sizeof f / sizeof *words; w++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            words[w] = seed >> (seed % 48 + 16);
        }
        for (int p = 0; p < FA_TUNER_POOLS; p++) {
            f.pools[p].size %= sizes.limit[p] + 1;
            f.pools[p].low %= f.pools[p].size + 1;
        }
        (void)fa_tuner_decide(&BOUNDS, &f, &sizes);
        bool fine = sizes.batch >= 1 && sizes.batch <= 128 && sizes.spin_us <= 80;
        for (int p = 0; p < FA_TUNER_POOLS; p++) {
            fine = fine && sizes.limit[p] >= 64 && sizes.limit[p] <= 4096;
        }
        if (!fine) {
            CHECK(fine);
            return;
        }
    }
}

int main(void)
{
    RUN(a_rest_changes_nothing);
    RUN(a_pool_grows_when_it_freed_what_it_needed);
    RUN(a_pool_does_not_grow_for_one_reason_alone);
    RUN(a_pool_shrinks_by_halves_when_it_was_not_needed_for_a_while);
    RUN(what_is_in_use_is_not_freed);
    RUN(a_pool_that_is_off_stays_off);
    RUN(batches_take_about_the_same_time);
    RUN(spinning_pays_or_ends);
    RUN(no_spin_allowed_no_spin);
    RUN(never_out_of_bounds);
    return CHECK_END();
}
