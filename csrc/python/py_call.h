/* py_call.h - run one request's plan: extract, call, answer. */
#ifndef FA_PYTHON_PY_CALL_H
#define FA_PYTHON_PY_CALL_H

#include "python/py_plan.h"
#include "python/py_server.h"
#include "server/task.h"

extern PyType_Spec fa_py_pending_spec;

/*
 * fa_py_call_sync - run a `def` handler to its end, here and now.
 *
 * GIL:       attached thread state required; worker threads, or the loop thread
 *            for handlers marked inline.
 * Calls out: yes.
 * Errors:    none: every outcome ends in fa_executor_complete or _hand_over.
 */
void fa_py_call_sync(struct fa_py_server *owner, struct fa_clock_date *date, struct fa_task *task);

/*
 * fa_py_call_rest - what a plan has left for a worker (FA_PY_KIND_REST), in a copy of the
 * plan's context, as FastAPI runs `def` functions of an `async def` request.
 *
 * GIL, Calls out, Errors: as fa_py_call_sync; worker threads.
 */
void fa_py_call_rest(struct fa_py_server *owner, struct fa_clock_date *date, struct fa_task *task);

/*
 * fa_py_call_async - start an `async def` handler; step it to its end directly
 * when its code cannot suspend, else as an asyncio.Task.
 *
 * GIL:       attached thread state required; the event-loop thread only.
 * Calls out: yes.
 * Errors:    none, as fa_py_call_sync (a Task completes the request later).
 */
void fa_py_call_async(struct fa_py_server *owner, struct fa_task *task);

/*
 * fa_py_call_pending - the asyncio.Tasks of handlers that wait for something, as
 * a new list.
 *
 * GIL: attached thread state required; the event-loop thread only.
 * Errors: NULL with MemoryError set.
 */
PyObject *fa_py_call_pending(struct fa_py_server *owner);

/*
 * fa_py_call_traverse_pending, fa_py_call_drop_pending - tp_traverse and tp_clear
 * of the handlers that wait; a dropped one is answered as if it had raised.
 */
int fa_py_call_traverse_pending(struct fa_py_server *owner, visitproc visit, void *arg);
void fa_py_call_drop_pending(struct fa_py_server *owner);

#endif
