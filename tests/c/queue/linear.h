/*
 * linear.h - is a recorded history that of a bounded first-in-first-out queue?
 *
 * Linearizable: each operation can be given one moment between its begin and its
 * end, so that in the order of these moments every answer is that of a queue that
 * does one thing at a time. The search is Wing and Gong's with Lowe's memory of
 * states seen: of the operations that may come next, try each; what remains to be
 * searched depends only on which are done and on what the queue then holds.
 *
 * LINEAR_STRICT: "full" means that `capacity` items are inside, "empty" that none is.
 * LINEAR_WEAK:   as csrc/queue/mpmc_queue.h promises. "empty" may also be said while
 *                the push of the oldest item is under way, "full" while the pop is
 *                that frees the slot the push needs: it has its moment, but not ended.
 *
 * Values are distinct and not 0. At most 64 operations, capacity at most 8.
 */
#ifndef FA_TESTS_LINEAR_H
#define FA_TESTS_LINEAR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LINEAR_OPS = 64, LINEAR_CAPACITY = 8, LINEAR_SEEN = 1 << 14 };
enum linear_kind { LINEAR_PUSH, LINEAR_POP };
enum linear_rule { LINEAR_STRICT, LINEAR_WEAK };

struct linear_op {
    enum linear_kind kind;
    bool done;      /* false: the push met a full queue, the pop an empty one */
    uint64_t value; /* pushed or popped */
    uint64_t begin, end;
};

/* What the rest of the search depends on. */
struct linear_state {
    uint64_t done;                       /* operations that have had their moment */
    uint8_t window[2 * LINEAR_CAPACITY]; /* last pushes popped, then those inside; plus 1 */
};

struct linear {
    const struct linear_op *ops;
    size_t n, capacity;
    enum linear_rule rule;
    uint64_t done;
    uint64_t now;               /* the earliest moment of the latest operation */
    uint8_t pushed[LINEAR_OPS]; /* successful pushes in order: k-th item in, k-th item out */
    uint8_t popped[LINEAR_OPS]; /* and the pops that took them */
    size_t pushes, pops;
    size_t states; /* how many were searched */
    struct linear_state seen[LINEAR_SEEN];
};

/* May operation i come now, and with this answer? */
static inline bool linear_fits(const struct linear *l, const struct linear_op *op, uint64_t now)
{
    size_t inside = l->pushes - l->pops;
    if (op->kind == LINEAR_PUSH) {
        if (op->done) return inside < l->capacity;
        if (inside == l->capacity) return true;
        if (l->rule == LINEAR_STRICT || l->pushes < l->capacity) return false;
        return l->ops[l->popped[l->pushes - l->capacity]].end > now;
    }
    if (op->done) return inside > 0 && l->ops[l->pushed[l->pops]].value == op->value;
    if (inside == 0) return true;
    return l->rule == LINEAR_WEAK && l->ops[l->pushed[l->pops]].end > now;
}

/* Note the state; false when the search has been here before. */
static inline bool linear_note(struct linear *l)
{
    struct linear_state state = {.done = l->done};
    size_t first = l->pops > l->capacity ? l->pops - l->capacity : 0;
    uint64_t hash = l->done * 0x9e3779b97f4a7c15u;
    for (size_t i = first; i < l->pushes; i++) {
        state.window[i - first] = (uint8_t)(l->pushed[i] + 1);
        hash = (hash ^ state.window[i - first]) * 0x9e3779b97f4a7c15u;
    }
    l->states++;
    for (size_t probe = 0; probe < 16; probe++) {
        struct linear_state *at = &l->seen[((hash >> 40) + probe) & (LINEAR_SEEN - 1)];
        if (at->done == 0) {
            *at = state;
            return true;
        }
        if (memcmp(at, &state, sizeof state) == 0) return false;
    }
    return true; /* no room: searched again if need be */
}

static inline bool linear_search(struct linear *l)
{
    uint64_t all = l->n == LINEAR_OPS ? UINT64_MAX : ((uint64_t)1 << l->n) - 1;
    uint64_t soonest = UINT64_MAX;
    if (l->done == all) return true;
    for (size_t i = 0; i < l->n; i++)
        if ((l->done >> i & 1) == 0 && l->ops[i].end < soonest) soonest = l->ops[i].end;
    for (size_t i = 0; i < l->n; i++) {
        const struct linear_op *op = &l->ops[i];
        uint64_t before = l->now, now = op->begin > before ? op->begin : before;
        /* One that begins after another's end cannot come before that other. */
        if ((l->done >> i & 1) != 0 || op->begin > soonest || !linear_fits(l, op, now)) continue;
        l->done |= (uint64_t)1 << i;
        l->now = now;
        size_t *count = op->kind == LINEAR_PUSH ? &l->pushes : &l->pops;
        if (op->done) (op->kind == LINEAR_PUSH ? l->pushed : l->popped)[(*count)++] = (uint8_t)i;
        if (linear_note(l) && linear_search(l)) return true;
        if (op->done) (*count)--;
        l->now = before;
        l->done &= ~((uint64_t)1 << i);
    }
    return false;
}

/*
 * linear_check - can the n operations have happened one after another?
 *
 * l is working memory. Afterwards l->states says how large the search was.
 */
static inline bool linear_check(
    struct linear *l, const struct linear_op *ops, size_t n, size_t capacity, enum linear_rule rule)
{
    memset(l, 0, sizeof *l);
    l->ops = ops;
    l->n = n;
    l->capacity = capacity;
    l->rule = rule;
    return n <= LINEAR_OPS && capacity <= LINEAR_CAPACITY && linear_search(l);
}

#endif
