/* The channel by itself: both directions, back-pressure, events, errors. */
#include "check.h"
#include "fake_executor.h"

#include "server/server_state.h"

struct channel {
    struct fa_server *server;
    struct fa_task task;
    struct fa_stream *s;
    int dropped;
};

static void open_channel(struct channel *c)
{
    struct fa_config config;
    memset(c, 0, sizeof *c);
    fa_config_defaults(&config);
    fake_require(fa_server_new(&config, NULL, NULL, &c->server) == FA_OK, "new");
    c->task.server = c->server;
    c->task.state = FA_TASK_STREAMING;
    c->s = fa_stream_new(&c->task, 10);
    c->task.stream = c->s;
}

static void close_channel(struct channel *c)
{
    fa_stream_free(c->s);
    fa_server_free(c->server);
}

static void count_drop(void *ctx, void *owner)
{
    struct channel *c = ctx;
    CHECK(owner == c);
    c->dropped++;
}

/* What the reactor does with the stream inbox. */
static struct fa_stream_news look(struct channel *c)
{
    struct fa_stream_news news = {0};
    struct fa_inbox_node *node = fa_inbox_take(&c->server->streams);
    CHECK(node == NULL || (node == &c->s->node && node->next == NULL));
    if (node != NULL) {
        fa_stream_leave_inbox(c->s);
    }
    fa_stream_collect(c->s, &news);
    return news;
}

TEST(body_to_the_app)
{
    struct channel c;
    struct fa_buffer *chunk;
    bool eof, gone;
    open_channel(&c);
    CHECK(!fa_stream_feed(c.s, fake_buffer("12345", 5), false));
    CHECK(fa_stream_feed(c.s, fake_buffer("67890", 5), false)); /* at the high-water mark */
    CHECK(fa_stream_claim_event(c.s));
    CHECK(!fa_stream_claim_event(c.s)); /* one at a time */
    CHECK(fa_stream_take_event(&c.task));
    CHECK_EQ_INT(fa_stream_read(&c.task, &chunk, &eof, &gone), FA_OK);
    CHECK(chunk != NULL && memcmp(chunk->data, "12345", 5) == 0 && !eof && !gone);
    fa_buffer_release(chunk);
    CHECK(look(&c).resume_reading);
    CHECK(!look(&c).resume_reading);
    CHECK(!fa_stream_feed(c.s, NULL, true));
    CHECK_EQ_INT(fa_stream_read(&c.task, &chunk, &eof, &gone), FA_OK);
    CHECK(chunk != NULL && eof);
    fa_buffer_release(chunk);
    CHECK_EQ_INT(fa_stream_read(&c.task, &chunk, &eof, &gone), FA_OK);
    CHECK(chunk == NULL && eof);
    close_channel(&c);
}

TEST(wanting_the_body_is_told_once)
{
    struct channel c;
    open_channel(&c);
    CHECK(!look(&c).body_wanted && !c.task.app_wants_body);
    fa_stream_want_body(&c.task);
    fa_stream_want_body(&c.task);
    CHECK(look(&c).body_wanted && c.task.app_wants_body);
    close_channel(&c);
}

TEST(output_to_the_reactor)
{
    struct channel c;
    open_channel(&c);
    CHECK_EQ_INT(fake_write(&c.task, "head", 4), FA_OK);
    CHECK_EQ_INT(fa_stream_write_external(&c.task, "external", 8, &c), FA_OK);
    CHECK_EQ_INT(fake_write(&c.task, "tail", 4), FA_OK);
    CHECK_EQ_INT(fa_stream_pending(&c.task), 16);
    (void)look(&c);
    CHECK(!fa_stream_sent(c.s, 5, count_drop, &c));
    CHECK_EQ_INT(fa_stream_pending(&c.task), 11);
    CHECK(c.s->ready->kind == FA_STREAM_EXTERNAL && c.s->ready->len == 7);
    CHECK(memcmp(c.s->ready->ptr, "xternal", 7) == 0);
    CHECK(fa_stream_sent(c.s, 7, count_drop, &c)); /* below the mark again */
    CHECK_EQ_INT(c.dropped, 1);
    CHECK(!fa_stream_sent(c.s, 4, count_drop, &c));
    CHECK(c.s->ready == NULL && c.s->slots_used == 0);
    close_channel(&c);
}

TEST(unsent_output_is_dropped)
{
    struct channel c;
    int fd = open("/dev/null", O_RDONLY);
    open_channel(&c);
    CHECK_EQ_INT(fake_write(&c.task, "a", 1), FA_OK);
    CHECK_EQ_INT(fa_stream_write_external(&c.task, "b", 1, &c), FA_OK);
    (void)look(&c);
    CHECK_EQ_INT(fa_stream_write_external(&c.task, "c", 1, &c), FA_OK);
    CHECK_EQ_INT(fa_stream_write_external(&c.task, "static", 6, NULL), FA_OK);
    CHECK_EQ_INT(fa_stream_write_file(&c.task, fd, 0, 100), FA_OK);
    fa_stream_set_disconnected(c.s);
    fa_stream_drop_output(c.s, count_drop, &c);
    CHECK_EQ_INT(c.dropped, 2);
    CHECK(fcntl(fd, F_GETFD) < 0); /* closed */
    struct fa_buffer *b = fake_buffer("x", 1);
    CHECK_EQ_INT(fa_stream_write(&c.task, b, 0), FA_ERR_CLOSED);
    CHECK_EQ_INT(fa_stream_write(&c.task, b, 2), FA_ERR_INVALID);
    fa_buffer_release(b); /* still ours */
    CHECK(fa_stream_is_peer_closed(&c.task));
    close_channel(&c);
}

TEST(the_end)
{
    struct channel c;
    open_channel(&c);
    CHECK(fa_stream_claim_event(c.s));
    fa_stream_end(&c.task, true);
    CHECK(!fa_stream_is_idle(c.s)); /* in the inbox */
    struct fa_stream_news news = look(&c);
    CHECK(news.ended && news.close && !news.aborted);
    CHECK(!fa_stream_is_idle(c.s)); /* the event is still queued */
    CHECK(!fa_stream_take_event(&c.task));
    CHECK(!fa_stream_is_idle(c.s)); /* told the reactor */
    (void)look(&c);
    CHECK(fa_stream_is_idle(c.s));
    CHECK(!fa_stream_claim_event(c.s));
    CHECK_EQ_INT(fa_stream_write_external(&c.task, "x", 1, NULL), FA_ERR_INVALID);
    close_channel(&c);
}

TEST(upgrade_only_when_asked_for)
{
    struct channel c;
    open_channel(&c);
    CHECK_EQ_INT(fa_stream_upgrade(&c.task), FA_ERR_INVALID);
    c.task.req.upgrade = true;
    CHECK_EQ_INT(fa_stream_upgrade(&c.task), FA_OK);
    CHECK(look(&c).upgraded);
    fa_stream_set_disconnected(c.s);
    CHECK_EQ_INT(fa_stream_upgrade(&c.task), FA_ERR_CLOSED);
    close_channel(&c);
}

TEST(out_of_memory)
{
    struct channel c;
    open_channel(&c);
    for (int i = 0; i < FA_STREAM_EMBEDDED_ITEMS; i++) {
        CHECK_EQ_INT(fa_stream_write_external(&c.task, "x", 1, NULL), FA_OK);
    }
    fa_alloc_fail_at(1);
    CHECK_EQ_INT(fa_stream_write_external(&c.task, "x", 1, NULL), FA_ERR_NOMEM);
    fa_alloc_fail_at(1);
    CHECK(fa_stream_new(&c.task, 10) == NULL);
    fa_alloc_fail_at(0);
    CHECK_EQ_INT(fa_stream_pending(&c.task), FA_STREAM_EMBEDDED_ITEMS);
    close_channel(&c);
}

int main(void)
{
    RUN(body_to_the_app);
    RUN(wanting_the_body_is_told_once);
    RUN(output_to_the_reactor);
    RUN(unsent_output_is_dropped);
    RUN(the_end);
    RUN(upgrade_only_when_asked_for);
    RUN(out_of_memory);
    return CHECK_END();
}
