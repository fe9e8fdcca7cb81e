/* py_exchange.h - the Exchange type: the request of a compiled route, given to its handler.
 *
 * Handlers that need more than parameters get one: those that want a Request, and
 * those whose dependencies have something to do after the answer was sent.
 */
#ifndef FA_PYTHON_PY_EXCHANGE_H
#define FA_PYTHON_PY_EXCHANGE_H

#include "python/py_outcome.h"
#include "python/py_server.h"
#include "server/task.h"

struct fa_py_exchange {
    PyObject_HEAD struct fa_py_server *owner;
    struct fa_task *task;       /* NULL once answered or passed on: it may be recycled */
    struct fa_clock_date *date; /* of the thread that runs the handler */
    PyObject *scope;            /* NULL until asked for */
    PyObject *around;           /* what the plan's Request has around it, or NULL: not asked for */
    PyObject *context;          /* what an `async def` plan runs in, else NULL */
    PyObject *rest;             /* (function, *arguments) for a worker to go on with, or NULL */
    bool written;               /* the answer is in the task, not sent yet */
    bool handed_over;           /* the app's machinery has the request now */
};

extern PyType_Spec fa_py_exchange_spec;

/*
 * fa_py_exchange_new - the Exchange of a task that runs now.
 *
 * Refs:   new reference. The caller ends it with fa_py_exchange_take; whoever keeps
 *         the object longer finds it empty.
 * GIL:    attached thread state required, here and below. One thread at a time.
 * Errors: NULL with MemoryError set.
 */
struct fa_py_exchange *fa_py_exchange_new(
    struct fa_py_server *owner, struct fa_clock_date *date, struct fa_task *task);

/*
 * fa_py_exchange_take - take the task back to answer it in another way. An answer
 * that was written but not sent is dropped.
 *
 * Returns NULL if it was answered or passed on already.
 */
struct fa_task *fa_py_exchange_take(struct fa_py_exchange *self);

/*
 * fa_py_exchange_to_worker - give the task to a worker, which runs `rest`; as soon as its queue
 * has room.
 *
 * Calls out: yes (the loop's call_later, if the queue is full). The event-loop thread only.
 * Errors:    -1 with the exception set: the task is still the caller's.
 */
FA_NODISCARD int fa_py_exchange_to_worker(struct fa_py_exchange *self);

/*
 * fa_py_exchange_pass_on - let FastAPI's machinery answer with `value`: an exception
 * or a Response, as `kind` says. Scope and context go with it, so that what the
 * handler left in them is still there.
 *
 * Refs: steals `value`.
 */
void fa_py_exchange_pass_on(
    struct fa_py_exchange *self, struct fa_task *task, enum fa_py_kind kind, PyObject *value);

#endif
