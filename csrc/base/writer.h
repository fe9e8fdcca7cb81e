/* writer.h - growing output over one buffer: heads, JSON, chunks. */
#ifndef FA_BASE_WRITER_H
#define FA_BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/base.h"
#include "base/buffer.h"
#include "base/buffer_pool.h"
#include "base/status.h"

/* owner: one thread at a time. Errors stick: check once, at the end. */
struct fa_writer {
    struct fa_buffer *buf; /* one reference is the writer's */
    char *cur;
    char *end;
    struct fa_buffer_cache *cache; /* where a small buffer goes back to; may be NULL */
    fa_status error;
};

/*
 * fa_writer_init - start in a new buffer of at least `capacity` bytes.
 *
 * Errors: FA_ERR_NOMEM; the writer is then empty and must not be used.
 */
FA_NODISCARD fa_status fa_writer_init(
    struct fa_writer *w, struct fa_buffer_cache *cache, size_t capacity);

/*
 * fa_writer_attach - write into `buf` from `offset` on.
 *
 * Ownership: the writer takes over the caller's reference until fa_writer_detach.
 */
void fa_writer_attach(struct fa_writer *w, struct fa_buffer *buf, size_t offset);

/*
 * fa_writer_grow - make room for `n` more bytes in a larger buffer.
 *
 * Errors: false with w->error = FA_ERR_NOMEM; what was written stays, and no
 *         byte is taken after it.
 */
FA_NODISCARD bool fa_writer_grow(struct fa_writer *w, size_t n);

/*
 * fa_writer_detach - end: the buffer with its len set, NULL if there is none.
 *
 * Ownership: the reference is the caller's again.
 */
struct fa_buffer *fa_writer_detach(struct fa_writer *w);

/*
 * fa_writer_reserve - is there (or can there be made) room for `n` bytes at cur?
 */
static inline bool fa_writer_reserve(struct fa_writer *w, size_t n)
{
    return FA_LIKELY((size_t)(w->end - w->cur) >= n) ? true : fa_writer_grow(w, n);
}

/*
 * fa_writer_put - append bytes. Returns false on (or after) an error.
 */
static inline bool fa_writer_put(struct fa_writer *w, const char *ptr, size_t len)
{
    if (!fa_writer_reserve(w, len)) return false;
    if (len > 0) memcpy(w->cur, ptr, len);
    w->cur += len;
    return true;
}

/*
 * fa_writer_putc - append one byte. Returns false on (or after) an error.
 */
static inline bool fa_writer_putc(struct fa_writer *w, char c)
{
    if (!fa_writer_reserve(w, 1)) return false;
    *w->cur++ = c;
    return true;
}

/*
 * fa_writer_len - bytes from the start of the buffer to cur.
 */
static inline size_t fa_writer_len(const struct fa_writer *w)
{
    return (size_t)(w->cur - w->buf->data);
}

#endif
