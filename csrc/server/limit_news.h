/*
 * limit_news.h - limits that were hit: a count of each, and word of it to whoever logs.
 *
 * The reactor cannot log: it counts, and writes to a descriptor, at most once a second,
 * that some count has changed. So a flood of refusals costs the log a line a second.
 *
 * owner: reactor thread.
 */
#ifndef FA_SERVER_LIMIT_NEWS_H
#define FA_SERVER_LIMIT_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/stats.h"
#include "base/status.h"

#define FA_LIMIT_NEWS_INTERVAL_NS UINT64_C(1000000000)

struct fa_limit_news {
    int fd;          /* an eventfd of the one who logs; -1: nobody does. Set before the start */
    bool pending;    /* something changed since the last word of it */
    uint64_t due_ns; /* not before this */
};

/*
 * fa_limit_news_init - nobody is told.
 */
void fa_limit_news_init(struct fa_limit_news *news);

/*
 * fa_limit_news_note - `counter`, one of a limit's, goes up by one.
 */
void fa_limit_news_note(struct fa_limit_news *news, fa_counter *counter);

/*
 * fa_limit_news_note_refusal - a request is answered with the error `why`: count it if
 * that is a limit's, or the request is no HTTP.
 */
void fa_limit_news_note_refusal(struct fa_limit_news *news, struct fa_stats *stats, fa_status why);

/*
 * fa_limit_news_turn - once a round: tell of news, if that is due.
 */
void fa_limit_news_turn(struct fa_limit_news *news, uint64_t now_ns);

#endif
