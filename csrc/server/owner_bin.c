/* owner_bin.c - owners waiting for a thread that may drop them. */
#include "server/owner_bin.h"

#include <string.h>

#include "base/alloc.h"

#define CHUNK_OWNERS 62

struct fa_owner_bin_chunk {
    struct fa_owner_bin_chunk *next;
    size_t n;
    void *owners[CHUNK_OWNERS];
};

fa_status fa_owner_bin_init(struct fa_owner_bin *bin)
{
    bin->chunks = NULL;
    bin->first_count = 0;
    atomic_init(&bin->count, 0);
    return pthread_mutex_init(&bin->lock, NULL) == 0 ? FA_OK : FA_ERR_NOMEM;
}

static void free_chunks(struct fa_owner_bin_chunk *chunk)
{
    while (chunk != NULL) {
        struct fa_owner_bin_chunk *next = chunk->next;
        fa_free(chunk);
        chunk = next;
    }
}

void fa_owner_bin_deinit(struct fa_owner_bin *bin)
{
    free_chunks(bin->chunks);
    bin->chunks = NULL;
    (void)pthread_mutex_destroy(&bin->lock);
}

/* Where the next owner goes; NULL when out of memory. The lock is held. */
static void **next_slot(struct fa_owner_bin *bin)
{
    if (bin->first_count < FA_OWNER_BIN_FIRST) {
        return &bin->first[bin->first_count++];
    }
    struct fa_owner_bin_chunk *chunk = bin->chunks;
    if (chunk == NULL || chunk->n == CHUNK_OWNERS) {
        chunk = fa_alloc(sizeof *chunk);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->next = bin->chunks;
        chunk->n = 0;
        bin->chunks = chunk;
    }
    return &chunk->owners[chunk->n++];
}

void fa_owner_bin_add(struct fa_owner_bin *bin, void *owner)
{
    if (owner == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&bin->lock);
    void **slot = next_slot(bin);
    if (slot != NULL) {
        *slot = owner;
        (void)atomic_fetch_add_explicit(&bin->count, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&bin->lock);
}

void fa_owner_bin_flush(
    struct fa_owner_bin *bin, void (*drop)(void *ctx, void **owners, size_t n), void *ctx)
{
    if (fa_owner_bin_is_empty(bin)) {
        return;
    }
    void *first[FA_OWNER_BIN_FIRST];
    (void)pthread_mutex_lock(&bin->lock);
    size_t n = bin->first_count;
    memcpy(first, bin->first, n * sizeof first[0]);
    struct fa_owner_bin_chunk *chunks = bin->chunks;
    bin->first_count = 0;
    bin->chunks = NULL;
    atomic_store_explicit(&bin->count, 0, memory_order_relaxed);
    (void)pthread_mutex_unlock(&bin->lock);
    if (n > 0) {
        drop(ctx, first, n);
    }
    for (struct fa_owner_bin_chunk *c = chunks; c != NULL; c = c->next) {
        drop(ctx, c->owners, c->n);
    }
    free_chunks(chunks);
}
