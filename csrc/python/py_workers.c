/* py_workers.c - fa_executor_ops over CPython threads: `def` handlers. */
#include "python/py_call.h"
#include "python/py_outcome.h"
#include "python/py_server.h"
#include "server/executor.h"

/* One thread state per worker for its whole life: creating one per request costs
 * more than the request and would clear threading.local each time. */
static fa_status worker_start(void *ctx, struct fa_worker *w)
{
    struct fa_py_server *owner = ctx;
    PyThreadState *thread_state = PyThreadState_New(owner->interpreter);
    if (thread_state == NULL) return FA_ERR_NOMEM;
    w->user = thread_state;
    PyEval_RestoreThread(thread_state);
    if (owner->hooks.worker != NULL) {
        PyObject *outcome = PyObject_CallNoArgs(owner->hooks.worker);
        if (outcome == NULL) PyErr_WriteUnraisable(owner->hooks.worker);
        Py_XDECREF(outcome);
    }
    return FA_OK;
}

static void worker_run(void *ctx, struct fa_worker *w, struct fa_task *task)
{
    if (task->user_kind == FA_PY_KIND_REST) {
        fa_py_call_rest(ctx, &w->date, task);
    } else {
        fa_py_call_sync(ctx, &w->date, task);
    }
}

static void worker_detach(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    w->user = PyEval_SaveThread();
}

static void worker_attach(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    PyEval_RestoreThread(w->user);
}

static void worker_stop(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    PyEval_RestoreThread(w->user);
    PyThreadState_Clear(w->user);
    PyThreadState_DeleteCurrent();
}

static void drop_owner(void *ctx, void **owners, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++)
        Py_DECREF((PyObject *)owners[i]);
}

const struct fa_executor_ops fa_py_workers_ops = {
    .thread_start = worker_start,
    .run = worker_run,
    .detach = worker_detach,
    .attach = worker_attach,
    .thread_stop = worker_stop,
    .drop_owner = drop_owner,
};
