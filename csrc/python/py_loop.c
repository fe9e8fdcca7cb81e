/* py_loop.c - the event-loop thread's half of the pipeline. */
#include "python/py_call.h"
#include "python/py_server.h"
#include "python/py_stream.h"
#include "python/py_tokens.h"
#include "server/executor.h"
#include "server/stream.h"

/* How long one call keeps the event loop's other callbacks waiting. */
enum { BUDGET_NS = 1000 * 1000 };

/* --- the task that is current while coroutines are stepped directly --------------- */

/* Code that cannot suspend may still ask asyncio.current_task(). */
static bool batch_task_enter(struct fa_py_server *owner)
{
    if (owner->hooks.batch_task == NULL) return false;
    PyObject *args[] = {owner->loop, owner->hooks.batch_task};
    PyObject *outcome = PyObject_Vectorcall(owner->hooks.enter_task, args, 2, NULL);
    if (outcome == NULL) PyErr_WriteUnraisable((PyObject *)owner);
    Py_XDECREF(outcome);
    return outcome != NULL;
}

static void batch_task_leave(struct fa_py_server *owner)
{
    PyObject *args[] = {owner->loop, owner->hooks.batch_task};
    PyObject *outcome = PyObject_Vectorcall(owner->hooks.leave_task, args, 2, NULL);
    if (outcome == NULL) PyErr_WriteUnraisable((PyObject *)owner);
    Py_XDECREF(outcome);
}

void fa_py_server_next_batch_task(struct fa_py_server *owner, PyObject *task)
{
    batch_task_leave(owner);
    Py_XSETREF(owner->hooks.batch_task, Py_NewRef(task));
    (void)batch_task_enter(owner);
}

/* --- one item --------------------------------------------------------------------- */

static void run_item(struct fa_py_server *owner, void *item)
{
    struct fa_task *task = fa_task_untag(item);
    if (fa_task_is_tagged(item)) {
        owner->loop_busy = true;
        if (fa_stream_take_event(task)) fa_py_stream_event(task);
    } else if (task->route == NULL) {
        owner->loop_busy = true;
        fa_py_stream_open(owner, task);
    } else {
        const struct fa_py_plan *plan = task->route->plan;
        if (plan->is_async) {
            fa_py_call_async(owner, task);
        } else {
            fa_py_call_sync(owner, &owner->date, task);
        }
    }
}

/* What is left of the batch: a handler among them may run the loop, whose round goes on here. */
static void run_rest(struct fa_py_server *owner)
{
    while (owner->item_next < owner->item_count && !owner->forked && !owner->stopped)
        run_item(owner, owner->items[owner->item_next++]);
}

/* Run one batch, which begins now; returns when it ended. */
static uint64_t run_items(struct fa_py_server *owner, size_t count, uint64_t now)
{
    fa_executor_loop_begin(owner->server, owner->items, count, now);
    owner->item_next = 0;
    owner->item_count = count;
    owner->in_batch = true;
    run_rest(owner);
    owner->in_batch = false;
    fa_executor_wake_reactor(owner->server);
    uint64_t end = fa_clock_now_ns();
    fa_executor_loop_end(owner->server, count, now, end);
    return end;
}

/* --- waking the reactor ------------------------------------------------------------- */

/* Ask the loop for a call of one of our methods after the callbacks that are ready now. */
static PyObject *call_soon(struct fa_py_server *owner, PyObject *name)
{
    PyObject *method = PyObject_GetAttr((PyObject *)owner, name);
    PyObject *handle = method == NULL ? NULL
                                      : PyObject_CallMethodOneArg(
                                            owner->loop, owner->state->names.call_soon, method);
    Py_XDECREF(method);
    return handle;
}

/* A wake-up is a system call and two changes of threads, which costs more than many
 * answers. Whatever else the loop has ready may bring more of them. */
void fa_py_server_wake_soon(struct fa_py_server *owner)
{
    if (owner->in_batch || owner->wake_soon) return;
    if (fa_executor_reactor_naps(owner->server)) {
        PyObject *handle = call_soon(owner, owner->state->names.wake);
        owner->wake_soon = handle != NULL;
        if (handle == NULL) PyErr_Clear(); /* the loop is closed, or memory is short */
        Py_XDECREF(handle);
    }
    if (!owner->wake_soon) fa_executor_wake_reactor(owner->server);
}

PyObject *fa_py_server_wake(struct fa_py_server *owner, PyObject *unused)
{
    (void)unused;
    owner->wake_soon = false;
    fa_executor_wake_reactor(owner->server);
    Py_RETURN_NONE;
}

/* --- the round ---------------------------------------------------------------------- */

/* Come again after the loop's other callbacks. */
static PyObject *ask_for_round(struct fa_py_server *owner)
{
    if (owner->round_soon) Py_RETURN_NONE;
    PyObject *handle = call_soon(owner, owner->state->names.run_batch);
    if (handle == NULL) return NULL;
    owner->round_soon = true;
    Py_DECREF(handle);
    Py_RETURN_NONE;
}

PyObject *fa_py_server_run_batch_soon(struct fa_py_server *owner, PyObject *unused)
{
    (void)unused;
    owner->may_nest = true;
    return ask_for_round(owner);
}

/* A loop inside of a handler is to find a round to run: nobody may be about to wake it. */
static void offer_nested_round(struct fa_py_server *owner)
{
    PyObject *outcome = ask_for_round(owner);
    if (outcome == NULL) PyErr_Clear(); /* the loop is closed, or memory is short */
    Py_XDECREF(outcome);
}

/* The queue is empty: look a little longer before the loop thread sleeps. True: work came. */
static bool spin_for_work(struct fa_py_server *owner, uint64_t deadline)
{
    uint32_t spin_us = fa_executor_spin_us(owner->server);
    if (spin_us == 0 || owner->loop_busy) return false;
    uint64_t until = fa_clock_now_ns() + (uint64_t)spin_us * 1000;
    if (until > deadline) until = deadline;
    bool work;
    Py_BEGIN_ALLOW_THREADS work = fa_executor_loop_spin(owner->server, until);
    Py_END_ALLOW_THREADS return work;
}

/* Batches until the queue is empty or the time is up; true: the loop thread may sleep. */
static bool run_batches(struct fa_py_server *owner, bool nested)
{
    uint64_t now = fa_clock_now_ns(), deadline = now + BUDGET_NS;
    bool asleep = false, entered = false;
    do {
        fa_py_tokens_hand_out(owner);
        size_t count = fa_executor_loop_drain(
            owner->server, owner->items, fa_executor_batch_size(owner->server));
        if (count > 0) {
            if (FA_UNLIKELY(owner->may_nest)) offer_nested_round(owner);
            /* once for all batches of the round; the one around a nested round has it */
            entered = entered || (!nested && batch_task_enter(owner));
            now = run_items(owner, count, now);
            continue;
        }
        if (!spin_for_work(owner, deadline)) asleep = fa_executor_loop_sleep(owner->server);
        if (!asleep) now = fa_clock_now_ns();
    } while (!asleep && now < deadline && !owner->forked && !owner->stopped);
    if (entered) batch_task_leave(owner);
    return asleep;
}

PyObject *fa_py_server_run_batch(struct fa_py_server *owner, PyObject *unused)
{
    (void)unused;
    owner->round_soon = false;
    if (!owner->started || owner->stopped || owner->forked) Py_RETURN_NONE;
    bool nested = owner->rounds > 0;
    owner->rounds++;
    owner->batch_thread = PyThread_get_thread_ident();
    owner->loop_busy = nested;
    if (FA_UNLIKELY(nested)) {
        run_rest(owner);
        owner->in_batch = false; /* the loop's other callbacks wake the reactor themselves */
        fa_executor_wake_reactor(owner->server);
    }
    bool asleep = run_batches(owner, nested);
    owner->rounds--;
    if (FA_UNLIKELY(nested)) owner->loop_busy = true;
    if (FA_UNLIKELY(owner->forked || owner->stopped)) Py_RETURN_NONE;
    if (!asleep) return ask_for_round(owner);
    Py_RETURN_NONE;
}
