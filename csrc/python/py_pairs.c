#include "python/py_pairs.h"

#include "http/url.h"
#include "python/py_tuple_pool.h"

/* Decoded texts up to this size need no allocation. */
enum { SMALL_TEXT = 256 };

bool fa_py_pairs_has_high_bytes(fa_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) return true;
    }
    return false;
}

PyObject *fa_py_pairs_text(fa_span raw)
{
    if (fa_py_pairs_has_high_bytes(raw)) return NULL;
    if (!fa_url_needs_decode(raw, true))
        return PyUnicode_DecodeASCII(raw.ptr, (Py_ssize_t)raw.len, NULL);
    char small[SMALL_TEXT];
    char *out = raw.len <= sizeof small ? small : PyMem_Malloc(raw.len);
    if (out == NULL) return PyErr_NoMemory();
    size_t len = 0;
    bool invalid = false;
    fa_url_decode(raw, out, &len, true, &invalid);
    PyObject *text = PyUnicode_DecodeUTF8(out, (Py_ssize_t)len, "replace");
    if (out != small) PyMem_Free(out);
    return text;
}

/* (name, value), from `pool` if there is one. Steals both, which may be NULL. */
static PyObject *pair_of(PyObject *pool, PyObject *name, PyObject *value)
{
    PyObject *pair = NULL;
    if (name != NULL && value != NULL)
        pair =
            pool == NULL ? PyTuple_Pack(2, name, value) : fa_py_tuple_pool_pair(pool, name, value);
    Py_XDECREF(name);
    Py_XDECREF(value);
    return pair;
}

PyObject *fa_py_pairs_of(fa_span raw)
{
    PyObject *list = PyList_New(0);
    struct fa_url_query_iter pairs;
    fa_span name, value;
    fa_url_query_iter_init(&pairs, raw);
    while (list != NULL && fa_url_query_next(&pairs, &name, &value)) {
        PyObject *first = fa_py_pairs_text(name);
        PyObject *pair = first == NULL ? NULL : pair_of(NULL, first, fa_py_pairs_text(value));
        if (pair == NULL || PyList_Append(list, pair) < 0) Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

/* ASGI wants lower-case names. Bytes of one letter that were made from a text are shared by
 * the whole interpreter, so they are made empty and filled. */
static PyObject *lower_bytes(fa_span name)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)name.len);
    if (bytes == NULL) return NULL;
    char *text = PyBytes_AS_STRING(bytes);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        text[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return bytes;
}

PyObject *fa_py_pairs_headers(const struct fa_http_header *headers, uint32_t count, PyObject *pool)
{
    PyObject *list = PyList_New(count);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        fa_span value = headers[i].value;
        PyObject *pair = pair_of(pool, lower_bytes(headers[i].name),
            PyBytes_FromStringAndSize(value.ptr, (Py_ssize_t)value.len));
        if (pair == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, pair);
        }
    }
    return list;
}
