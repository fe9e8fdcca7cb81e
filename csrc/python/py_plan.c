#include "python/py_plan.h"

#include <string.h>
#include <structmember.h>

static void param_clear(struct fa_py_param *param)
{
    Py_CLEAR(param->keyword);
    Py_CLEAR(param->wire_name);
    Py_CLEAR(param->default_value);
    Py_CLEAR(param->default_factory);
    Py_CLEAR(param->validate);
}

static PyObject *none_as_null(PyObject *value)
{
    return value == Py_None ? NULL : Py_NewRef(value);
}

static int param_init(struct fa_py_param *param, PyObject *item)
{
    PyObject *keyword, *wire, *def, *factory, *validate;
    int source, conv, is_list, required;
    if (!PyTuple_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "Plan: each parameter is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(item, "UiUippOOO:Plan parameter", &keyword, &source, &wire, &conv,
            &is_list, &required, &def, &factory, &validate)) {
        return -1;
    }
    if (source < FA_PY_PATH || source > FA_PY_ALL_HEADERS || conv < FA_PY_STR ||
        conv > FA_PY_VALIDATOR) {
        PyErr_Format(
            PyExc_ValueError, "Plan: parameter %R has an unknown source or converter", keyword);
        return -1;
    }
    bool is_whole = source == FA_PY_ALL_QUERY || source == FA_PY_ALL_HEADERS;
    if ((conv == FA_PY_VALIDATOR || is_list || is_whole) && validate == Py_None) {
        PyErr_Format(PyExc_ValueError, "Plan: parameter %R needs a validator", keyword);
        return -1;
    }
    param->keyword = Py_NewRef(keyword);
    PyUnicode_InternInPlace(&param->keyword);
    param->wire_name = PyUnicode_AsUTF8String(wire);
    if (param->wire_name == NULL) return -1;
    param->wire =
        (fa_span){PyBytes_AS_STRING(param->wire_name), (size_t)PyBytes_GET_SIZE(param->wire_name)};
    param->default_value = Py_NewRef(def);
    param->default_factory = none_as_null(factory);
    param->validate = none_as_null(validate);
    param->source = (enum fa_py_source)source;
    param->conv = (enum fa_py_conv)conv;
    param->is_list = is_list != 0;
    param->required = required != 0;
    return 0;
}

static int set_params(struct fa_py_plan *plan, PyObject *params)
{
    Py_ssize_t count = PyTuple_GET_SIZE(params);
    if (count >= FA_PY_PLAN_MAX_ARGS) {
        PyErr_Format(PyExc_ValueError, "Plan: %zd parameters, at most %d can be compiled", count,
            FA_PY_PLAN_MAX_ARGS - 1);
        return -1;
    }
    if (count == 0) return 0;
    plan->params = PyMem_Calloc((size_t)count, sizeof *plan->params);
    if (plan->params == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        struct fa_py_param *param = &plan->params[i];
        plan->param_count++; /* counted first: a half-made one is cleared too */
        if (param_init(param, PyTuple_GET_ITEM(params, i)) < 0) return -1;
        param->slot = (uint8_t)i;
        if (param->source == FA_PY_QUERY || param->source == FA_PY_ALL_QUERY)
            plan->has_query = true;
    }
    return 0;
}

static int set_body(struct fa_py_plan *plan, PyObject *body)
{
    if (body == Py_None) return 0;
    PyObject *keyword, *validate_python, *json_loads, *validate_json;
    if (!PyArg_ParseTuple(
            body, "UOOO:Plan body", &keyword, &validate_python, &json_loads, &validate_json))
        return -1;
    plan->body.keyword = Py_NewRef(keyword);
    PyUnicode_InternInPlace(&plan->body.keyword);
    plan->body.validate_python = Py_NewRef(validate_python);
    plan->body.json_loads = Py_NewRef(json_loads);
    plan->body.validate_json = none_as_null(validate_json);
    plan->body.slot = plan->param_count;
    return 0;
}

static int set_form(struct fa_py_plan *plan, PyObject *form)
{
    if (form == Py_None) return 0;
    PyObject *keyword, *from_pairs, *from_bytes;
    if (plan->body.keyword != NULL) {
        PyErr_SetString(PyExc_ValueError, "Plan: a body is JSON or a form, not both");
        return -1;
    }
    if (!PyTuple_Check(form)) {
        PyErr_SetString(PyExc_TypeError, "Plan: form is (keyword, from_pairs, from_bytes)");
        return -1;
    }
    if (!PyArg_ParseTuple(form, "UOO:Plan form", &keyword, &from_pairs, &from_bytes)) return -1;
    plan->body.keyword = Py_NewRef(keyword);
    PyUnicode_InternInPlace(&plan->body.keyword);
    plan->body.form_from_pairs = none_as_null(from_pairs);
    plan->body.form_from_bytes = Py_NewRef(from_bytes);
    plan->body.slot = plan->param_count;
    return 0;
}

static int set_answer(struct fa_py_plan *plan, PyObject *response, int status)
{
    plan->answer.status = status;
    plan->answer.shape = FA_PY_JSON_UNTYPED;
    if (status < 200 || status > 599) {
        PyErr_Format(PyExc_ValueError,
            "Plan: status_code %d is not a final HTTP status (200 to 599)", status);
        return -1;
    }
    if (response == Py_None) return 0;
    PyObject *validate, *dump, *kwargs, *slow;
    const char *shape;
    if (!PyArg_ParseTuple(response, "OOO!Oz:Plan response", &validate, &dump, &PyDict_Type, &kwargs,
            &slow, &shape))
        return -1;
    if (shape != NULL && !fa_py_json_is_shape(shape)) {
        PyErr_Format(PyExc_ValueError, "Plan: '%.100s' is no shape of a response", shape);
        return -1;
    }
    if (shape != NULL) memcpy(plan->answer.shape_text, shape, strlen(shape) + 1);
    plan->answer.shape = plan->answer.shape_text;
    PyObject *names = PyDict_Keys(kwargs), *values = PyDict_Values(kwargs);
    if (names != NULL && values != NULL) {
        plan->answer.dump_kwnames = PyList_AsTuple(names);
        plan->answer.dump_values = PyList_AsTuple(values);
    }
    Py_XDECREF(names);
    Py_XDECREF(values);
    if (plan->answer.dump_kwnames == NULL || plan->answer.dump_values == NULL) return -1;
    if (PyTuple_GET_SIZE(plan->answer.dump_values) >= FA_PY_PLAN_MAX_ARGS) {
        PyErr_SetString(PyExc_ValueError, "Plan: too many serialiser keywords");
        return -1;
    }
    plan->answer.validate = Py_NewRef(validate);
    plan->answer.dump = Py_NewRef(dump);
    plan->answer.slow = Py_NewRef(slow);
    return 0;
}

/* Where each argument stands in a plain function's own parameter list, behind the
 * exchange, so that the call needs no keyword matching. False: call with keyword names. */
static bool find_positions(
    const struct fa_py_plan *plan, PyObject *varnames, PyCodeObject *code, uint8_t *positions)
{
    int first = plan->wants_exchange;
    for (int i = 0; i < plan->arg_count; i++) {
        PyObject *name = i < plan->param_count ? plan->params[i].keyword : plan->body.keyword;
        int at = -1;
        for (int k = first; k < code->co_argcount && at < 0; k++) {
            if (PyUnicode_Compare(PyTuple_GET_ITEM(varnames, k), name) == 0) at = k;
        }
        if (at < 0) return false;
        positions[i] = (uint8_t)(at - first);
    }
    return true;
}

static int set_call_form(struct fa_py_plan *plan)
{
    plan->arg_count = (uint8_t)(plan->param_count + (plan->body.keyword != NULL));
    if (plan->arg_count == 0) return 0;
    if (PyFunction_Check(plan->handler)) {
        PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(plan->handler);
        bool plain = code->co_argcount == plan->arg_count + plan->wants_exchange &&
                     code->co_kwonlyargcount == 0 &&
                     (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0;
        uint8_t positions[FA_PY_PLAN_MAX_ARGS];
        PyObject *varnames = plain ? PyCode_GetVarnames(code) : NULL;
        if (plain && varnames == NULL) return -1;
        bool found = plain && find_positions(plan, varnames, code, positions);
        Py_XDECREF(varnames);
        if (found) {
            for (int i = 0; i < plan->param_count; i++)
                plan->params[i].slot = positions[i];
            if (plan->body.keyword != NULL) plan->body.slot = positions[plan->param_count];
            return 0;
        }
    }
    if (plan->wants_exchange) {
        PyErr_SetString(PyExc_ValueError,
            "Plan: a handler that takes an exchange must be a function of just its inputs");
        return -1;
    }
    plan->kwnames = PyTuple_New(plan->arg_count);
    if (plan->kwnames == NULL) return -1;
    for (int i = 0; i < plan->param_count; i++) {
        PyTuple_SET_ITEM(plan->kwnames, i, Py_NewRef(plan->params[i].keyword));
    }
    if (plan->body.keyword != NULL)
        PyTuple_SET_ITEM(plan->kwnames, plan->param_count, Py_NewRef(plan->body.keyword));
    return 0;
}

PyDoc_STRVAR(plan_doc,
    "Plan(handler, is_async, can_suspend, params, body, response, status_code, *, "
    "inline=False, may_decline=False, exchange=False, form=None, max_body=-1)\n--\n\n"
    "One route compiled to C: how to extract and convert its inputs, how to call it,\n"
    "how to answer. Made by fasterapi.plan; read-only and usable from any thread.\n\n"
    "params: tuple of (keyword, source, wire_name, conv, is_list, required, default,\n"
    "default_factory, validate). body: None or (keyword, validate_python, json_loads,\n"
    "validate_json). response: None (untyped) or (validate_python, to_json, kwargs, slow, shape),\n"
    "shape: None, or what the core writes itself, see json_bytes().\n"
    "may_decline: the handler may return NotImplemented, and FastAPI answers.\n"
    "exchange: the handler, a plain function, takes an Exchange as its first argument.\n"
    "form: None or (keyword, from_pairs, from_bytes), a body that is a form: an urlencoded one\n"
    "goes to from_pairs(pairs) unless that is None, any other to from_bytes(content_type, body).\n"
    "max_body: a larger request body is FastAPI's to refuse; negative: none is.\n"
    "Raises TypeError or ValueError for a malformed description.");

static PyObject *plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"handler", "is_async", "can_suspend", "params", "body", "response",
        "status_code", "inline", "may_decline", "exchange", "form", "max_body", NULL};
    PyObject *handler, *params, *body, *response, *form = Py_None;
    int is_async, can_suspend, status, is_inline = 0, may_decline = 0, exchange = 0;
    Py_ssize_t max_body = -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OppO!OOi|$pppOn:Plan", names, &handler,
            &is_async, &can_suspend, &PyTuple_Type, &params, &body, &response, &status, &is_inline,
            &may_decline, &exchange, &form, &max_body)) {
        return NULL;
    }
    if (!PyCallable_Check(handler)) {
        PyErr_SetString(PyExc_TypeError, "Plan: handler must be callable");
        return NULL;
    }
    struct fa_py_plan *plan = (struct fa_py_plan *)type->tp_alloc(type, 0);
    if (plan == NULL) return NULL;
    plan->handler = Py_NewRef(handler);
    plan->is_async = is_async != 0;
    plan->can_suspend = can_suspend != 0;
    plan->is_inline = is_inline != 0;
    plan->may_decline = may_decline != 0;
    plan->wants_exchange = exchange != 0;
    plan->max_body = max_body;
    plan->validate_kwnames = Py_BuildValue("(s)", "from_attributes");
    if (plan->validate_kwnames == NULL || set_params(plan, params) < 0 ||
        set_body(plan, body) < 0 || set_form(plan, form) < 0 ||
        set_answer(plan, response, status) < 0 || set_call_form(plan) < 0) {
        Py_DECREF(plan);
        return NULL;
    }
    return (PyObject *)plan;
}

PyObject *fa_py_plan_validate(const struct fa_py_plan *plan, PyObject *validate, PyObject *value)
{
    PyObject *args[2] = {value, Py_True};
    return PyObject_Vectorcall(validate, args, 1, plan->validate_kwnames);
}

int fa_py_plan_bind_path(struct fa_py_plan *plan, fa_span pattern)
{
    for (int i = 0; i < plan->param_count; i++) {
        struct fa_py_param *param = &plan->params[i];
        if (param->source != FA_PY_PATH) continue;
        int index = 0, found = -1;
        for (size_t at = 0; at < pattern.len && found < 0; at++) {
            if (pattern.ptr[at] != '{') continue;
            size_t start = at + 1, end = start;
            while (end < pattern.len && pattern.ptr[end] != '}' && pattern.ptr[end] != ':')
                end++;
            fa_span name = {pattern.ptr + start, end - start};
            if (fa_span_eq(name, param->wire)) found = index;
            index++;
        }
        if (found < 0) {
            PyErr_Format(PyExc_ValueError, "Plan: path parameter %R is not in the route's path",
                param->keyword);
            return -1;
        }
        param->path_index = (uint8_t)found;
    }
    return 0;
}

static int plan_traverse(struct fa_py_plan *plan, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(plan));
    Py_VISIT(plan->handler);
    Py_VISIT(plan->watch);
    for (int i = 0; i < plan->param_count; i++) {
        Py_VISIT(plan->params[i].default_value);
        Py_VISIT(plan->params[i].default_factory);
        Py_VISIT(plan->params[i].validate);
    }
    Py_VISIT(plan->body.validate_python);
    Py_VISIT(plan->body.json_loads);
    Py_VISIT(plan->body.validate_json);
    Py_VISIT(plan->body.form_from_pairs);
    Py_VISIT(plan->body.form_from_bytes);
    Py_VISIT(plan->answer.validate);
    Py_VISIT(plan->answer.dump);
    Py_VISIT(plan->answer.dump_values);
    Py_VISIT(plan->answer.slow);
    return 0;
}

static int plan_clear(struct fa_py_plan *plan)
{
    Py_CLEAR(plan->handler);
    Py_CLEAR(plan->watch);
    Py_CLEAR(plan->validate_kwnames);
    Py_CLEAR(plan->kwnames);
    struct fa_py_param *params = plan->params;
    int count = plan->param_count;
    plan->params = NULL;
    plan->param_count = 0;
    for (int i = 0; i < count; i++)
        param_clear(&params[i]);
    PyMem_Free(params);
    Py_CLEAR(plan->body.keyword);
    Py_CLEAR(plan->body.validate_python);
    Py_CLEAR(plan->body.json_loads);
    Py_CLEAR(plan->body.validate_json);
    Py_CLEAR(plan->body.form_from_pairs);
    Py_CLEAR(plan->body.form_from_bytes);
    Py_CLEAR(plan->answer.validate);
    Py_CLEAR(plan->answer.dump);
    Py_CLEAR(plan->answer.dump_kwnames);
    Py_CLEAR(plan->answer.dump_values);
    Py_CLEAR(plan->answer.slow);
    return 0;
}

static void plan_dealloc(struct fa_py_plan *plan)
{
    PyTypeObject *type = Py_TYPE(plan);
    PyObject_GC_UnTrack(plan);
    (void)plan_clear(plan);
    type->tp_free((PyObject *)plan);
    Py_DECREF(type);
}

static PyMemberDef plan_members[] = {
    {"handler", T_OBJECT, offsetof(struct fa_py_plan, handler), READONLY,
        "the endpoint that is called"},
    {"is_async", T_BOOL, offsetof(struct fa_py_plan, is_async), READONLY,
        "an `async def` endpoint"},
    {"can_suspend", T_BOOL, offsetof(struct fa_py_plan, can_suspend), READONLY,
        "it may await something"},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_doc, (void *)plan_doc},
    {Py_tp_new, plan_new},
    {Py_tp_traverse, plan_traverse},
    {Py_tp_clear, plan_clear},
    {Py_tp_dealloc, plan_dealloc},
    {Py_tp_members, plan_members},
    {0, NULL},
};

PyType_Spec fa_py_plan_spec = {
    .name = "fasterapi._fasterapi_core.Plan",
    .basicsize = sizeof(struct fa_py_plan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};
