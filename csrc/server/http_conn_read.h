/*
 * http_conn_read.h - the input side of a connection: bytes to requests.
 *
 * owner: reactor thread.
 */
#ifndef FA_SERVER_HTTP_CONN_READ_H
#define FA_SERVER_HTTP_CONN_READ_H

#include <stdbool.h>

#include "base/base.h"
#include "base/status.h"
#include "server/http_conn.h"

/*
 * fa_http_conn_read_run - read what is there and dispatch the requests in it,
 * as far as limits and back-pressure allow.
 */
void fa_http_conn_read_run(struct fa_http_conn *c);

/*
 * fa_http_conn_read_note_end - the peer has closed its side, whether or not its
 * last bytes have been read: tell those who wait for it. Its requests, whole ones,
 * are answered all the same. More than once is fine.
 */
void fa_http_conn_read_note_end(struct fa_http_conn *c);

/*
 * fa_http_conn_read_may_parse - may the next request be taken from the input?
 */
bool fa_http_conn_read_may_parse(const struct fa_http_conn *c);

/*
 * fa_http_conn_read_can_go_on - is there input that can be worked on right now?
 */
bool fa_http_conn_read_can_go_on(const struct fa_http_conn *c);

/*
 * fa_http_conn_read_decided - is `t` an upgrade request? Then it has its answer now, and
 * what follows it in the input is known for what it is. Any other task changes nothing:
 * an answer that goes out before that of the upgrade says nothing about what is behind it.
 */
void fa_http_conn_read_decided(struct fa_http_conn *c, const struct fa_task *t);

/*
 * fa_http_conn_read_keep_input - give the task its own hold on the read buffer.
 *
 * `in_use`: the connection goes on using the buffer. Else, when all of it is
 * consumed, the connection's reference moves to the task.
 */
void fa_http_conn_read_keep_input(struct fa_http_conn *c, struct fa_task *t, bool in_use);

#endif
