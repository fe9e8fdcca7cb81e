#include "base/arena.h"

#include "base/alloc.h"

struct fa_arena_block {
    struct fa_arena_block *older;
    size_t size;
    FA_ALIGNED(16) char data[];
};

void fa_arena_init(struct fa_arena *a, size_t block_size)
{
    a->blocks = NULL;
    a->block_size = block_size;
    a->used = 0;
}

static bool add_block(struct fa_arena *a, size_t at_least)
{
    size_t size = at_least > a->block_size ? at_least : a->block_size;
    if (size > PTRDIFF_MAX - sizeof(struct fa_arena_block)) return false;
    struct fa_arena_block *block = fa_alloc(sizeof *block + size);
    if (block == NULL) return false;
    block->older = a->blocks;
    block->size = size;
    a->blocks = block;
    a->used = 0;
    return true;
}

void *fa_arena_alloc(struct fa_arena *a, size_t size)
{
    if (size > SIZE_MAX - 15) return NULL;
    size_t rounded = (size + 15) & ~(size_t)15;
    bool fits = a->blocks != NULL && a->blocks->size - a->used >= rounded;
    if (!fits && !add_block(a, rounded)) return NULL;
    void *ptr = a->blocks->data + a->used;
    a->used += rounded;
    return ptr;
}

void fa_arena_reset(struct fa_arena *a)
{
    while (a->blocks != NULL && a->blocks->older != NULL) {
        struct fa_arena_block *older = a->blocks->older;
        fa_free(a->blocks);
        a->blocks = older;
    }
    a->used = 0;
}

void fa_arena_deinit(struct fa_arena *a)
{
    fa_arena_reset(a);
    fa_free(a->blocks);
    a->blocks = NULL;
}
