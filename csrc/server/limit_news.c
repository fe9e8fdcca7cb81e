/* limit_news.c - limits that were hit: a count of each, and word of it to whoever logs. */
#include "server/limit_news.h"

#include <unistd.h>

void fa_limit_news_init(struct fa_limit_news *news)
{
    *news = (struct fa_limit_news){.fd = -1};
}

void fa_limit_news_note(struct fa_limit_news *news, fa_counter *counter)
{
    fa_stats_bump(counter, 1);
    news->pending = news->fd >= 0;
}

void fa_limit_news_note_refusal(struct fa_limit_news *news, struct fa_stats *stats, fa_status why)
{
    switch (why) {
    case FA_ERR_URI_TOO_LONG: fa_limit_news_note(news, &stats->lines_too_long); break;
    case FA_ERR_HEADERS_TOO_LARGE: fa_limit_news_note(news, &stats->headers_too_large); break;
    case FA_ERR_BODY_TOO_LARGE: fa_limit_news_note(news, &stats->bodies_too_large); break;
    case FA_ERR_BAD_REQUEST:
    case FA_ERR_EXPECTATION:
    case FA_ERR_NOT_IMPLEMENTED:
    case FA_ERR_HTTP_VERSION: fa_limit_news_note(news, &stats->invalid_requests); break;
    default: break; /* counted where it was noticed, or no limit's */
    }
}

void fa_limit_news_turn(struct fa_limit_news *news, uint64_t now_ns)
{
    if (!news->pending || now_ns < news->due_ns) {
        return;
    }
    static const uint64_t ONE = 1;
    news->pending = false;
    news->due_ns = now_ns + FA_LIMIT_NEWS_INTERVAL_NS;
    /* Full only if nobody reads, and then nobody misses it. */
    (void)!write(news->fd, &ONE, sizeof ONE);
}
