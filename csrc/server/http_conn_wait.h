/*
 * http_conn_wait.h - what a connection waits for, and until when.
 *
 * It is read off the connection's state after each step; what happens when the time
 * is up is http_conn.c's.
 *
 * owner: reactor thread.
 */
#ifndef FA_SERVER_HTTP_CONN_WAIT_H
#define FA_SERVER_HTTP_CONN_WAIT_H

#include <stdbool.h>

#include "base/base.h"
#include "server/http_conn.h"

/* Decides which timeout applies; kept in fa_http_conn.wait. */
enum fa_http_conn_wait {
    FA_HTTP_CONN_WAIT_NOTHING,  /* an executor or the app has its requests */
    FA_HTTP_CONN_WAIT_NEWCOMER, /* accepted, and nothing has come yet */
    FA_HTTP_CONN_WAIT_REQUEST,  /* idle */
    FA_HTTP_CONN_WAIT_HEAD,
    FA_HTTP_CONN_WAIT_BODY,
    FA_HTTP_CONN_WAIT_ROOM, /* for its body, see intake.h */
    FA_HTTP_CONN_WAIT_SEND,
    FA_HTTP_CONN_WAIT_QUEUE,
    FA_HTTP_CONN_WAIT_LINGER
};

/*
 * fa_http_conn_wait_is_idle - is there nothing of a request? Closing it loses nothing.
 */
static inline bool fa_http_conn_wait_is_idle(const struct fa_http_conn *c)
{
    return c->wait == FA_HTTP_CONN_WAIT_REQUEST || c->wait == FA_HTTP_CONN_WAIT_NEWCOMER;
}

/*
 * fa_http_conn_wait_update - the connection's state may have changed: set `wait`, its
 * deadline and, if it must fire earlier than it would, the timer.
 */
void fa_http_conn_wait_update(struct fa_http_conn *c);

/*
 * fa_http_conn_wait_is_over - the timer fired: is the time up? If it fired before the
 * deadline, which was moved meanwhile, it is armed again.
 */
FA_NODISCARD bool fa_http_conn_wait_is_over(struct fa_http_conn *c);

#endif
