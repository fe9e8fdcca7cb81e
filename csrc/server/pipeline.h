/*
 * pipeline.h - the path of a request through the server, as functions called
 * by the reactor. Read pipeline.c first: it is the table of contents.
 */
#ifndef FA_SERVER_PIPELINE_H
#define FA_SERVER_PIPELINE_H

#include <stdbool.h>

#include "base/base.h"
#include "server/task.h"

struct fa_http_conn;
struct fa_server;

/*
 * fa_pipeline_on_readable - bytes may have arrived: read, parse, route, queue.
 *
 * Threads: reactor. `c` may be closed afterwards, but is not freed before the
 *          reactor's next round.
 */
void fa_pipeline_on_readable(struct fa_http_conn *c);

/*
 * fa_pipeline_on_parsed - a request head is complete in t->req: decode its
 * path, find its route, decide how its body is read.
 *
 * Threads: reactor.
 */
void fa_pipeline_on_parsed(struct fa_task *t);

/*
 * fa_pipeline_dispatch - the request is ready for its executor: queue it (or
 * run it, lane INLINE). A full queue stalls the task and its connection.
 *
 * Threads: reactor.
 */
void fa_pipeline_dispatch(struct fa_task *t);

/*
 * fa_pipeline_on_completion - the executor gave a task back: its answer goes
 * out, or it is handed over to the app.
 *
 * Threads: reactor.
 */
void fa_pipeline_on_completion(struct fa_task *t);

/*
 * fa_pipeline_on_stream - the app did something with a handed-over request.
 *
 * Threads: reactor.
 */
void fa_pipeline_on_stream(struct fa_task *t);

#endif
