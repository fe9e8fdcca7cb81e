/* The growing writer. */
#include "base/writer.h"

#include "base/alloc.h"
#include "check.h"

TEST(grows_and_keeps_what_was_written)
{
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 4), FA_OK);
    for (int i = 0; i < 1000; i++)
        CHECK(fa_writer_putc(&w, (char)('a' + i % 26)));
    CHECK(fa_writer_put(&w, "xyz", 3));
    CHECK_EQ_INT(fa_writer_len(&w), 1003);
    struct fa_buffer *b = fa_writer_detach(&w);
    CHECK_EQ_INT(b->len, 1003);
    CHECK_EQ_INT(b->data[999], 'a' + 999 % 26);
    CHECK_EQ_INT(memcmp(b->data + 1000, "xyz", 3), 0);
    fa_buffer_release(b);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(attached_behind_an_offset)
{
    struct fa_writer w;
    struct fa_buffer *b = fa_buffer_new(16);
    memcpy(b->data, "room", 4);
    fa_writer_attach(&w, b, 4);
    CHECK(fa_writer_put(&w, "0123456789abcdef", 16)); /* moves to a larger buffer */
    b = fa_writer_detach(&w);
    CHECK_EQ_INT(b->len, 20);
    CHECK_EQ_INT(memcmp(b->data, "room0123456789abcdef", 20), 0);
    fa_buffer_release(b);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(from_a_cache_and_back)
{
    struct fa_buffer_pool pool;
    struct fa_buffer_cache cache;
    struct fa_writer w;
    CHECK_EQ_INT(fa_buffer_pool_init(&pool, 32, 4, true), FA_OK);
    fa_buffer_cache_init(&cache, &pool);
    CHECK_EQ_INT(fa_writer_init(&w, &cache, 10), FA_OK);
    CHECK(w.buf->pool == &pool);
    for (int i = 0; i < 100; i++)
        CHECK(fa_writer_putc(&w, 'x'));
    CHECK_EQ_INT(cache.count, 1); /* the small one went back when it was outgrown */
    fa_buffer_release(fa_writer_detach(&w));
    fa_buffer_cache_deinit(&cache);
    fa_buffer_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(errors_stick)
{
    struct fa_writer w;
    fa_alloc_fail_at(1);
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 8), FA_ERR_NOMEM);
    CHECK(fa_writer_detach(&w) == NULL);
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 8), FA_OK);
    CHECK(fa_writer_put(&w, "12345678", 8));
    fa_alloc_fail_at(1);
    CHECK(!fa_writer_putc(&w, '9'));
    CHECK_EQ_INT(w.error, FA_ERR_NOMEM);
    CHECK(!fa_writer_putc(&w, '9')); /* memory is there again, the text is not */
    CHECK(!fa_writer_reserve(&w, SIZE_MAX - 4));
    struct fa_buffer *b = fa_writer_detach(&w);
    CHECK_EQ_INT(b->len, 8);
    fa_buffer_release(b);
}

/* A long text did not fit; a short one behind it would, and would leave a hole. */
TEST(errors_stick_while_there_is_room)
{
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 8), FA_OK);
    CHECK(fa_writer_put(&w, "1234", 4));
    fa_alloc_fail_at(1);
    CHECK(!fa_writer_put(&w, "567890", 6));
    CHECK(!fa_writer_putc(&w, '5'));
    CHECK(!fa_writer_put(&w, "56", 2));
    CHECK(!fa_writer_reserve(&w, 1));
    CHECK_EQ_INT(w.error, FA_ERR_NOMEM);
    CHECK_EQ_INT(fa_writer_len(&w), 4);
    struct fa_buffer *b = fa_writer_detach(&w);
    CHECK_EQ_INT(b->len, 4);
    CHECK_EQ_INT(memcmp(b->data, "1234", 4), 0);
    fa_buffer_release(b);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

int main(void)
{
    RUN(grows_and_keeps_what_was_written);
    RUN(attached_behind_an_offset);
    RUN(from_a_cache_and_back);
    RUN(errors_stick);
    RUN(errors_stick_while_there_is_room);
    return CHECK_END();
}
