/* The wheel against a plain list: never early, at most a slot late, none lost. */
#include "check.h"

#include <stdlib.h>

#include "net/timer_wheel.h"

#define MS UINT64_C(1000000)

TEST(one_timer)
{
    static struct fa_timer_wheel w;
    struct fa_timer t = {0};
    fa_timer_wheel_init(&w, 5 * MS);
    CHECK_EQ_INT(fa_timer_wheel_timeout_ms(&w, 5 * MS), -1);
    fa_timer_wheel_arm(&w, &t, 250 * MS);
    CHECK(fa_timer_wheel_is_armed(&t));
    int wait = fa_timer_wheel_timeout_ms(&w, 5 * MS);
    CHECK(wait > 0 && wait <= 350);
    fa_timer_wheel_advance(&w, 249 * MS);
    CHECK(fa_timer_wheel_pop(&w) == NULL);
    fa_timer_wheel_advance(&w, 350 * MS);
    CHECK_EQ_INT(fa_timer_wheel_timeout_ms(&w, 350 * MS), 0);
    CHECK(fa_timer_wheel_pop(&w) == &t);
    CHECK(!fa_timer_wheel_is_armed(&t));
    CHECK(fa_timer_wheel_pop(&w) == NULL);
    CHECK_EQ_INT(w.armed, 0);
}

TEST(cancel_and_move)
{
    static struct fa_timer_wheel w;
    struct fa_timer a = {0}, b = {0};
    fa_timer_wheel_init(&w, 0);
    fa_timer_wheel_cancel(&w, &a); /* not armed: nothing happens */
    fa_timer_wheel_arm(&w, &a, 100 * MS);
    fa_timer_wheel_arm(&w, &b, 100 * MS);
    fa_timer_wheel_arm(&w, &a, 5000 * MS);
    fa_timer_wheel_advance(&w, 1000 * MS);
    fa_timer_wheel_cancel(&w, &b); /* due, but not popped yet */
    CHECK(fa_timer_wheel_pop(&w) == NULL);
    fa_timer_wheel_advance(&w, 6000 * MS);
    CHECK(fa_timer_wheel_pop(&w) == &a);
}

TEST(far_ahead_and_in_the_past)
{
    static struct fa_timer_wheel w;
    struct fa_timer far = {0}, past = {0};
    fa_timer_wheel_init(&w, 1000 * MS);
    fa_timer_wheel_arm(&w, &far, UINT64_C(3600000) * MS);
    fa_timer_wheel_arm(&w, &past, 1);
    uint64_t now = 1000 * MS;
    bool fired = false;
    while (!fired) {
        now += 50000 * MS; /* half a turn at a time */
        fa_timer_wheel_advance(&w, now);
        for (struct fa_timer *t; (t = fa_timer_wheel_pop(&w)) != NULL;) {
            fired = t == &far;
        }
    }
    CHECK(now >= UINT64_C(3600000) * MS && now < UINT64_C(3660000) * MS);
    fa_timer_wheel_advance(&w, 1); /* the clock never goes back; nothing happens if it does */
    CHECK(fa_timer_wheel_pop(&w) == NULL);
}

TEST(many_at_random)
{
    enum { N = 2000 };
    static struct fa_timer_wheel w;
    static struct fa_timer timers[N];
    static uint64_t due[N];
    unsigned seed = 3;
    uint64_t now = 77 * MS;
    fa_timer_wheel_init(&w, now);
    for (int i = 0; i < N; i++) {
        due[i] = now + (uint64_t)rand_r(&seed) % (300000 * MS);
        fa_timer_wheel_arm(&w, &timers[i], due[i]);
    }
    for (int i = 0; i < N; i += 7) {
        fa_timer_wheel_cancel(&w, &timers[i]);
        due[i] = 0;
    }
    while (w.armed > 0) {
        int wait = fa_timer_wheel_timeout_ms(&w, now);
        CHECK(wait >= 0);
        now += (uint64_t)(wait > 0 ? wait : 1) * MS;
        fa_timer_wheel_advance(&w, now);
        for (struct fa_timer *t; (t = fa_timer_wheel_pop(&w)) != NULL;) {
            long i = t - timers;
            CHECK(due[i] != 0 && due[i] <= now && now <= due[i] + 102 * MS);
            due[i] = 0;
        }
    }
    for (int i = 0; i < N; i++) {
        CHECK_EQ_INT(due[i], 0);
    }
}

int main(void)
{
    RUN(one_timer);
    RUN(cancel_and_move);
    RUN(far_ahead_and_in_the_past);
    RUN(many_at_random);
    return CHECK_END();
}
