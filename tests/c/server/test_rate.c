/* How fast something grows, over a sliding window. */
#include "check.h"

#include "server/rate.h"

#define S UINT64_C(1000000000)

/* `per_step` units each half second for `steps` of them, from `*now` and `*total` on. */
static void grow(struct fa_rate *rate, uint64_t *now, uint64_t *total, int steps, uint64_t per_step)
{
    for (int i = 0; i < steps; i++) {
        *now += S / 2;
        *total += per_step;
        fa_rate_note(rate, *now, *total, 10 * S);
    }
}

TEST(nothing_is_said_before_a_window_has_passed)
{
    struct fa_rate rate;
    fa_rate_start(&rate, 5 * S, 0);
    CHECK(!fa_rate_is_below(&rate, 15 * S - 1, 0, 240, 10 * S));
    CHECK(fa_rate_is_below(&rate, 15 * S, 0, 240, 10 * S));
    CHECK(fa_rate_is_below(&rate, 15 * S, 2399, 240, 10 * S));
    CHECK(!fa_rate_is_below(&rate, 15 * S, 2400, 240, 10 * S));
    CHECK(!fa_rate_is_below(&rate, 15 * S, 0, 0, 10 * S)); /* any rate will do */
}

TEST(a_fast_beginning_does_not_count_for_ever)
{
    struct fa_rate rate;
    uint64_t now = 0, total = 0;
    fa_rate_start(&rate, now, total);
    grow(&rate, &now, &total, 20, 1000000);
    CHECK(!fa_rate_is_below(&rate, now, total, 240, 10 * S));
    int steps = 0;
    while (!fa_rate_is_below(&rate, now, total, 240, 10 * S)) {
        grow(&rate, &now, &total, 1, 1); /* two bytes a second */
        steps++;
    }
    CHECK(steps >= 20 && steps <= 41); /* one window, two at most */
}

TEST(a_slow_beginning_neither)
{
    struct fa_rate rate;
    uint64_t now = 0, total = 0;
    fa_rate_start(&rate, now, total);
    grow(&rate, &now, &total, 40, 1);
    CHECK(fa_rate_is_below(&rate, now, total, 240, 10 * S));
    grow(&rate, &now, &total, 41, 125); /* 250 a second */
    CHECK(!fa_rate_is_below(&rate, now, total, 240, 10 * S));
}

TEST(it_may_start_again)
{
    struct fa_rate rate;
    uint64_t now = 0, total = 0;
    fa_rate_start(&rate, now, total);
    grow(&rate, &now, &total, 40, 1);
    fa_rate_start(&rate, now, total);
    CHECK(!fa_rate_is_below(&rate, now + 9 * S, total, 240, 10 * S));
    CHECK(fa_rate_is_below(&rate, now + 10 * S, total, 240, 10 * S));
}

TEST(large_figures_do_not_overflow)
{
    struct fa_rate rate;
    uint64_t most = UINT64_C(1) << 40;
    fa_rate_start(&rate, 0, 0);
    CHECK(!fa_rate_is_below(&rate, 3600 * S, most, 1 << 20, 3600 * S));
    CHECK(fa_rate_is_below(&rate, 3600 * S, most, 1 << 30, 3600 * S));
}

int main(void)
{
    RUN(nothing_is_said_before_a_window_has_passed);
    RUN(a_fast_beginning_does_not_count_for_ever);
    RUN(a_slow_beginning_neither);
    RUN(it_may_start_again);
    RUN(large_figures_do_not_overflow);
    return CHECK_END();
}
