#include "python/py_tokens.h"

#include "server/executor.h"

const char fa_py_tokens_doc[] =
    "share_tokens(total: int, passed) -> None\n--\n\n"
    "So many threads may run `def` handlers and other blocking calls at a time. passed(n) is\n"
    "called on the event-loop thread when n of those who wait (await_token) have got a token.";

static int set_total(struct fa_py_server *self, PyObject *total)
{
    unsigned long number = PyLong_AsUnsignedLong(total);
    if (number == (unsigned long)-1 && PyErr_Occurred()) return -1;
    if (number > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "too many tokens");
        return -1;
    }
    fa_executor_tokens_set(self->server, (uint32_t)number);
    return 0;
}

PyObject *fa_py_tokens_share(struct fa_py_server *self, PyObject *args)
{
    PyObject *total, *passed;
    if (!PyArg_ParseTuple(args, "O!O:share_tokens", &PyLong_Type, &total, &passed)) return NULL;
    if (set_total(self, total) < 0) return NULL;
    Py_XSETREF(self->hooks.passed, Py_NewRef(passed));
    Py_RETURN_NONE;
}

PyObject *fa_py_tokens_set(struct fa_py_server *self, PyObject *total)
{
    if (set_total(self, total) < 0) return NULL;
    Py_RETURN_NONE;
}

PyObject *fa_py_tokens_take(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(fa_executor_token_take(self->server));
}

PyObject *fa_py_tokens_give(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(fa_executor_token_give(self->server));
}

PyObject *fa_py_tokens_await(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(fa_executor_token_await(self->server));
}

PyObject *fa_py_tokens_renounce(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(fa_executor_token_renounce(self->server));
}

PyObject *fa_py_tokens_get(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return Py_BuildValue("(In)", (unsigned)fa_executor_tokens_used(self->server),
        (Py_ssize_t)fa_executor_tasks_waiting(self->server));
}

void fa_py_tokens_hand_out(struct fa_py_server *owner)
{
    uint32_t count = fa_executor_tokens_passed(owner->server);
    if (FA_LIKELY(count == 0) || owner->hooks.passed == NULL) return;
    PyObject *passed = Py_NewRef(owner->hooks.passed);
    PyObject *outcome = PyObject_CallFunction(passed, "I", (unsigned)count);
    if (outcome == NULL) PyErr_WriteUnraisable(passed);
    Py_XDECREF(outcome);
    Py_DECREF(passed);
}
