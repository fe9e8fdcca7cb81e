/*
 * The Python side decides where the handler runs (awaited, on a thread); here it is
 * called, and its result becomes the two messages of an ASGI answer.
 */
#include "python/py_asgi_call.h"

#include <stddef.h>
#include <structmember.h>

#include "python/py_json.h"
#include "python/py_params.h"
#include "python/py_response.h"

/* --- what answers are made of ------------------------------------------------------ */

int fa_py_asgi_call_texts_init(struct fa_py_asgi_texts *texts, PyObject *response_base)
{
    texts->response_base = Py_NewRef(response_base);
    texts->key_type = PyUnicode_InternFromString("type");
    texts->key_status = PyUnicode_InternFromString("status");
    texts->key_headers = PyUnicode_InternFromString("headers");
    texts->key_body = PyUnicode_InternFromString("body");
    texts->response_start = PyUnicode_InternFromString("http.response.start");
    texts->response_body = PyUnicode_InternFromString("http.response.body");
    texts->content_length = PyBytes_FromString("content-length");
    texts->content_type = Py_BuildValue("(yy)", "content-type", "application/json");
    bool made = texts->key_type && texts->key_status && texts->key_headers && texts->key_body &&
                texts->response_start && texts->response_body && texts->content_length &&
                texts->content_type;
    return made ? 0 : -1;
}

void fa_py_asgi_call_texts_clear(struct fa_py_asgi_texts *texts)
{
    Py_CLEAR(texts->key_type);
    Py_CLEAR(texts->key_status);
    Py_CLEAR(texts->key_headers);
    Py_CLEAR(texts->key_body);
    Py_CLEAR(texts->response_start);
    Py_CLEAR(texts->response_body);
    Py_CLEAR(texts->content_length);
    Py_CLEAR(texts->content_type);
    Py_CLEAR(texts->response_base);
}

static PyObject *raw_headers(const struct fa_py_asgi_texts *texts, Py_ssize_t length)
{
    PyObject *digits = PyBytes_FromFormat("%zd", length);
    PyObject *pair = digits == NULL ? NULL : PyTuple_Pack(2, texts->content_length, digits);
    Py_XDECREF(digits);
    PyObject *headers = pair == NULL ? NULL : PyList_New(2);
    if (headers == NULL) {
        Py_XDECREF(pair);
        return NULL;
    }
    PyList_SET_ITEM(headers, 0, pair);
    PyList_SET_ITEM(headers, 1, Py_NewRef(texts->content_type));
    return headers;
}

/* Steals `value`. */
static int put(PyObject *dict, PyObject *key, PyObject *value)
{
    int failed = value == NULL ? -1 : PyDict_SetItem(dict, key, value);
    Py_XDECREF(value);
    return failed;
}

/* (start, body): what Response.__call__ sends. Every answer has objects of its own, because
 * middleware changes them. */
static PyObject *messages(const struct fa_py_asgi_texts *texts, int status, PyObject *bytes)
{
    PyObject *start = PyDict_New(), *body = PyDict_New(), *pair = NULL;
    if (start != NULL && body != NULL &&
        PyDict_SetItem(start, texts->key_type, texts->response_start) == 0 &&
        put(start, texts->key_status, PyLong_FromLong(status)) == 0 &&
        put(start, texts->key_headers, raw_headers(texts, PyBytes_GET_SIZE(bytes))) == 0 &&
        PyDict_SetItem(body, texts->key_type, texts->response_body) == 0 &&
        PyDict_SetItem(body, texts->key_body, bytes) == 0) {
        pair = PyTuple_Pack(2, start, body);
    }
    Py_XDECREF(start);
    Py_XDECREF(body);
    return pair;
}

/* --- life --------------------------------------------------------------------------- */

struct fa_py_asgi_call *fa_py_asgi_call_new(PyTypeObject *type, PyObject *table,
    const struct fa_py_asgi_texts *texts, struct fa_py_plan *plan)
{
    struct fa_py_asgi_call *call =
        (struct fa_py_asgi_call *)type->tp_alloc(type, plan->arg_count + FA_PY_ASGI_CALL_ARGS);
    if (call == NULL) return NULL;
    call->table = Py_NewRef(table);
    call->texts = texts;
    call->plan = (struct fa_py_plan *)Py_NewRef(plan);
    call->wants_body = plan->body.keyword != NULL;
    return call;
}

static int call_traverse(struct fa_py_asgi_call *call, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(call));
    Py_VISIT(call->table);
    Py_VISIT(call->plan);
    Py_VISIT(call->request);
    for (Py_ssize_t i = FA_PY_ASGI_CALL_ARGS; i < Py_SIZE(call); i++)
        Py_VISIT(call->slots[i]);
    return 0;
}

static void clear_arguments(struct fa_py_asgi_call *call)
{
    call->ready = false;
    for (Py_ssize_t i = FA_PY_ASGI_CALL_ARGS; i < Py_SIZE(call); i++)
        Py_CLEAR(call->slots[i]);
}

static int call_clear(struct fa_py_asgi_call *call)
{
    clear_arguments(call);
    Py_CLEAR(call->request);
    return 0;
}

static void call_dealloc(struct fa_py_asgi_call *call)
{
    PyTypeObject *type = Py_TYPE(call);
    PyObject_GC_UnTrack(call);
    (void)call_clear(call);
    Py_CLEAR(call->plan);
    Py_CLEAR(call->table);
    type->tp_free((PyObject *)call);
    Py_DECREF(type);
}

/* --- the request -------------------------------------------------------------------- */

/* Whoever gets true has the arguments for himself. */
static bool claim(struct fa_py_asgi_call *call, bool *flag)
{
    bool had;
    (void)call; /* with the GIL there is nothing to lock */
    Py_BEGIN_CRITICAL_SECTION((PyObject *)call);
    had = *flag;
    *flag = false;
    Py_END_CRITICAL_SECTION();
    return had;
}

PyDoc_STRVAR(take_body_doc,
    "take_body($self, body, /)\n--\n\n"
    "Validate the body. False: hand the request over, nothing of the user's has run.");

static PyObject *take_body(struct fa_py_asgi_call *call, PyObject *body)
{
    if (!PyBytes_CheckExact(body)) {
        return PyErr_Format(
            PyExc_TypeError, "take_body() takes bytes, not %.100s", Py_TYPE(body)->tp_name);
    }
    if (!claim(call, &call->wants_body)) {
        PyErr_SetString(PyExc_RuntimeError, "take_body(): this call does not wait for a body");
        return NULL;
    }
    bool certain = fa_py_params_take_body(call->plan, body, call->slots + FA_PY_ASGI_CALL_ARGS);
    call->ready = certain;
    return PyBool_FromLong(certain);
}

static PyObject *invoke(struct fa_py_asgi_call *call)
{
    const struct fa_py_plan *plan = call->plan;
    if (!claim(call, &call->ready)) {
        PyErr_SetString(PyExc_RuntimeError, "a request's handler is called once");
        return NULL;
    }
    size_t count = plan->kwnames == NULL ? plan->arg_count : 0;
    PyObject **first = call->slots + FA_PY_ASGI_CALL_ARGS;
    if (plan->wants_exchange) {
        *--first = (PyObject *)call; /* borrowed: no other argument stands there */
        count++;
    }
    PyObject *result = PyObject_Vectorcall(
        plan->handler, first, count | PY_VECTORCALL_ARGUMENTS_OFFSET, plan->kwnames);
    clear_arguments(call);
    return result;
}

static PyObject *call_call(struct fa_py_asgi_call *call, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args) != 0 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)) {
        PyErr_SetString(PyExc_TypeError, "a call takes no arguments, it has them");
        return NULL;
    }
    return invoke(call);
}

PyDoc_STRVAR(respond_doc,
    "respond($self, value, /)\n--\n\n"
    "The messages (start, body) for what the handler returned; the value itself if it is a\n"
    "Response, which sends itself. Raises what FastAPI raises for a value it cannot send.");

static PyObject *respond(struct fa_py_asgi_call *call, PyObject *value)
{
    struct fa_py_plan *plan = call->plan;
    if (PyType_IsSubtype(Py_TYPE(value), (PyTypeObject *)call->texts->response_base))
        return Py_NewRef(value);
    bool unsure;
    const char *shape = fa_py_plan_next_shape(plan);
    PyObject *bytes = fa_py_json_bytes_as(shape, value, &unsure);
    fa_py_plan_note_shape(plan, shape, unsure);
    if (unsure)
        bytes = plan->answer.validate != NULL ? fa_py_response_dump(plan, value)
                                              : fa_py_json_encode_slowly(value);
    if (bytes == NULL) return NULL;
    PyObject *pair = NULL;
    if (PyBytes_Check(bytes)) {
        pair = messages(call->texts, plan->answer.status, bytes);
    } else {
        PyErr_Format(
            PyExc_TypeError, "serialiser gave %.100s instead of bytes", Py_TYPE(bytes)->tp_name);
    }
    Py_DECREF(bytes);
    return pair;
}

PyDoc_STRVAR(run_doc, "run($self, /)\n--\n\n"
                      "respond() to what a `def` handler returns.");

static PyObject *run(struct fa_py_asgi_call *call, PyObject *unused)
{
    (void)unused;
    PyObject *result = invoke(call);
    if (result == NULL) return NULL;
    PyObject *answer = respond(call, result);
    Py_DECREF(result);
    return answer;
}

/* --- the type ------------------------------------------------------------------------ */

static PyObject *get_is_async(struct fa_py_asgi_call *call, void *unused)
{
    (void)unused;
    return PyBool_FromLong(call->plan->is_async);
}

static PyObject *get_is_inline(struct fa_py_asgi_call *call, void *unused)
{
    (void)unused;
    return PyBool_FromLong(call->plan->is_inline);
}

static PyObject *get_max_body(struct fa_py_asgi_call *call, void *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(call->plan->max_body);
}

static PyObject *get_wants_request(struct fa_py_asgi_call *call, void *unused)
{
    (void)unused;
    return PyBool_FromLong(call->plan->wants_exchange);
}

static PyMethodDef call_methods[] = {
    {"take_body", (PyCFunction)take_body, METH_O, take_body_doc},
    {"respond", (PyCFunction)respond, METH_O, respond_doc},
    {"run", (PyCFunction)run, METH_NOARGS, run_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef call_members[] = {
    {"wants_body", T_BOOL, offsetof(struct fa_py_asgi_call, wants_body), READONLY,
        "take_body() has to come first"},
    {"request", T_OBJECT, offsetof(struct fa_py_asgi_call, request), 0,
        "the Request, set for a handler that wants_request"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef call_getset[] = {
    {"is_async", (getter)get_is_async, NULL, "calling it gives a coroutine", NULL},
    {"is_inline", (getter)get_is_inline, NULL, "run() may be called on the loop's thread", NULL},
    {"max_body", (getter)get_max_body, NULL, "the plan's limit for bodies; negative: none", NULL},
    {"wants_request", (getter)get_wants_request, NULL,
        "the handler's first argument is this call, with the Request as `request`", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(call_doc,
    "A request that a plan has taken, made by AsgiTable.begin(). Calling it calls the handler\n"
    "with its arguments, once. A plan with exchange=True gets the call itself first.");

static PyType_Slot call_slots[] = {
    {Py_tp_doc, (void *)call_doc},
    {Py_tp_call, call_call},
    {Py_tp_methods, call_methods},
    {Py_tp_members, call_members},
    {Py_tp_getset, call_getset},
    {Py_tp_traverse, call_traverse},
    {Py_tp_clear, call_clear},
    {Py_tp_dealloc, call_dealloc},
    {0, NULL},
};

PyType_Spec fa_py_asgi_call_spec = {
    .name = "fasterapi._fasterapi_core.AsgiCall",
    .basicsize = sizeof(struct fa_py_asgi_call),
    .itemsize = sizeof(PyObject *),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = call_slots,
};
