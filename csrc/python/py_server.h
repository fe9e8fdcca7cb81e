/* py_server.h - the Server type: one fa_server with Python on its two lanes. */
#ifndef FA_PYTHON_PY_SERVER_H
#define FA_PYTHON_PY_SERVER_H

#include <pthread.h>

#include "base/clock.h"
#include "python/module_state.h"
#include "server/config.h"
#include "server/server.h"

/* What Python gives the core once, before the first route. Strong references. */
struct fa_py_hooks {
    PyObject *asgi;   /* callable(Stream): takes a handed-over request */
    PyObject *encode; /* callable(value) -> bytes: jsonable_encoder + json.dumps */
    PyObject
        *exception; /* callable(exc) -> Response or None: FastAPI's plain HTTPException answer */
    PyObject *response_base; /* starlette.responses.Response */
    PyObject *response_call; /* Response.__call__: classes with another one send themselves */
    PyObject *batch_task; /* asyncio.Task that is current while coroutines are stepped directly */
    PyObject *resume;     /* callable(coroutine, waited, context): one of those waits after all */
    PyObject *enter_task; /* asyncio.tasks._enter_task */
    PyObject *leave_task; /* asyncio.tasks._leave_task */
    PyObject *runtime;    /* Exchange.runtime, or NULL */
    PyObject *thread;     /* callable(number, work): what a worker thread does, or NULL */
    PyObject *passed;     /* callable(int): tokens for those who wait outside; or NULL */
};

struct fa_py_pending;

struct fa_py_server {
    PyObject_HEAD struct fa_module_state *state;
    struct fa_config config;
    struct fa_server *server;
    struct fa_py_hooks hooks;
    PyInterpreterState *interpreter;
    PyObject *loop;                /* NULL before start */
    PyObject *context;             /* every request's context is a copy of the one start() ran in */
    PyObject *contexts;            /* number of an open Peer -> its opener's, or NULL */
    PyObject *task_type;           /* asyncio.Task or its stand-in, or NULL: the loop decides */
    PyObject *task_kwnames;        /* keyword names for task_type */
    PyObject *header_pool;         /* TuplePool for Stream.headers, or NULL */
    struct fa_py_pending *pending; /* handlers that wait, owned; the loop thread's */
    struct fa_clock_date date;
    fa_span fixed;                /* the lines of every answer; the server's */
    size_t head_room;             /* FA_HTTP_HEAD_ROOM, and what these need beyond it */
    void **items;                 /* one batch of the loop lane */
    size_t item_next, item_count; /* of these: the next to run, and their end */
    unsigned peers;               /* opened so far */
    /* py_life.c's: what runs, and who may touch it. */
    bool launched; /* begun to start, also if that failed */
    bool started;
    bool stopped;
    bool forked; /* a copy in a forked child: nothing more runs */
    bool driven; /* no reactor thread: load() or turn() drive it */
    bool has_drive_lock;
    long pid;                   /* of the process that has the threads */
    pthread_mutex_t drive_lock; /* driven: held by the thread that is its reactor */
    struct fa_py_server *running_next, **running_link; /* in the module's list, until stopped */

    bool loop_busy; /* this batch left callbacks for the event loop: do not spin before it */
    bool in_batch;  /* the loop thread wakes the reactor once, at the end */
    bool wake_soon; /* wake() is among the loop's callbacks */
    unsigned long batch_thread; /* the loop thread, while in_batch */
    unsigned rounds; /* run_batch() calls that run: several if a handler runs the loop again */
    bool round_soon; /* run_batch() is among the loop's callbacks */
    bool may_nest;   /* handlers may run the loop again */
};

extern PyType_Spec fa_py_server_spec;

/* The core's only way up: implemented over CPython threads in py_workers.c. */
extern const struct fa_executor_ops fa_py_workers_ops;

/*
 * fa_py_server_run_batch - Server.run_batch(): the loop thread's round.
 *
 * Takes what the reactor queued, at most about a millisecond of it, then lets
 * the event loop's other callbacks run. May be called inside itself, by a loop that a
 * handler runs: it then begins with what is left of the batch around it.
 *
 * GIL:       attached thread state required; the event-loop thread only.
 * Calls out: yes (handlers, the ASGI bridge).
 * Errors:    NULL with the exception set only when the loop refuses call_soon.
 */
PyObject *fa_py_server_run_batch(struct fa_py_server *owner, PyObject *unused);

/*
 * fa_py_server_run_batch_soon - Server.run_batch_soon(): a round after the callbacks that are
 * ready now. For loops that a handler may run again: the reader's own context is left before
 * a handler runs, and a loop inside of it finds a round to run.
 *
 * GIL, Calls out, Errors: as above, except that no handler is called.
 */
PyObject *fa_py_server_run_batch_soon(struct fa_py_server *owner, PyObject *unused);

/*
 * fa_py_server_wake_soon - the loop thread has written something: the reactor gets
 * it at the end of the batch or of the loop's turn, within a millisecond at most.
 *
 * GIL:       attached thread state required; the event-loop thread only.
 * Calls out: yes (loop.call_soon).
 * Errors:    none: what keeps it from waiting wakes the reactor at once.
 */
void fa_py_server_wake_soon(struct fa_py_server *owner);

/*
 * fa_py_server_wake - Server.wake(): the end of that turn.
 *
 * GIL, Calls out: as above, none. Errors: none.
 */
PyObject *fa_py_server_wake(struct fa_py_server *owner, PyObject *unused);

/*
 * fa_py_server_next_batch_task - from now on in this batch, `task` is current.
 *
 * Refs:      takes one of its own.
 * GIL:       attached thread state required; the event-loop thread, in run_batch.
 * Calls out: yes (asyncio's bookkeeping).
 * Errors:    none; written as unraisable.
 */
void fa_py_server_next_batch_task(struct fa_py_server *owner, PyObject *task);

/*
 * fa_py_server_load - Server.load(): run requests through a driven server on
 * the calling thread, which is its reactor meanwhile.
 *
 * GIL:    attached thread state required; detached while it runs.
 * Errors: NULL with the exception set.
 */
PyObject *fa_py_server_load(struct fa_py_server *self, PyObject *args, PyObject *kwargs);

#endif
