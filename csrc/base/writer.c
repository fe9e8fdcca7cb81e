#include "base/writer.h"

fa_status fa_writer_init(struct fa_writer *w, struct fa_buffer_cache *cache, size_t capacity)
{
    struct fa_buffer *buf = cache != NULL && capacity <= cache->pool->buffer_size
                                ? fa_buffer_cache_get(cache)
                                : fa_buffer_new(capacity);
    if (buf == NULL) {
        memset(w, 0, sizeof *w);
        w->error = FA_ERR_NOMEM;
        return FA_ERR_NOMEM;
    }
    fa_writer_attach(w, buf, 0);
    w->cache = cache;
    return FA_OK;
}

void fa_writer_attach(struct fa_writer *w, struct fa_buffer *buf, size_t offset)
{
    w->buf = buf;
    w->cur = buf->data + offset;
    w->end = buf->data + buf->capacity;
    w->cache = NULL;
    w->error = FA_OK;
}

bool fa_writer_grow(struct fa_writer *w, size_t n)
{
    if (w->error != FA_OK || w->buf == NULL) return false;
    size_t used = fa_writer_len(w), capacity = w->buf->capacity;
    struct fa_buffer *larger = NULL;
    if (n <= UINT32_MAX - used) {
        size_t doubled = fa_min_size(capacity * 2, UINT32_MAX);
        larger = fa_buffer_new(used + n < doubled ? doubled : used + n);
    }
    if (larger == NULL) {
        w->error = FA_ERR_NOMEM;
        w->end = w->cur; /* no room from now on: a later, shorter text must not leave a hole */
        return false;
    }
    memcpy(larger->data, w->buf->data, used);
    if (w->cache != NULL) {
        fa_buffer_cache_release(w->cache, w->buf);
    } else {
        fa_buffer_release(w->buf);
    }
    w->buf = larger;
    w->cur = larger->data + used;
    w->end = larger->data + larger->capacity;
    return true;
}

struct fa_buffer *fa_writer_detach(struct fa_writer *w)
{
    struct fa_buffer *buf = w->buf;
    if (buf != NULL) buf->len = (uint32_t)fa_writer_len(w);
    w->buf = NULL;
    w->cur = w->end = NULL;
    return buf;
}
