/*
 * inbox.h - unbounded list for many producers and one consumer, links inside
 * the items.
 *
 * A push cannot fail and cannot be full: that is why completions use it. The
 * consumer takes the whole list at once, so no node is ever popped alone and
 * the ABA problem does not arise.
 */
#ifndef FA_QUEUE_INBOX_H
#define FA_QUEUE_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

struct fa_inbox_node {
    struct fa_inbox_node *next;
};

struct fa_inbox {
    FA_ALIGNED(FA_CACHELINE) _Atomic(struct fa_inbox_node *) head; /* newest */
};

/*
 * fa_inbox_init - empty.
 */
static inline void fa_inbox_init(struct fa_inbox *i)
{
    atomic_init(&i->head, NULL);
}

/*
 * fa_inbox_push_chain - add nodes linked newest -> ... -> oldest in one step.
 *
 * Ownership: the nodes are the inbox's until fa_inbox_take.
 * Threads:   any. Lock-free.
 * Memory:    release, pairs with the acquire exchange in fa_inbox_take.
 */
static inline void fa_inbox_push_chain(
    struct fa_inbox *i, struct fa_inbox_node *newest, struct fa_inbox_node *oldest)
{
    struct fa_inbox_node *head = atomic_load_explicit(&i->head, memory_order_relaxed);
    do {
        oldest->next = head;
    } while (!atomic_compare_exchange_weak_explicit(
        &i->head, &head, newest, memory_order_release, memory_order_relaxed));
}

/*
 * fa_inbox_push - add one node. Ownership, Threads, Memory: as fa_inbox_push_chain.
 */
static inline void fa_inbox_push(struct fa_inbox *i, struct fa_inbox_node *node)
{
    fa_inbox_push_chain(i, node, node);
}

/*
 * fa_inbox_is_empty - nothing to take?
 *
 * Threads: any. Memory: seq_cst load, so that it can stand between announcing
 *          sleep and sleeping (see base/wakeup.h).
 */
static inline bool fa_inbox_is_empty(const struct fa_inbox *i)
{
    return atomic_load_explicit(&i->head, memory_order_seq_cst) == NULL;
}

/*
 * fa_inbox_take - everything, oldest first; NULL when empty.
 *
 * Ownership: the nodes are the caller's.
 * Threads:   one consumer at a time.
 * Memory:    acquire exchange, pairs with the release in fa_inbox_push_chain.
 */
static inline struct fa_inbox_node *fa_inbox_take(struct fa_inbox *i)
{
    struct fa_inbox_node *node = atomic_exchange_explicit(&i->head, NULL, memory_order_acquire);
    struct fa_inbox_node *oldest = NULL;
    while (node != NULL) {
        struct fa_inbox_node *next = node->next;
        node->next = oldest;
        oldest = node;
        node = next;
    }
    return oldest;
}

#endif
