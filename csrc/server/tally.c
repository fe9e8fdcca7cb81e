/* tally.c - what one executor thread counts about its work. */
#include "server/tally.h"

void fa_tally_add(const struct fa_tally *t, struct fa_tally_sum *sum)
{
#define ADD(name) sum->name += fa_stats_read(&t->name);
    FA_TALLY_SUMS(ADD)
#undef ADD
#define RAISE(name)                               \
    {                                             \
        uint64_t value = fa_stats_read(&t->name); \
        if (value > sum->name) sum->name = value; \
    }
    FA_TALLY_MARKS(RAISE)
#undef RAISE
    for (int i = 0; i < FA_TALLY_SIZES; i++) {
        sum->sizes[i] += fa_stats_read(&t->sizes[i]);
    }
}
