#include "python/py_path_params.h"

bool fa_py_path_params_read(struct fa_py_path_params *params, fa_span pattern)
{
    struct fa_route_pattern p;
    struct fa_route_part part;
    params->names = NULL;
    PyObject *names = PyList_New(0);
    if (names == NULL) return false;
    fa_status status = fa_route_pattern_init(&p, pattern);
    while (status == FA_OK && fa_route_pattern_next(&p, &part)) {
        if (part.kind == FA_ROUTE_PART_STATIC) continue;
        PyObject *name = PyUnicode_FromStringAndSize(part.text.ptr, (Py_ssize_t)part.text.len);
        params->kinds[PyList_GET_SIZE(names)] = (uint8_t)part.kind;
        if (name != NULL) PyUnicode_InternInPlace(&name);
        if (name == NULL || PyList_Append(names, name) < 0) {
            Py_XDECREF(name);
            Py_DECREF(names);
            return false;
        }
        Py_DECREF(name);
    }
    params->names = PyList_AsTuple(names);
    Py_DECREF(names);
    return params->names != NULL;
}

/* A parameter as Starlette's convertor of that kind gives it. */
static PyObject *convert(fa_span text, uint8_t kind)
{
    PyObject *str = PyUnicode_DecodeUTF8(text.ptr, (Py_ssize_t)text.len, NULL);
    if (str == NULL || kind == FA_ROUTE_PART_STR || kind == FA_ROUTE_PART_PATH) return str;
    PyObject *number =
        kind == FA_ROUTE_PART_INT ? PyLong_FromUnicodeObject(str, 10) : PyFloat_FromString(str);
    Py_DECREF(str);
    return number;
}

bool fa_py_path_params_put(
    const struct fa_py_path_params *params, const struct fa_route_match *match, PyObject *dict)
{
    for (uint32_t i = 0; i < match->param_count; i++) {
        PyObject *value = convert(match->params[i], params->kinds[i]);
        if (value == NULL) return false;
        int failed = PyDict_SetItem(dict, PyTuple_GET_ITEM(params->names, i), value);
        Py_DECREF(value);
        if (failed < 0) return false;
    }
    return true;
}
