/* tuner.c - how large pools, batches and the spin should be. */
#include "server/tuner.h"

#define SPIN_AGAIN   16  /* intervals without spinning before it is tried again */
#define SPIN_WAKEUPS 100 /* wake-ups in an interval that make it worth trying */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- pools ---- */

/* More than an eighth of what is kept was not touched, and it may be given up. */
static bool has_surplus(uint64_t pool_min, const struct fa_tuner_pool *p)
{
    return p->size > pool_min && p->low * 8 > p->size;
}

static uint64_t pool_limit(
    const struct fa_tuner_bounds *b, const struct fa_tuner_pool *p, uint64_t limit, uint32_t *quiet)
{
    if (limit == 0) {
        return 0;
    }
    uint64_t missed = least(p->misses, p->dropped);
    if (missed > 0) {
        *quiet = 0;
        return most(limit, least(b->pool_max, limit + least(missed, limit)));
    }
    if (!has_surplus(b->pool_min, p)) {
        *quiet = 0;
        return limit;
    }
    if (++*quiet < FA_TUNER_QUIET) {
        return limit;
    }
    *quiet = FA_TUNER_QUIET; /* goes on shrinking in the next interval */
    return least(limit, most(b->pool_min, p->size - (p->low + 1) / 2));
}

/* ---- batch and spin ---- */

static uint32_t batch_size(
    const struct fa_tuner_bounds *b, const struct fa_tuner_figures *f, uint32_t batch)
{
    if (f->tasks == 0 || f->run_ns < FA_TUNER_BUSY_NS) {
        return batch;
    }
    uint64_t fitting = FA_TUNER_BATCH_NS * f->tasks / f->run_ns;
    uint32_t wanted = (uint32_t)most(1, least(fitting, b->batch_max));
    /* Half the way, so that one slow task does not make many small batches. */
    return wanted > batch ? wanted - (wanted - batch) / 2 : wanted + (batch - wanted) / 2;
}

static uint32_t spin_us(
    const struct fa_tuner_bounds *b, const struct fa_tuner_figures *f, struct fa_tuner_sizes *sizes)
{
    uint32_t spin = sizes->spin_us;
    if (spin > 0) {
        sizes->no_spin = 0;
        if (f->spins > 0 && f->spin_hits * 2 >= f->spins) {
            return (uint32_t)least((uint64_t)spin * 2, b->spin_max_us);
        }
        return f->spin_hits * 8 < f->spins ? spin / 2 : spin;
    }
    if (b->spin_max_us == 0 || f->wakeups < SPIN_WAKEUPS || ++sizes->no_spin < SPIN_AGAIN) {
        return 0;
    }
    return (uint32_t)most(1, b->spin_max_us / 8);
}

/* ---- all together ---- */

bool fa_tuner_decide(const struct fa_tuner_bounds *bounds, const struct fa_tuner_figures *figures,
    struct fa_tuner_sizes *sizes)
{
    bool changed = false;
    for (int i = 0; i < FA_TUNER_POOLS; i++) {
        uint64_t limit = pool_limit(bounds, &figures->pools[i], sizes->limit[i], &sizes->quiet[i]);
        changed = changed || limit != sizes->limit[i];
        sizes->limit[i] = limit;
    }
    uint32_t batch = batch_size(bounds, figures, sizes->batch);
    uint32_t spin = spin_us(bounds, figures, sizes);
    changed = changed || batch != sizes->batch || spin != sizes->spin_us;
    sizes->batch = batch;
    sizes->spin_us = spin;
    return changed;
}

bool fa_tuner_is_settled(const struct fa_tuner_bounds *bounds,
    const struct fa_tuner_figures *figures, const struct fa_tuner_sizes *sizes)
{
    for (int i = 0; i < FA_TUNER_POOLS; i++) {
        if (sizes->limit[i] > 0 && figures->pools[i].size > bounds->pool_min) {
            return false;
        }
    }
    return true;
}
