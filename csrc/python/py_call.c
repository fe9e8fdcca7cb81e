#include "python/py_call.h"

#include "python/py_exchange.h"
#include "python/py_outcome.h"
#include "python/py_params.h"
#include "python/py_peer.h"
#include "python/py_response.h"
#include "server/executor.h"

/* One call of a handler, and what its answer needs. All borrowed. */
struct run {
    struct fa_py_server *owner;
    struct fa_clock_date *date; /* of this thread */
    struct fa_task *task;
    struct fa_py_exchange *exchange; /* NULL unless the plan wants one */
    PyObject *context;               /* an `async def`'s: what it set, its answer sees; or NULL */
};

/* --- the end of every path -------------------------------------------------------- */

/* Give the task to the event loop with what FastAPI's machinery needs. Steals `value`. */
static void pass_on(const struct run *run, enum fa_py_kind kind, PyObject *value)
{
    if (run->exchange != NULL) {
        fa_py_exchange_pass_on(run->exchange, run->task, kind, value);
    } else {
        fa_py_outcome_pass_on(run->owner, run->task, kind, value, NULL, run->context);
    }
}

/* The handler (or its answer) raised: the exception is pending. FastAPI's default
 * HTTPException answer is built right here, everything else by its own handlers. */
static void answer_raised(const struct run *run)
{
    struct fa_py_server *owner = run->owner;
    PyObject *exc = fa_compat_take_exception();
    PyObject *response = exc == NULL ? NULL : PyObject_CallOneArg(owner->hooks.exception, exc);
    enum fa_py_reply reply = FA_PY_REPLY_DEFER;
    if (response != NULL && response != Py_None)
        reply = fa_py_response_object(owner, run->date, run->task, response);
    PyErr_Clear(); /* a second exception changes nothing: the first one is answered */
    Py_XDECREF(response);
    if (reply == FA_PY_REPLY_DONE) {
        Py_XDECREF(exc);
        fa_executor_complete(owner->server, run->task);
        return;
    }
    pass_on(run, FA_PY_KIND_RAISED, exc);
}

static void fail(const struct run *run)
{
    if (run->exchange != NULL && fa_py_exchange_take(run->exchange) == NULL) {
        PyErr_WriteUnraisable((PyObject *)run->exchange); /* too late for an answer */
        return;
    }
    answer_raised(run);
}

/* The handler returned. Steals `result`. */
static void finish(const struct run *run, PyObject *result)
{
    if (run->exchange != NULL && run->exchange->rest != NULL) {
        Py_DECREF(result);
        if (fa_py_exchange_to_worker(run->exchange) < 0) fail(run);
        return;
    }
    if (run->exchange != NULL && fa_py_exchange_take(run->exchange) == NULL) {
        Py_DECREF(result); /* it has answered through its exchange */
        return;
    }
    struct fa_py_plan *plan = run->task->route->plan;
    if (FA_UNLIKELY(plan->may_decline && result == Py_NotImplemented)) {
        Py_DECREF(result);
        fa_executor_hand_over(run->owner->server, run->task);
        return;
    }
    switch (fa_py_response_write(run->owner, run->date, run->task, plan, &result)) {
    case FA_PY_REPLY_DONE: fa_executor_complete(run->owner->server, run->task); break;
    case FA_PY_REPLY_RAISED: answer_raised(run); break;
    case FA_PY_REPLY_DEFER: pass_on(run, FA_PY_KIND_RESPONSE, Py_NewRef(result)); break;
    }
    Py_DECREF(result);
}

/* --- the call ---------------------------------------------------------------------- */

static struct fa_py_input input_of(const struct fa_task *task)
{
    return (struct fa_py_input){
        .path_params = task->match.params,
        .path_param_count = task->match.param_count,
        .headers = task->req.headers,
        .header_count = task->req.header_count,
        .query = task->req.query,
        .body = task->body,
    };
}

/* room[2...]: the extracted arguments, which are dropped here. */
static PyObject *call_with_exchange(struct run *run, PyObject **room)
{
    const struct fa_py_plan *plan = run->task->route->plan;
    PyObject *result = NULL;
    run->exchange = fa_py_exchange_new(run->owner, run->date, run->task);
    if (run->exchange != NULL) {
        room[1] = (PyObject *)run->exchange;
        result = PyObject_Vectorcall(plan->handler, room + 1,
            ((size_t)plan->arg_count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    for (int i = 0; i < plan->arg_count; i++)
        Py_DECREF(room[2 + i]);
    return result;
}

/* Extract, then call. NULL without exception: not certain, already handed over.
 * run->exchange: the plan's, if it wants one; the caller's to drop. */
static PyObject *call_handler(struct run *run)
{
    const struct fa_py_plan *plan = run->task->route->plan;
    bool too_large = plan->max_body >= 0 && run->task->body.len > (size_t)plan->max_body;
    if (FA_UNLIKELY(too_large || !fa_py_watch_is_current(plan->watch))) {
        fa_executor_hand_over(run->owner->server, run->task);
        return NULL;
    }
    if (plan->arg_count == 0 && !plan->wants_exchange) return PyObject_CallNoArgs(plan->handler);
    PyObject *room[FA_PY_PLAN_MAX_ARGS + 2]; /* room[0] is the callee's to use */
    PyObject **slots = room + 1 + plan->wants_exchange;
    struct fa_py_input input = input_of(run->task);
    if (!fa_py_params_extract(plan, &input, slots)) {
        fa_executor_hand_over(run->owner->server, run->task);
        return NULL;
    }
    if (plan->wants_exchange) return call_with_exchange(run, room);
    size_t positional = plan->kwnames == NULL ? plan->arg_count : 0;
    PyObject *result = PyObject_Vectorcall(
        plan->handler, slots, positional | PY_VECTORCALL_ARGUMENTS_OFFSET, plan->kwnames);
    for (int i = 0; i < plan->arg_count; i++)
        Py_DECREF(slots[i]);
    return result;
}

void fa_py_call_sync(struct fa_py_server *owner, struct fa_clock_date *date, struct fa_task *task)
{
    struct run run = {.owner = owner, .date = date, .task = task};
    /* FastAPI's thread has a copy of the context too: nobody sees what is set in it. */
    PyObject *context = fa_py_peer_new_context(owner, task);
    PyObject *result = NULL;
    bool handed_over = false;
    if (context != NULL && PyContext_Enter(context) == 0) {
        result = call_handler(&run);
        (void)PyContext_Exit(context);
        handed_over = result == NULL && !PyErr_Occurred();
    }
    Py_XDECREF(context);
    if (result != NULL) {
        finish(&run, result);
    } else if (!handed_over) {
        fail(&run);
    }
    Py_XDECREF(run.exchange);
}

void fa_py_call_rest(struct fa_py_server *owner, struct fa_clock_date *date, struct fa_task *task)
{
    struct fa_py_exchange *exchange = task->user;
    task->user = NULL;
    task->user_kind = FA_PY_KIND_REQUEST;
    exchange->date = date;
    PyObject *rest = exchange->rest, *result = NULL;
    exchange->rest = NULL;
    struct run run = {.owner = owner,
        .date = date,
        .task = task,
        .exchange = exchange,
        .context = exchange->context};
    PyObject *context = PyContext_Copy(exchange->context);
    PyObject *arguments =
        context == NULL ? NULL : PyTuple_GetSlice(rest, 1, PyTuple_GET_SIZE(rest));
    if (arguments != NULL && PyContext_Enter(context) == 0) {
        result = PyObject_Call(PyTuple_GET_ITEM(rest, 0), arguments, NULL);
        (void)PyContext_Exit(context);
    }
    Py_XDECREF(arguments);
    Py_XDECREF(context);
    Py_DECREF(rest);
    if (result != NULL) {
        finish(&run, result);
    } else {
        fail(&run);
    }
    Py_DECREF(exchange);
}

/* --- coroutines ---------------------------------------------------------------------- */

/* The first step of a coroutine, which is its last one if its code has nothing to wait for. */
static PySendResult step(PyObject *coroutine, PyObject *context, PyObject **result)
{
    *result = NULL;
    if (PyContext_Enter(context) < 0) return PYGEN_ERROR;
    PySendResult sent = PyIter_Send(coroutine, Py_None, result);
    (void)PyContext_Exit(context);
    return sent;
}

/*
 * Called by an asyncio.Task when it is done: completes the request it ran for.
 * The server keeps it, and it keeps the Task: asyncio itself holds a waiting Task
 * weakly, and one that waits for something only it knows of would be collected.
 */
struct fa_py_pending {
    PyObject_HEAD struct fa_py_server *owner;
    struct fa_task *task;            /* NULL once completed */
    struct fa_py_exchange *exchange; /* NULL unless the plan wants one */
    PyObject *context;               /* the asyncio_task's */
    PyObject *asyncio_task;          /* NULL unless in the owner's list */
    struct fa_py_pending *prev, *next;
};

/* The owner's list takes a reference. */
static void pending_link(
    struct fa_py_pending *pending, struct fa_task *task, PyObject *asyncio_task)
{
    struct fa_py_server *owner = pending->owner;
    owner->loop_busy = true;
    pending->task = task;
    pending->asyncio_task = Py_NewRef(asyncio_task);
    pending->prev = NULL;
    pending->next = owner->pending;
    if (owner->pending != NULL) owner->pending->prev = pending;
    owner->pending = (struct fa_py_pending *)Py_NewRef(pending);
}

/* The caller has a reference of its own. */
static void pending_unlink(struct fa_py_pending *pending)
{
    if (pending->asyncio_task == NULL) return;
    if (pending->prev != NULL) {
        pending->prev->next = pending->next;
    } else {
        pending->owner->pending = pending->next;
    }
    if (pending->next != NULL) pending->next->prev = pending->prev;
    pending->prev = pending->next = NULL;
    Py_CLEAR(pending->asyncio_task);
    Py_DECREF(pending);
}

/* The end of the request: borrows all that `pending` still has. */
static struct run pending_end(struct fa_py_pending *pending)
{
    struct run run = {.owner = pending->owner,
        .date = &pending->owner->date,
        .task = pending->task,
        .exchange = pending->exchange,
        .context = pending->context};
    pending->task = NULL;
    return run;
}

static void pending_complete(struct fa_py_pending *pending, PyObject *asyncio_task)
{
    struct fa_py_server *owner = pending->owner;
    struct run run = pending_end(pending);
    pending_unlink(pending);
    PyObject *result = PyObject_CallMethodNoArgs(asyncio_task, owner->state->names.result);
    if (result == NULL) {
        fail(&run);
    } else {
        finish(&run, result);
    }
    Py_CLEAR(pending->exchange);
    Py_CLEAR(pending->context);
    fa_py_server_wake_soon(owner);
}

static PyObject *pending_call(struct fa_py_pending *pending, PyObject *args, PyObject *kwargs)
{
    PyObject *asyncio_task;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O", &asyncio_task)) return NULL;
    if (pending->task != NULL) pending_complete(pending, asyncio_task);
    Py_RETURN_NONE;
}

static int pending_traverse(struct fa_py_pending *pending, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(pending));
    Py_VISIT(pending->owner);
    Py_VISIT(pending->exchange);
    Py_VISIT(pending->context);
    Py_VISIT(pending->asyncio_task);
    return 0;
}

/* A task dropped unfinished (the server was collected) must not keep its request
 * for ever: it ends as one whose handler raised. */
static void pending_abandon(struct fa_py_pending *pending)
{
    struct run run = pending_end(pending);
    if (pending->owner->stopped) return;
    PyObject *before = fa_compat_take_exception();
    PyErr_SetString(PyExc_RuntimeError, "the request's task was dropped before it was done");
    fail(&run);
    fa_executor_wake_reactor(pending->owner->server);
    if (before != NULL) PyErr_SetObject((PyObject *)Py_TYPE(before), before);
    Py_XDECREF(before);
}

static void pending_dealloc(struct fa_py_pending *pending)
{
    PyTypeObject *type = Py_TYPE(pending);
    PyObject_GC_UnTrack(pending);
    if (pending->task != NULL) pending_abandon(pending);
    Py_CLEAR(pending->exchange);
    Py_CLEAR(pending->context);
    Py_CLEAR(pending->owner);
    type->tp_free((PyObject *)pending);
    Py_DECREF(type);
}

PyObject *fa_py_call_pending(struct fa_py_server *owner)
{
    PyObject *tasks = PyList_New(0);
    if (tasks == NULL) return NULL;
    for (struct fa_py_pending *p = owner->pending; p != NULL; p = p->next) {
        if (PyList_Append(tasks, p->asyncio_task) < 0) {
            Py_DECREF(tasks);
            return NULL;
        }
    }
    return tasks;
}

int fa_py_call_traverse_pending(struct fa_py_server *owner, visitproc visit, void *arg)
{
    for (struct fa_py_pending *p = owner->pending; p != NULL; p = p->next)
        Py_VISIT(p);
    return 0;
}

void fa_py_call_drop_pending(struct fa_py_server *owner)
{
    while (owner->pending != NULL) {
        struct fa_py_pending *p = (struct fa_py_pending *)Py_NewRef(owner->pending);
        pending_unlink(p);
        Py_DECREF(p);
    }
}

static PyType_Slot pending_slots[] = {
    {Py_tp_call, pending_call},
    {Py_tp_traverse, pending_traverse},
    {Py_tp_dealloc, pending_dealloc},
    {0, NULL},
};

PyType_Spec fa_py_pending_spec = {
    .name = "fasterapi._fasterapi_core.Pending",
    .basicsize = sizeof(struct fa_py_pending),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = pending_slots,
};

/* asyncio.Task(coro, loop=..., context=...[, eager_start=True]), or the loop's own
 * factory through loop.create_task. */
static PyObject *new_asyncio_task(
    struct fa_py_server *owner, PyObject *coroutine, PyObject *context)
{
    if (owner->task_type != NULL) {
        PyObject *args[] = {coroutine, owner->loop, context, Py_True};
        return PyObject_Vectorcall(owner->task_type, args, 1, owner->task_kwnames);
    }
    PyObject *args[] = {owner->loop, coroutine, context};
    PyObject *kwnames = PyTuple_GetSlice(owner->task_kwnames, 1, 2);
    if (kwnames == NULL) return NULL;
    PyObject *task = PyObject_VectorcallMethod(owner->state->names.create_task, args, 2, kwnames);
    Py_DECREF(kwnames);
    return task;
}

/* Complete the request when its Task is done. */
static int watch_task(const struct run *run, PyObject *asyncio_task)
{
    struct fa_py_server *owner = run->owner;
    PyTypeObject *type = owner->state->pending_type;
    struct fa_py_pending *pending = (struct fa_py_pending *)type->tp_alloc(type, 0);
    if (pending == NULL) return -1;
    pending->owner = (struct fa_py_server *)Py_NewRef(owner);
    pending->exchange = (struct fa_py_exchange *)Py_XNewRef(run->exchange);
    pending->context = Py_NewRef(run->context);
    PyObject *outcome = PyObject_CallMethodNoArgs(asyncio_task, owner->state->names.done);
    if (outcome == Py_True) {
        pending->task = run->task;
        pending_complete(pending, asyncio_task);
    } else if (outcome != NULL) {
        Py_SETREF(outcome, PyObject_CallMethodOneArg(asyncio_task,
                               owner->state->names.add_done_callback, (PyObject *)pending));
        if (outcome != NULL) pending_link(pending, run->task, asyncio_task);
    }
    int failed = outcome == NULL ? -1 : 0;
    Py_XDECREF(outcome);
    Py_DECREF(pending);
    return failed;
}

static int run_as_task(const struct run *run, PyObject *coroutine)
{
    PyObject *asyncio_task = new_asyncio_task(run->owner, coroutine, run->context);
    int failed = asyncio_task == NULL ? -1 : watch_task(run, asyncio_task);
    Py_XDECREF(asyncio_task);
    return failed;
}

/* It waits after all, for `waited`: its answer sends itself. The task that was current when it was
 * stepped goes on with it, and the next requests get another. */
static int go_on_as_task(const struct run *run, PyObject *coroutine, PyObject *waited)
{
    struct fa_py_hooks *hooks = &run->owner->hooks;
    if (hooks->resume == NULL || hooks->batch_task == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the coroutine waits although its code has no await");
        return -1;
    }
    PyObject *args[] = {coroutine, waited, run->context}, *own, *next;
    PyObject *both = PyObject_Vectorcall(hooks->resume, args, 3, NULL);
    int failed = -1;
    if (both != NULL && PyArg_ParseTuple(both, "OO:resume", &own, &next)) {
        fa_py_server_next_batch_task(run->owner, next);
        failed = watch_task(run, own);
    }
    Py_XDECREF(both);
    return failed;
}

/* The coroutine is there; run->context is what it runs in. */
static void run_coroutine(const struct run *run, PyObject *coroutine)
{
    const struct fa_py_plan *plan = run->task->route->plan;
    /* One is current already where a handler runs the loop again. */
    if (plan->can_suspend || run->owner->rounds > 1) {
        if (run_as_task(run, coroutine) < 0) fail(run);
        return;
    }
    PyObject *result;
    switch (step(coroutine, run->context, &result)) {
    case PYGEN_RETURN: finish(run, result); break;
    case PYGEN_ERROR: fail(run); break;
    case PYGEN_NEXT:
        if (go_on_as_task(run, coroutine, result) < 0) fail(run);
        Py_DECREF(result);
        break;
    }
}

void fa_py_call_async(struct fa_py_server *owner, struct fa_task *task)
{
    struct run run = {.owner = owner, .date = &owner->date, .task = task};
    PyObject *coroutine = call_handler(&run);
    if (coroutine == NULL) {
        if (PyErr_Occurred()) fail(&run);
        Py_XDECREF(run.exchange);
        return;
    }
    PyObject *context = fa_py_peer_new_context(owner, task);
    run.context = context;
    if (context == NULL) {
        fail(&run);
    } else {
        if (run.exchange != NULL) run.exchange->context = Py_NewRef(context);
        run_coroutine(&run, coroutine);
    }
    Py_XDECREF(context);
    Py_DECREF(coroutine);
    Py_XDECREF(run.exchange);
}
