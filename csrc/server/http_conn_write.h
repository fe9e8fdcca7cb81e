/*
 * http_conn_write.h - the output side of a connection: answers to bytes.
 *
 * Answers go out in the order of their requests, as many as are ready in one
 * system call.
 *
 * owner: reactor thread.
 */
#ifndef FA_SERVER_HTTP_CONN_WRITE_H
#define FA_SERVER_HTTP_CONN_WRITE_H

#include <stdbool.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "server/http_conn.h"

/*
 * fa_http_conn_write_run - write what is ready; finish answers that are out,
 * and the connection if one of them was its last.
 */
void fa_http_conn_write_run(struct fa_http_conn *c);

/*
 * fa_http_conn_write_has_output - is there a byte that could be written now?
 */
bool fa_http_conn_write_has_output(const struct fa_http_conn *c);

/*
 * fa_http_conn_write_plain - build the server's own answer into t->out: the
 * status, its reason phrase as text, and the preformatted lines `extra`.
 *
 * Sets t->status and, from fa_task_should_close, t->close_after. Never repeats
 * a byte of the request.
 *
 * Errors: FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_http_conn_write_plain(struct fa_task *t, int status, fa_span extra);

#endif
