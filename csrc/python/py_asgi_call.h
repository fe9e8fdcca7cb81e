/* py_asgi_call.h - one request of an ASGI server that a plan has taken: call and answer. */
#ifndef FA_PYTHON_PY_ASGI_CALL_H
#define FA_PYTHON_PY_ASGI_CALL_H

#include "python/py_plan.h"

/* What every answer is made of; the table that starts the calls owns one. */
struct fa_py_asgi_texts {
    PyObject *key_type, *key_status, *key_headers, *key_body;
    PyObject *response_start, *response_body; /* the messages' types */
    PyObject *content_length;                 /* bytes: a header's name */
    PyObject *content_type;                   /* (b"content-type", b"application/json") */
    PyObject *response_base;                  /* starlette's Response */
};

struct fa_py_asgi_call {
    PyObject_VAR_HEAD PyObject *table; /* keeps `texts` alive */
    const struct fa_py_asgi_texts *texts;
    struct fa_py_plan *plan;
    PyObject *request; /* NULL, or what a handler that wants an exchange finds there */
    bool wants_body;   /* the body is still missing */
    bool ready;        /* every argument is there, and the handler has not been called */
    PyObject *slots[]; /* the arguments begin at FA_PY_ASGI_CALL_ARGS */
};

/* Before the arguments: a slot for the callee's use, and one for the call itself as the
 * first argument of a handler that wants an exchange. */
enum { FA_PY_ASGI_CALL_ARGS = 2 };

extern PyType_Spec fa_py_asgi_call_spec;

/*
 * fa_py_asgi_call_texts_init - make the parts of answers.
 *
 * Refs:      keeps a reference to `response_base`.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    -1 with MemoryError; fa_py_asgi_call_texts_clear frees what there is.
 */
int fa_py_asgi_call_texts_init(struct fa_py_asgi_texts *texts, PyObject *response_base);

/*
 * fa_py_asgi_call_texts_clear - give the parts back; all of them may be NULL.
 *
 * GIL: attached thread state required.
 */
void fa_py_asgi_call_texts_clear(struct fa_py_asgi_texts *texts);

/*
 * fa_py_asgi_call_new - a call whose slots are empty.
 *
 * Refs:      returns a new reference; keeps `table` (which owns `texts`) and `plan`.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    NULL with MemoryError.
 */
struct fa_py_asgi_call *fa_py_asgi_call_new(PyTypeObject *type, PyObject *table,
    const struct fa_py_asgi_texts *texts, struct fa_py_plan *plan);

#endif
