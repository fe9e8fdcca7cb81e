/* Reference-counted buffers. */
#include "base/buffer.h"

#include <pthread.h>

#include "base/alloc.h"
#include "check.h"

TEST(the_last_reference_frees)
{
    uint64_t before = fa_alloc_live();
    struct fa_buffer *b = fa_buffer_new(100);
    CHECK(b != NULL);
    CHECK_EQ_INT(b->capacity, 100);
    CHECK_EQ_INT(b->len, 0);
    memset(b->data, 1, 100);
    CHECK(fa_buffer_retain(b) == b);
    fa_buffer_release(b);
    CHECK_EQ_INT(fa_alloc_live() - before, 1);
    fa_buffer_release(b);
    CHECK_EQ_INT(fa_alloc_live(), before);
}

TEST(too_large_or_no_memory)
{
    CHECK(fa_buffer_new((size_t)UINT32_MAX + 1) == NULL);
    fa_alloc_fail_at(1);
    CHECK(fa_buffer_new(10) == NULL);
}

struct part {
    struct fa_buffer *buffer;
    size_t index;
};

static void *release_many(void *arg)
{
    struct fa_buffer *b = ((struct part *)arg)->buffer;
    b->data[((struct part *)arg)->index] = 1; /* whoever frees it comes after this */
    for (int i = 0; i < 10000; i++) {
        fa_buffer_retain(b);
        fa_buffer_release(b);
    }
    fa_buffer_release(b);
    return NULL;
}

TEST(shared_by_threads)
{
    uint64_t before = fa_alloc_live();
    struct fa_buffer *b = fa_buffer_new(8);
    struct part parts[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        fa_buffer_retain(b);
        parts[i] = (struct part){b, i};
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, release_many, &parts[i]), 0);
    }
    fa_buffer_release(b);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(fa_alloc_live(), before);
}

int main(void)
{
    RUN(the_last_reference_frees);
    RUN(too_large_or_no_memory);
    RUN(shared_by_threads);
    return CHECK_END();
}
