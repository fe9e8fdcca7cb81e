/* py_outcome.h - what became of a handler, on its way to FastAPI's machinery. */
#ifndef FA_PYTHON_PY_OUTCOME_H
#define FA_PYTHON_PY_OUTCOME_H

#include "python/py_server.h"
#include "server/task.h"

/* task->user_kind of a handed-over task, and of one that goes on in a worker. */
enum fa_py_kind {
    FA_PY_KIND_REQUEST = 0,  /* nothing of the user's has run */
    FA_PY_KIND_RAISED = 1,   /* the handler raised: value is the exception */
    FA_PY_KIND_RESPONSE = 2, /* it returned what only its own __call__ can send */
    FA_PY_KIND_REST = 3      /* for a worker: user is the Exchange with the rest of the plan */
};

struct fa_py_outcome {
    PyObject *value;   /* NULL for FA_PY_KIND_REQUEST */
    PyObject *scope;   /* the ASGI scope that the handler has seen, or NULL */
    PyObject *context; /* the one the answer is made in, or NULL: a fresh one */
};

/*
 * fa_py_outcome_pass_on - hand a task over to the event loop with its outcome. Out of
 * memory costs scope and context, not the answer.
 *
 * Refs:      steals `value`; keeps `scope` and `context` (each may be NULL).
 * GIL:       attached thread state required; any thread that has the task.
 * Calls out: no.
 * Errors:    none; a pending exception is left alone unless memory ran out.
 */
void fa_py_outcome_pass_on(struct fa_py_server *owner, struct fa_task *task, enum fa_py_kind kind,
    PyObject *value, PyObject *scope, PyObject *context);

/*
 * fa_py_outcome_take - the outcome of a task that was handed over; the task has none
 * any more.
 *
 * Refs:      new references.
 * GIL:       attached thread state required; the event-loop thread.
 * Calls out: no.
 * Errors:    none.
 */
struct fa_py_outcome fa_py_outcome_take(struct fa_task *task);

#endif
