/*
 * http_body.h - request bodies: buffered whole for a compiled route, passed on
 * piece by piece for a stream, skipped when the answer came first.
 *
 * A body that came with its head, or fits behind it, stays in the read buffer
 * and is never copied. A larger one is read into a buffer of its own.
 *
 * owner: reactor thread.
 */
#ifndef FA_SERVER_HTTP_BODY_H
#define FA_SERVER_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "base/status.h"
#include "server/http_conn.h"

struct fa_reactor;

/*
 * fa_http_body_begin - a head was parsed and routed: decide how the body comes
 * in, and dispatch the request as soon as it may run (at once for a stream or
 * when there is no body).
 */
void fa_http_body_begin(struct fa_task *t);

/*
 * fa_http_body_consume - use the connection's input for the body being read.
 *
 * Returns true when something changed so that it is worth going on: the body
 * is complete, or input was used up.
 */
bool fa_http_body_consume(struct fa_http_conn *c);

/*
 * fa_http_body_room - where the next bytes, `most` of them, can be received directly.
 *
 * False: receive into the connection's read buffer.
 */
bool fa_http_body_room(struct fa_http_conn *c, uint64_t most, char **dst, size_t *room);

/*
 * fa_http_body_received - `n` bytes were received there. They may be too many: the
 * connection has failed then.
 */
void fa_http_body_received(struct fa_http_conn *c, size_t n);

/*
 * fa_http_body_on_eof - the peer closed its side of a tunnel.
 */
void fa_http_body_on_eof(struct fa_http_conn *c);

/*
 * fa_http_body_send_continue - the body is wanted: tell the client so, once.
 */
void fa_http_body_send_continue(struct fa_task *t);

/*
 * fa_http_body_begin_tunnel - all input from now on belongs to this request.
 */
void fa_http_body_begin_tunnel(struct fa_task *t);

/*
 * fa_http_body_drop - what was received of a body that is not wanted any more is freed.
 */
void fa_http_body_drop(struct fa_task *t);

/*
 * fa_http_body_copy - a buffer with a copy of `bytes`, len set.
 *
 * Errors: NULL when out of memory.
 */
struct fa_buffer *fa_http_body_copy(struct fa_reactor *r, fa_span bytes);

#endif
