/* arena.h - memory with the lifetime of one request: many allocations, one reset. */
#ifndef FA_BASE_ARENA_H
#define FA_BASE_ARENA_H

#include <stddef.h>

#include "base/base.h"

struct fa_arena_block;

/* owner: one thread at a time. */
struct fa_arena {
    struct fa_arena_block *blocks; /* newest first; NULL until the first allocation */
    size_t block_size;
    size_t used; /* of the newest block */
};

/*
 * fa_arena_init - an empty arena; allocates nothing yet.
 */
void fa_arena_init(struct fa_arena *a, size_t block_size);

/*
 * fa_arena_alloc - `size` bytes, aligned to 16.
 *
 * Ownership: the arena's, until the next reset.
 * Errors:    NULL when out of memory.
 */
FA_NODISCARD void *fa_arena_alloc(struct fa_arena *a, size_t size);

/*
 * fa_arena_reset - forget everything; the first block is kept for reuse.
 */
void fa_arena_reset(struct fa_arena *a);

/*
 * fa_arena_deinit - free all blocks.
 */
void fa_arena_deinit(struct fa_arena *a);

#endif
