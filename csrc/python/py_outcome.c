/* Between the two, task->user is the value itself or, where there is more, a tuple of three:
 * an exception or a Response is never one. */
#include "python/py_outcome.h"

#include "server/executor.h"

static PyObject *or_none(PyObject *object)
{
    return object == NULL ? Py_None : object;
}

static PyObject *not_none(PyObject *object)
{
    return object == Py_None ? NULL : Py_NewRef(object);
}

void fa_py_outcome_pass_on(struct fa_py_server *owner, struct fa_task *task, enum fa_py_kind kind,
    PyObject *value, PyObject *scope, PyObject *context)
{
    if (value != NULL && (scope != NULL || context != NULL)) {
        PyObject *all = PyTuple_Pack(3, value, or_none(scope), or_none(context));
        if (all != NULL) {
            Py_SETREF(value, all);
        } else {
            PyErr_Clear(); /* it is answered all the same */
        }
    }
    task->user = value;
    task->user_kind = kind;
    fa_executor_hand_over(owner->server, task);
}

struct fa_py_outcome fa_py_outcome_take(struct fa_task *task)
{
    struct fa_py_outcome outcome = {.value = task->user};
    task->user = NULL;
    if (outcome.value == NULL || !PyTuple_CheckExact(outcome.value)) return outcome;
    PyObject *all = outcome.value;
    outcome.value = Py_NewRef(PyTuple_GET_ITEM(all, 0));
    outcome.scope = not_none(PyTuple_GET_ITEM(all, 1));
    outcome.context = not_none(PyTuple_GET_ITEM(all, 2));
    Py_DECREF(all);
    return outcome;
}
