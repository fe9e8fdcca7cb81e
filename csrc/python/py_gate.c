#include "python/py_gate.h"

#include <string.h>

static int bytes_to_span(PyObject *item, fa_span *out)
{
    if (!PyBytes_Check(item)) {
        PyErr_Format(PyExc_TypeError, "Gate: %R is not bytes", item);
        return -1;
    }
    *out = (fa_span){PyBytes_AS_STRING(item), (size_t)PyBytes_GET_SIZE(item)};
    return 0;
}

static int check_row(PyObject *item)
{
    if (PyTuple_Check(item)) return 0;
    PyErr_Format(PyExc_TypeError, "Gate: %R is not a tuple", item);
    return -1;
}

/* Room for `count` items of `size` bytes, never none. NULL with MemoryError. */
static void *new_items(Py_ssize_t count, size_t size)
{
    void *items = PyMem_Calloc((size_t)count + 1, size);
    if (items == NULL) PyErr_NoMemory();
    return items;
}

/* --- hosts ------------------------------------------------------------------------------- */

static int set_host_list(struct fa_gate_hosts *list, PyObject *rows)
{
    if (check_row(rows) < 0) return -1;
    struct fa_gate_host *items = new_items(PyTuple_GET_SIZE(rows), sizeof *items);
    list->items = items;
    if (items == NULL) return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(rows); i++) {
        PyObject *text;
        int is_suffix;
        PyObject *row = PyTuple_GET_ITEM(rows, i);
        if (check_row(row) < 0 || !PyArg_ParseTuple(row, "Sp:Gate host", &text, &is_suffix) ||
            bytes_to_span(text, &items[i].text) < 0)
            return -1;
        items[i].is_suffix = is_suffix != 0;
        list->count++;
    }
    return 0;
}

static int set_hosts(struct fa_py_gate *self, PyObject *lists)
{
    Py_ssize_t count = PyTuple_GET_SIZE(lists);
    self->hosts = new_items(count, sizeof *self->hosts);
    if (self->hosts == NULL) return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        self->host_list_count++; /* counted first: a half-made one is freed too */
        if (set_host_list(&self->hosts[i], PyTuple_GET_ITEM(lists, i)) < 0) return -1;
    }
    return 0;
}

/* --- layers ------------------------------------------------------------------------------ */

static int set_cors(struct fa_py_gate_cors *cors, PyObject *row)
{
    int kind, everyone, credentials;
    PyObject *simple, *origins, *fullmatch;
    if (!PyArg_ParseTuple(row, "iO!ppOO:Gate CORS layer", &kind, &PyTuple_Type, &simple, &everyone,
            &credentials, &origins, &fullmatch))
        return -1;
    cors->simple = new_items(PyTuple_GET_SIZE(simple), sizeof *cors->simple);
    if (cors->simple == NULL) return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(simple); i++) {
        PyObject *name, *value;
        PyObject *pair = PyTuple_GET_ITEM(simple, i);
        if (check_row(pair) < 0 || !PyArg_ParseTuple(pair, "SS:Gate header", &name, &value) ||
            bytes_to_span(name, &cors->simple[i].name) < 0 ||
            bytes_to_span(value, &cors->simple[i].value) < 0)
            return -1;
        cors->simple_count++;
    }
    cors->everyone = everyone != 0;
    cors->credentials = credentials != 0;
    cors->origins = origins;
    cors->fullmatch = fullmatch == Py_None ? NULL : fullmatch;
    return 0;
}

static int set_gzip(struct fa_py_gate_gzip *gzip, PyObject *row)
{
    int kind, level;
    Py_ssize_t minimum, thread_minimum;
    PyObject *excluded;
    if (!PyArg_ParseTuple(row, "ininO!:Gate GZip layer", &kind, &minimum, &level, &thread_minimum,
            &PyTuple_Type, &excluded))
        return -1;
    gzip->minimum_size = minimum < 0 ? 0 : (size_t)minimum;
    gzip->thread_minimum_size = thread_minimum < 0 ? 0 : (size_t)thread_minimum;
    gzip->arguments = Py_BuildValue("(iii)", level, 8, 31); /* DEFLATED, 16 + MAX_WBITS */
    gzip->excluded = new_items(PyTuple_GET_SIZE(excluded), sizeof *gzip->excluded);
    if (gzip->arguments == NULL || gzip->excluded == NULL) return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(excluded); i++) {
        if (bytes_to_span(PyTuple_GET_ITEM(excluded, i), &gzip->excluded[i]) < 0) return -1;
        gzip->excluded_count++;
    }
    return 0;
}

static int set_layer(struct fa_py_gate_layer *layer, PyObject *row)
{
    long kind = -1;
    if (PyTuple_Check(row) && PyTuple_GET_SIZE(row) > 0) {
        kind = PyLong_AsLong(PyTuple_GET_ITEM(row, 0));
        if (kind == -1 && PyErr_Occurred()) return -1;
    }
    if (kind != FA_PY_GATE_CORS && kind != FA_PY_GATE_GZIP) {
        PyErr_Format(PyExc_ValueError, "Gate: %R is not a layer", row);
        return -1;
    }
    layer->kind = (enum fa_py_gate_kind)kind;
    return kind == FA_PY_GATE_CORS ? set_cors(&layer->cors, row) : set_gzip(&layer->gzip, row);
}

static int set_layers(struct fa_py_gate *self, PyObject *rows)
{
    Py_ssize_t count = PyTuple_GET_SIZE(rows);
    self->layers = new_items(count, sizeof *self->layers);
    if (self->layers == NULL) return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        self->layer_count++;
        if (set_layer(&self->layers[i], PyTuple_GET_ITEM(rows, i)) < 0) return -1;
        if (self->layers[i].kind == FA_PY_GATE_CORS) self->gate.has_cors = true;
    }
    PyObject *zlib = PyImport_ImportModule("zlib");
    self->compressobj = zlib == NULL ? NULL : PyObject_GetAttrString(zlib, "compressobj");
    Py_XDECREF(zlib);
    return self->compressobj == NULL ? -1 : 0;
}

/* --- the type ---------------------------------------------------------------------------- */

PyDoc_STRVAR(gate_doc,
    "Gate(https_only, hosts, layers, replay)\n--\n\n"
    "Starlette's own middleware for Server.set_routes(), made by fasterapi.plan.\n"
    "https_only: no other request goes to a compiled route. hosts: tuple of tuples of\n"
    "(lower-case bytes, is_suffix), one of each of which must fit the Host header.\n"
    "layers, innermost first: (0, ((name, value), ...), everyone, credentials, origins,\n"
    "fullmatch) for CORS, (1, minimum_size, level, thread_minimum_size, excluded) for\n"
    "GZip. replay(status, header_lines, body): a Response for the middleware itself.\n"
    "Raises TypeError or ValueError for a malformed description.");

static PyObject *gate_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"https_only", "hosts", "layers", "replay", NULL};
    int https_only;
    PyObject *hosts, *layers, *replay;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "pO!O!O:Gate", names, &https_only, &PyTuple_Type,
            &hosts, &PyTuple_Type, &layers, &replay))
        return NULL;
    struct fa_py_gate *self = (struct fa_py_gate *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->replay = Py_NewRef(replay);
    self->given = PyTuple_Pack(2, hosts, layers);
    if (self->given == NULL || set_hosts(self, hosts) < 0 || set_layers(self, layers) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    self->gate.https_only = https_only != 0;
    self->gate.hosts = self->hosts;
    self->gate.host_list_count = self->host_list_count;
    self->gate.user = self;
    return (PyObject *)self;
}

static int gate_traverse(struct fa_py_gate *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->given);
    Py_VISIT(self->replay);
    Py_VISIT(self->compressobj);
    return 0;
}

static int gate_clear(struct fa_py_gate *self)
{
    Py_CLEAR(self->replay);
    Py_CLEAR(self->compressobj);
    for (size_t i = 0; i < self->layer_count; i++) {
        struct fa_py_gate_layer *layer = &self->layers[i];
        if (layer->kind == FA_PY_GATE_CORS) {
            PyMem_Free(layer->cors.simple);
        } else {
            Py_CLEAR(layer->gzip.arguments);
            PyMem_Free(layer->gzip.excluded);
        }
    }
    self->layer_count = 0;
    Py_CLEAR(self->given); /* what the layers have borrowed */
    return 0;
}

static void gate_dealloc(struct fa_py_gate *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)gate_clear(self);
    for (size_t i = 0; i < self->host_list_count; i++)
        PyMem_Free((void *)(uintptr_t)self->hosts[i].items);
    PyMem_Free(self->hosts);
    PyMem_Free(self->layers);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyType_Slot gate_slots[] = {
    {Py_tp_doc, (void *)gate_doc},
    {Py_tp_new, gate_new},
    {Py_tp_traverse, gate_traverse},
    {Py_tp_clear, gate_clear},
    {Py_tp_dealloc, gate_dealloc},
    {0, NULL},
};

PyType_Spec fa_py_gate_spec = {
    .name = "fasterapi._fasterapi_core.Gate",
    .basicsize = sizeof(struct fa_py_gate),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = gate_slots,
};
