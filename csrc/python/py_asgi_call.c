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
        (struct fa_py_asgi_call *)type->tp_alloc(type, plan->arg_count + 1);
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
    for (Py_ssize_t i = 1; i < Py_SIZE(call); i++)
        Py_VISIT(call->slots[i]);
    return 0;
}

static int call_clear(struct fa_py_asgi_call *call)
{
    call->ready = false;
    for (Py_ssize_t i = 1; i < Py_SIZE(call); i++)
        Py_CLEAR(call->slots[i]);
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
    bool certain = fa_py_params_take_body(call->plan, body, call->slots + 1);
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
    if (plan->arg_count == 0) return PyObject_CallNoArgs(plan->handler);
    size_t positional = plan->kwnames == NULL ? plan->arg_count : 0;
    PyObject *result = PyObject_Vectorcall(
        plan->handler, call->slots + 1, positional | PY_VECTORCALL_ARGUMENTS_OFFSET, plan->kwnames);
    (void)call_clear(call);
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

PyDoc_STRVAR(answer_doc,
    "answer($self, result, /)\n--\n\n"
    "The messages (start, body) for what the handler returned; None for a Response, which\n"
    "sends itself. Raises what FastAPI raises for a value it cannot send.");

static PyObject *answer(struct fa_py_asgi_call *call, PyObject *result)
{
    const struct fa_py_plan *plan = call->plan;
    if (PyType_IsSubtype(Py_TYPE(result), (PyTypeObject *)call->texts->response_base))
        Py_RETURN_NONE;
    PyObject *bytes = plan->answer.validate != NULL ? fa_py_response_dump(plan, result)
                                                    : fa_py_json_bytes(NULL, result);
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

PyDoc_STRVAR(run_doc,
    "run($self, /)\n--\n\n"
    "Call a `def` handler and give answer()'s messages, or the Response it returned.");

static PyObject *run(struct fa_py_asgi_call *call, PyObject *unused)
{
    (void)unused;
    PyObject *result = invoke(call);
    if (result == NULL) return NULL;
    PyObject *pair = answer(call, result);
    if (pair == Py_None) {
        Py_DECREF(pair);
        return result;
    }
    Py_DECREF(result);
    return pair;
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

static PyMethodDef call_methods[] = {
    {"take_body", (PyCFunction)take_body, METH_O, take_body_doc},
    {"answer", (PyCFunction)answer, METH_O, answer_doc},
    {"run", (PyCFunction)run, METH_NOARGS, run_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef call_members[] = {
    {"wants_body", T_BOOL, offsetof(struct fa_py_asgi_call, wants_body), READONLY,
        "take_body() has to come first"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef call_getset[] = {
    {"is_async", (getter)get_is_async, NULL, "calling it gives a coroutine", NULL},
    {"is_inline", (getter)get_is_inline, NULL, "run() may be called on the loop's thread", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(call_doc,
    "A request that a plan has taken, made by AsgiTable.begin(). Calling it calls the handler\n"
    "with its arguments, once.");

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
