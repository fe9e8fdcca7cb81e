/*
 * intake.h - the bytes of requests that come in: how many may, and how many are held.
 *
 * Every received byte of a body passes fa_intake_take, whatever becomes of it: kept for
 * a compiled route, passed on to the app, or skipped. So a limit holds on each of these
 * roads, and a client cannot choose another one by a header.
 *
 * Held are bytes that the core has and the app has not read: bodies of compiled routes
 * until their request has ended, unread pieces of streams, heads that are not complete.
 * When they reach the budget no more of a body is read from any socket; the kernel holds
 * the client up. After queue_timeout the slowest body is answered 503 for the others.
 *
 * owner: reactor thread, but for what says so.
 */
#ifndef FA_SERVER_INTAKE_H
#define FA_SERVER_INTAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/status.h"
#include "server/config.h"

struct fa_http_conn;
struct fa_reactor;
struct fa_task;

struct fa_intake {
    uint64_t budget;            /* bytes; read-only, as the next one */
    uint64_t resume_at;         /* those that wait go on when so few are held */
    atomic_uint_least64_t held; /* any thread changes it */
    atomic_bool waiting;        /* some connection may wait for room; the reactor writes it */
};

/*
 * fa_intake_init - nothing is held yet.
 */
void fa_intake_init(struct fa_intake *in, const struct fa_config *config);

/*
 * fa_intake_begin - the head of `t` announces a body, which becomes c->reading.
 *
 * Errors: FA_ERR_BODY_TOO_LARGE for an announced length beyond the limit of its road.
 */
FA_NODISCARD fa_status fa_intake_begin(struct fa_http_conn *c, struct fa_task *t);

/*
 * fa_intake_take - `n` more bytes of the body being read were received: count them,
 * hold them if they are kept for a compiled route, and note that the client moves.
 *
 * Errors: FA_ERR_BODY_TOO_LARGE when they are too many for its road.
 */
FA_NODISCARD fa_status fa_intake_take(struct fa_http_conn *c, size_t n);

/*
 * fa_intake_drop - what was held for a task is not any more: its request has ended, or
 * its body is given to the app. Idempotent.
 */
void fa_intake_drop(struct fa_task *t);

/*
 * fa_intake_note_unread - c->in has changed: hold what lies there of requests to come.
 */
void fa_intake_note_unread(struct fa_http_conn *c);

/*
 * fa_intake_hold, fa_intake_let_go - a stream keeps `n` bytes for the app; the app has
 * read them, or nobody will. fa_intake_let_go tells whether somebody waits for that: the
 * reactor is to be told.
 *
 * Threads: any.
 * Memory:  sequentially consistent with the reactor's decision to wait: either it sees
 *          the room, or this sees that it waits.
 */
void fa_intake_hold(struct fa_intake *in, size_t n);
bool fa_intake_let_go(struct fa_intake *in, size_t n);

/*
 * fa_intake_room - how many bytes of a body may be read now, at least one; or 0, and then
 * the connection is among those that fa_intake_resume wakes.
 */
uint64_t fa_intake_room(struct fa_http_conn *c);

/*
 * fa_intake_resume - if there is room again, schedule the connections that wait for it.
 */
void fa_intake_resume(struct fa_reactor *r);

/*
 * fa_intake_make_room - somebody has waited for queue_timeout: answer the slowest bodies
 * 503 until there is room; `waiter` itself if all that is held is the app's to let go.
 */
void fa_intake_make_room(struct fa_reactor *r, struct fa_http_conn *waiter);

#endif
