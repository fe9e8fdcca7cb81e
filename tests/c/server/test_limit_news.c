/* Limits that were hit: counted each, and told of once a second. */
#include "check.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/limit_news.h"

#define S UINT64_C(1000000000)

static uint64_t told(int fd)
{
    uint64_t times = 0;
    return read(fd, &times, sizeof times) == (ssize_t)sizeof times ? times : 0;
}

TEST(each_refusal_has_its_counter)
{
    struct fa_limit_news news;
    struct fa_stats stats;
    memset(&stats, 0, sizeof stats);
    fa_limit_news_init(&news);
    static const fa_status WHY[] = {FA_ERR_URI_TOO_LONG, FA_ERR_HEADERS_TOO_LARGE,
        FA_ERR_BODY_TOO_LARGE, FA_ERR_BAD_REQUEST, FA_ERR_HTTP_VERSION, FA_ERR_NOMEM};
    for (size_t i = 0; i < sizeof WHY / sizeof WHY[0]; i++) {
        fa_limit_news_note_refusal(&news, &stats, WHY[i]);
    }
    CHECK_EQ_INT(fa_stats_read(&stats.lines_too_long), 1);
    CHECK_EQ_INT(fa_stats_read(&stats.headers_too_large), 1);
    CHECK_EQ_INT(fa_stats_read(&stats.bodies_too_large), 1);
    CHECK_EQ_INT(fa_stats_read(&stats.invalid_requests), 2);
    CHECK(!news.pending); /* nobody wants to hear */
}

TEST(a_flood_is_told_of_once_a_second)
{
    struct fa_limit_news news;
    struct fa_stats stats;
    memset(&stats, 0, sizeof stats);
    fa_limit_news_init(&news);
    news.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    fa_limit_news_turn(&news, 5 * S);
    CHECK_EQ_INT(told(news.fd), 0);
    for (int i = 0; i < 1000; i++) {
        fa_limit_news_note(&news, &stats.slow_heads);
        fa_limit_news_turn(&news, 5 * S + (uint64_t)i);
    }
    CHECK_EQ_INT(told(news.fd), 1);
    fa_limit_news_turn(&news, 6 * S - 1);
    CHECK_EQ_INT(told(news.fd), 0);
    fa_limit_news_turn(&news, 6 * S);
    CHECK_EQ_INT(told(news.fd), 1); /* of the rest */
    fa_limit_news_turn(&news, 60 * S);
    CHECK_EQ_INT(told(news.fd), 0);
    CHECK_EQ_INT(fa_stats_read(&stats.slow_heads), 1000);
    close(news.fd);
}

int main(void)
{
    RUN(each_refusal_has_its_counter);
    RUN(a_flood_is_told_of_once_a_second);
    return CHECK_END();
}
