/* py_workers.c - fa_executor_ops over CPython threads: `def` handlers. */
#include "python/py_call.h"
#include "python/py_outcome.h"
#include "python/py_server.h"
#include "server/executor.h"
#include "server/worker.h"

/* How many tasks run between two looks at threading's hooks while there is always one more. */
enum { LOOK_EVERY = 16 };

/* Name of the capsule that the callable of a living worker holds. */
static const char LIVES[] = "fasterapi.worker", LIVED[] = "fasterapi.worker, ended";

/* One worker thread as Python sees it. owner: that thread. */
struct worker_life {
    struct fa_py_server *owner;
    PyThreadState *thread_state;
    PyObject *threading; /* the module's names; strong. NULL before the first task */
    PyObject *seen[2];   /* its hooks when this thread last looked; strong */
    uint32_t until_look; /* tasks */
    bool served;
};

/* --- threading.settrace, threading.setprofile -------------------------------------------- */

/* threading calls its hooks when a thread starts. These live as long as the server: they also
 * follow a hook that is set later, by a debugger or a profiler that is told to begin. Never
 * touched is what was set for this thread in another way. */
static void follow_hook(struct worker_life *life, int which, PyObject *name, const char *set)
{
    PyObject *hook = PyDict_GetItemWithError(life->threading, name);
    if (FA_LIKELY(hook == life->seen[which] || hook == NULL)) return;
    Py_XSETREF(life->seen[which], Py_NewRef(hook));
    PyObject *function = PySys_GetObject(set);
    if (function == NULL) return;
    Py_INCREF(function);
    PyObject *outcome = PyObject_CallOneArg(function, life->seen[which]);
    if (outcome == NULL) PyErr_WriteUnraisable(function);
    Py_XDECREF(outcome);
    Py_DECREF(function);
}

static void follow_hooks(struct worker_life *life)
{
    const struct fa_module_state *state = life->owner->state;
    life->until_look = LOOK_EVERY;
    if (life->threading == NULL) return;
    follow_hook(life, 0, state->names._trace_hook, "settrace");
    follow_hook(life, 1, state->names._profile_hook, "setprofile");
}

/* What threading itself has done when the thread started. */
static void see_hooks(struct worker_life *life)
{
    const struct fa_py_server *owner = life->owner;
    PyObject *threading = PyImport_ImportModule("threading");
    if (threading == NULL) {
        PyErr_WriteUnraisable((PyObject *)owner);
        return;
    }
    life->threading = Py_XNewRef(PyModule_GetDict(threading));
    Py_DECREF(threading);
    PyObject *names[] = {owner->state->names._trace_hook, owner->state->names._profile_hook};
    for (int i = 0; i < 2; i++) {
        PyObject *hook = PyDict_GetItemWithError(life->threading, names[i]);
        life->seen[i] = Py_NewRef(hook != NULL ? hook : Py_None);
    }
}

/* --- a worker's life ------------------------------------------------------------------------ */

/* One thread state per worker for its whole life: creating one per request costs
 * more than the request and would clear threading.local each time. */
static fa_status worker_start(void *ctx, struct fa_worker *w)
{
    struct fa_py_server *owner = ctx;
    struct worker_life *life = PyMem_RawCalloc(1, sizeof *life);
    if (life == NULL) return FA_ERR_NOMEM;
    life->thread_state = PyThreadState_New(owner->interpreter);
    if (life->thread_state == NULL) {
        PyMem_RawFree(life);
        return FA_ERR_NOMEM;
    }
    life->owner = owner;
    life->until_look = LOOK_EVERY;
    w->user = life;
    PyEval_RestoreThread(life->thread_state);
    return FA_OK;
}

/* Attached, below the frames of whoever the thread belongs to. */
static void serve(struct fa_worker *w)
{
    struct worker_life *life = w->user;
    life->served = true;
    fa_worker_serve(w);
}

/* work(): the callable that a Python thread calls for life. */
static PyObject *work(PyObject *capsule, PyObject *unused)
{
    (void)unused;
    struct fa_worker *w = PyCapsule_GetPointer(capsule, LIVES);
    if (w == NULL) return NULL;
    struct worker_life *life = w->user;
    if (life->served || life->thread_state != PyThreadState_Get()) {
        PyErr_SetString(PyExc_RuntimeError, "work() is called once, on the thread it was made for");
        return NULL;
    }
    see_hooks(life);
    serve(w);
    Py_RETURN_NONE;
}

static PyMethodDef work_def = {
    "work", work, METH_NOARGS, "work() -> None\n--\n\nRun `def` handlers until the server stops."};

static void call_thread(PyObject *thread, struct fa_worker *w)
{
    PyObject *capsule = PyCapsule_New(w, LIVES, NULL);
    PyObject *function = capsule == NULL ? NULL : PyCFunction_New(&work_def, capsule);
    PyObject *outcome =
        function == NULL ? NULL : PyObject_CallFunction(thread, "IO", w->index, function);
    if (outcome == NULL) PyErr_WriteUnraisable(thread);
    if (capsule != NULL) (void)PyCapsule_SetName(capsule, LIVED);
    Py_XDECREF(outcome);
    Py_XDECREF(function);
    Py_XDECREF(capsule);
}

static void worker_thread_run(void *ctx, struct fa_worker *w)
{
    struct fa_py_server *owner = ctx;
    if (owner->hooks.thread != NULL) {
        PyObject *thread = Py_NewRef(owner->hooks.thread);
        call_thread(thread, w);
        Py_DECREF(thread);
    }
    if (!((struct worker_life *)w->user)->served) serve(w);
}

static void worker_run(void *ctx, struct fa_worker *w, struct fa_task *task)
{
    struct worker_life *life = w->user;
    if (FA_UNLIKELY(--life->until_look == 0)) follow_hooks(life);
    if (task->user_kind == FA_PY_KIND_REST) {
        fa_py_call_rest(ctx, &w->date, task);
    } else {
        fa_py_call_sync(ctx, &w->date, task);
    }
}

static void worker_detach(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    ((struct worker_life *)w->user)->thread_state = PyEval_SaveThread();
}

static void worker_attach(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    struct worker_life *life = w->user;
    PyEval_RestoreThread(life->thread_state);
    follow_hooks(life);
}

static void worker_stop(void *ctx, struct fa_worker *w)
{
    (void)ctx;
    struct worker_life *life = w->user;
    PyEval_RestoreThread(life->thread_state);
    Py_XDECREF(life->seen[0]);
    Py_XDECREF(life->seen[1]);
    Py_XDECREF(life->threading);
    PyThreadState_Clear(life->thread_state);
    PyThreadState_DeleteCurrent();
    PyMem_RawFree(life);
}

static void drop_owner(void *ctx, void **owners, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++)
        Py_DECREF((PyObject *)owners[i]);
}

const struct fa_executor_ops fa_py_workers_ops = {
    .thread_start = worker_start,
    .thread_run = worker_thread_run,
    .run = worker_run,
    .detach = worker_detach,
    .attach = worker_attach,
    .thread_stop = worker_stop,
    .drop_owner = drop_owner,
};
