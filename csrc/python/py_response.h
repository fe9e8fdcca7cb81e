/* py_response.h - a handler's return value to the wire bytes of its answer. */
#ifndef FA_PYTHON_PY_RESPONSE_H
#define FA_PYTHON_PY_RESPONSE_H

#include "base/clock.h"
#include "python/py_plan.h"
#include "python/py_server.h"
#include "server/task.h"

enum fa_py_reply {
    FA_PY_REPLY_DONE,   /* task->out (and tail) hold the whole answer */
    FA_PY_REPLY_RAISED, /* a Python exception is set: FastAPI's machinery answers */
    FA_PY_REPLY_DEFER,  /* a Response that only its own __call__, in the stack, can send */
};

/*
 * fa_py_response_write - build the answer for *result in the task's out buffer.
 *
 * The body is written behind the room reserved for the head, the head right
 * before it: nothing is moved. Large typed bodies are sent from the bytes object
 * itself (task->tail) when zero_copy is on.
 *
 * Refs:      borrows *result. For FA_PY_REPLY_DEFER it may be replaced by another
 *            Response: the caller's reference is then to that one. A bytes body sent in place is kept through
 *            task->tail.owner until fa_executor_ops.drop_owner.
 * GIL:       attached thread state required.
 * Calls out: yes (validators, serialisers, FastAPI's encoder).
 * Errors:    FA_PY_REPLY_RAISED with the exception set; task->out is reusable.
 */
enum fa_py_reply fa_py_response_write(const struct fa_py_server *owner, struct fa_clock_date *date,
    struct fa_task *task, struct fa_py_plan *plan, PyObject **result);

/*
 * fa_py_response_dump - the body of a typed answer: what FastAPI does with a response
 * model, validate, then dump_json.
 *
 * Refs:      borrows both; returns a new reference to what the serialiser gave, which
 *            may not be bytes.
 * GIL:       attached thread state required.
 * Calls out: yes (validators, serialisers).
 * Errors:    NULL with the exception set; FastAPI's own if the value was refused.
 */
PyObject *fa_py_response_dump(const struct fa_py_plan *plan, PyObject *result);

/*
 * fa_py_response_object - the same for a starlette Response whose class sends itself
 * as Response does (hooks.response_call), with no background task and its body in memory.
 *
 * Refs, GIL, Calls out, Errors: as above; FA_PY_REPLY_DEFER when anything about
 * it is unusual, with nothing written.
 */
enum fa_py_reply fa_py_response_object(const struct fa_py_server *owner, struct fa_clock_date *date,
    struct fa_task *task, PyObject *response);

#endif
