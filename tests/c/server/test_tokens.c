/* Tokens: never more than there are, and none is lost between those who take, wait and return. */
#include "server/tokens.h"

#include <pthread.h>
#include <sched.h>

#include "check.h"

TEST(as_many_as_there_are)
{
    struct fa_tokens t;
    fa_tokens_init(&t, 2);
    CHECK(fa_tokens_try_take(&t));
    CHECK(fa_tokens_are_free(&t));
    CHECK(fa_tokens_try_take(&t));
    CHECK(!fa_tokens_try_take(&t));
    CHECK(!fa_tokens_are_free(&t));
    fa_tokens_set_total(&t, 1);
    CHECK(fa_tokens_are_wanted(&t)); /* one too many */
    CHECK(!fa_tokens_return(&t));
    CHECK(!fa_tokens_are_wanted(&t));
    CHECK(!fa_tokens_try_take(&t));
    fa_tokens_set_total(&t, 0);
    fa_tokens_give(&t);
    CHECK(!fa_tokens_try_take(&t));
    fa_tokens_set_total(&t, 1);
    CHECK(fa_tokens_try_take(&t));
}

TEST(who_waits_is_passed_one)
{
    struct fa_tokens t;
    fa_tokens_init(&t, 1);
    CHECK(fa_tokens_announce(&t)); /* there is one after all */
    CHECK(!fa_tokens_announce(&t));
    CHECK(fa_tokens_are_wanted(&t));
    CHECK_EQ_INT(fa_tokens_take_passed(&t), 0);
    CHECK(fa_tokens_return(&t));
    CHECK(!fa_tokens_renounce(&t)); /* too late */
    CHECK_EQ_INT(fa_tokens_take_passed(&t), 1);
    CHECK_EQ_INT(fa_tokens_take_passed(&t), 0);
    CHECK(!fa_tokens_announce(&t));
    CHECK(fa_tokens_renounce(&t));
    CHECK(!fa_tokens_return(&t));
    CHECK(fa_tokens_try_take(&t));
}

TEST(nothing_is_passed_while_too_many_are_used)
{
    struct fa_tokens t;
    fa_tokens_init(&t, 2);
    CHECK(fa_tokens_try_take(&t));
    CHECK(fa_tokens_try_take(&t));
    fa_tokens_set_total(&t, 1);
    CHECK(!fa_tokens_announce(&t));
    CHECK(!fa_tokens_return(&t));
    CHECK_EQ_INT(fa_tokens_take_passed(&t), 0);
    CHECK(fa_tokens_return(&t));
    CHECK_EQ_INT(fa_tokens_take_passed(&t), 1);
}

enum { TOTAL = 2, TAKERS = 3, ROUNDS = 20000 };

struct shared {
    struct fa_tokens tokens;
    atomic_int held;
    atomic_int most;
    atomic_bool over;
};

static void hold(struct shared *s)
{
    int now = atomic_fetch_add(&s->held, 1) + 1;
    if (now > atomic_load(&s->most)) atomic_store(&s->most, now);
    atomic_fetch_sub(&s->held, 1);
}

static void *take_and_return(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->over)) {
        if (!fa_tokens_try_take(&s->tokens)) {
            sched_yield();
            continue;
        }
        hold(s);
        if (fa_tokens_return(&s->tokens)) sched_yield(); /* to the one outside */
    }
    return NULL;
}

/* The one outside waits again and again; if a token were lost it would wait for ever. */
TEST(none_is_lost)
{
    static struct shared s;
    pthread_t takers[TAKERS];
    fa_tokens_init(&s.tokens, TOTAL);
    for (int i = 0; i < TAKERS; i++)
        CHECK(pthread_create(&takers[i], NULL, take_and_return, &s) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        if (!fa_tokens_announce(&s.tokens)) {
            uint32_t passed = 0;
            if (i % 3 == 0 && fa_tokens_renounce(&s.tokens)) continue;
            while ((passed = fa_tokens_take_passed(&s.tokens)) == 0)
                sched_yield();
            CHECK_EQ_INT(passed, 1);
        }
        hold(&s);
        CHECK(!fa_tokens_return(&s.tokens));
    }
    atomic_store(&s.over, true);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(takers[i], NULL);
    CHECK(atomic_load(&s.most) <= TOTAL);
    CHECK_EQ_INT(atomic_load(&s.tokens.used), 0);
    CHECK_EQ_INT(atomic_load(&s.tokens.waiting), 0);
}

int main(void)
{
    RUN(as_many_as_there_are);
    RUN(who_waits_is_passed_one);
    RUN(nothing_is_passed_while_too_many_are_used);
    RUN(none_is_lost);
    return CHECK_END();
}
