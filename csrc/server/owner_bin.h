/*
 * owner_bin.h - owners of bytes that were sent, waiting for a thread that may
 * drop them.
 *
 * The reactor must not touch objects of the interpreter. It puts their owners
 * here; a thread that is attached anyway takes them out in batches.
 */
#ifndef FA_SERVER_OWNER_BIN_H
#define FA_SERVER_OWNER_BIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "base/status.h"

struct fa_owner_bin_chunk;

#define FA_OWNER_BIN_FIRST 64

struct fa_owner_bin {
    pthread_mutex_t lock;            /* guards all but count */
    void *first[FA_OWNER_BIN_FIRST]; /* so that the usual few need no memory */
    size_t first_count;
    struct fa_owner_bin_chunk *chunks; /* what did not fit there, newest first */
    atomic_size_t count;
};

/*
 * fa_owner_bin_init, fa_owner_bin_deinit - an empty bin; deinit forgets what
 * is still in it (empty it first).
 */
FA_NODISCARD fa_status fa_owner_bin_init(struct fa_owner_bin *bin);
void fa_owner_bin_deinit(struct fa_owner_bin *bin);

/*
 * fa_owner_bin_add - put one owner in (NULL is ignored).
 *
 * When FA_OWNER_BIN_FIRST owners are waiting already and there is no memory for
 * more, the owner is never dropped: a leak, but never a use after free.
 *
 * Threads: any.
 */
void fa_owner_bin_add(struct fa_owner_bin *bin, void *owner);

/*
 * fa_owner_bin_is_empty - a cheap look, for a thread that could take some.
 */
static inline bool fa_owner_bin_is_empty(struct fa_owner_bin *bin)
{
    return atomic_load_explicit(&bin->count, memory_order_relaxed) == 0;
}

/*
 * fa_owner_bin_flush - take everything out and give it to `drop`.
 *
 * Threads: any; `drop` is called without the lock.
 */
void fa_owner_bin_flush(
    struct fa_owner_bin *bin, void (*drop)(void *ctx, void **owners, size_t n), void *ctx);

#endif
