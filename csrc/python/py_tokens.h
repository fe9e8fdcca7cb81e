/* py_tokens.h - Server's methods for the tokens that workers share with AnyIO's threads. */
#ifndef FA_PYTHON_PY_TOKENS_H
#define FA_PYTHON_PY_TOKENS_H

#include "python/py_server.h"

/* Rows of Server's method table, without a comma after the last one. */
#define FA_PY_TOKENS_METHODS                                                               \
    {"share_tokens", (PyCFunction)fa_py_tokens_share, METH_VARARGS, fa_py_tokens_doc},     \
        {"set_tokens", (PyCFunction)fa_py_tokens_set, METH_O,                              \
            "set_tokens(total: int) -> None\n--\n\nFrom now on there are so many."},       \
        {"take_token", (PyCFunction)fa_py_tokens_take, METH_NOARGS,                        \
            "take_token() -> bool\n--\n\nTake one if there is one."},                      \
        {"give_token", (PyCFunction)fa_py_tokens_give, METH_NOARGS,                        \
            "give_token() -> bool\n--\n\nGive one back; true: it is the next waiter's."},  \
        {"await_token", (PyCFunction)fa_py_tokens_await, METH_NOARGS,                      \
            "await_token() -> bool\n--\n\nOne more waits; true: there is one after all."}, \
        {"renounce_token", (PyCFunction)fa_py_tokens_renounce, METH_NOARGS,                \
            "renounce_token() -> bool\n--\n\n"                                             \
            "One waits no more; false: a token for it is on its way."},                    \
    {                                                                                      \
        "tokens", (PyCFunction)fa_py_tokens_get, METH_NOARGS,                              \
            "tokens() -> tuple[int, int]\n--\n\n"                                          \
            "How many are used, and how many requests wait for a worker."                  \
    }

extern const char fa_py_tokens_doc[];

/*
 * fa_py_tokens_share, fa_py_tokens_set, fa_py_tokens_take, fa_py_tokens_give,
 * fa_py_tokens_await, fa_py_tokens_renounce, fa_py_tokens_get - Server.share_tokens(total,
 * passed), set_tokens(total), take_token(), give_token(), await_token(), renounce_token(),
 * tokens(): executor.h has what they do.
 *
 * GIL:       attached thread state required; the event-loop thread only, but for _get.
 * Calls out: no.
 * Errors:    NULL with the exception set for a total that is no int of 0 to 2^32 - 1.
 */
PyObject *fa_py_tokens_share(struct fa_py_server *self, PyObject *args);
PyObject *fa_py_tokens_set(struct fa_py_server *self, PyObject *total);
PyObject *fa_py_tokens_take(struct fa_py_server *self, PyObject *unused);
PyObject *fa_py_tokens_give(struct fa_py_server *self, PyObject *unused);
PyObject *fa_py_tokens_await(struct fa_py_server *self, PyObject *unused);
PyObject *fa_py_tokens_renounce(struct fa_py_server *self, PyObject *unused);
PyObject *fa_py_tokens_get(struct fa_py_server *self, PyObject *unused);

/*
 * fa_py_tokens_hand_out - tell the hook of share_tokens how many were passed to those who
 * wait outside, if any.
 *
 * GIL:       attached thread state required; the event-loop thread only.
 * Calls out: yes.
 * Errors:    none; written as unraisable.
 */
void fa_py_tokens_hand_out(struct fa_py_server *owner);

#endif
