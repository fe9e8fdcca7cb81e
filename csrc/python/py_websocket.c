#include "python/py_websocket.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FIN = 0x80, MASKED = 0x80, TEXT = 1, BINARY = 2, MASK_LEN = 4, TEXT_ON_STACK = 4096 };
enum { PROTOCOL_ERROR = 1002 };

/* --- reading -------------------------------------------------------------------------- */

struct frame {
    const unsigned char *mask;
    const unsigned char *payload;
    uint64_t len;
    unsigned char first;
    bool masked;
    bool wrong; /* the length is written longer than it must be, or is none (RFC 6455, 5.2) */
};

static uint64_t big_endian(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* False: the head is not complete yet. */
static bool frame_head(struct frame *f, const unsigned char *bytes, size_t len)
{
    if (len < 2) return false;
    unsigned short_len = bytes[1] & 0x7fu;
    size_t extra = short_len == 126 ? 2 : short_len == 127 ? 8 : 0;
    f->first = bytes[0];
    f->masked = (bytes[1] & MASKED) != 0;
    size_t head = 2 + extra + (f->masked ? MASK_LEN : 0);
    if (len < head) return false;
    f->len = extra == 0 ? short_len : big_endian(bytes + 2, extra);
    f->wrong =
        f->len > INT64_MAX || (extra == 2 && f->len < 126) || (extra == 8 && f->len <= 0xffff);
    f->mask = bytes + 2 + extra;
    f->payload = bytes + head;
    return true;
}

static void unmask(const struct frame *f, char *out)
{
    uint64_t wide;
    size_t len = (size_t)f->len, i = 0;
    unsigned char key[8];
    memcpy(key, f->mask, MASK_LEN);
    memcpy(key + MASK_LEN, f->mask, MASK_LEN);
    memcpy(&wide, key, sizeof wide);
    for (; i + 8 <= len; i += 8) {
        uint64_t part;
        memcpy(&part, f->payload + i, sizeof part);
        part ^= wide;
        memcpy(out + i, &part, sizeof part);
    }
    for (; i < len; i++)
        out[i] = (char)(f->payload[i] ^ key[i % 8]);
}

static PyObject *text_of(const struct frame *f)
{
    char small[TEXT_ON_STACK];
    char *room = f->len <= sizeof small ? small : PyMem_Malloc((size_t)f->len);
    if (room == NULL) return PyErr_NoMemory();
    unmask(f, room);
    PyObject *text = PyUnicode_DecodeUTF8(room, (Py_ssize_t)f->len, NULL);
    if (room != small) PyMem_Free(room);
    return text;
}

static PyObject *bytes_of(const struct frame *f)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)f->len);
    if (bytes != NULL) unmask(f, PyBytes_AS_STRING(bytes));
    return bytes;
}

const char fa_py_websocket_read_doc[] = PyDoc_STR(
    "websocket_read(data, start, /)\n--\n\n"
    "The client's frame that begins at start in the bytes data, as (what, end, size\n"
    "of its payload). what is the message, str or bytes, if it is a whole one in one frame\n"
    "and nothing about it is special; else the frame's first byte, and end may lie beyond\n"
    "data. None: its head is not complete. what is 1002, the code to close with, if the length\n"
    "is not written as it has to be. Checks nothing else of other frames.");

PyObject *fa_py_websocket_read(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "websocket_read() takes bytes and a position");
        return NULL;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(args[0]), start = PyLong_AsSsize_t(args[1]);
    if (start == -1 && PyErr_Occurred()) return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_ValueError, "websocket_read(): start is outside of data");
        return NULL;
    }
    const unsigned char *bytes = (const unsigned char *)PyBytes_AS_STRING(args[0]);
    struct frame f;
    if (!frame_head(&f, bytes + start, (size_t)(size - start))) Py_RETURN_NONE;
    Py_ssize_t head_end = f.payload - bytes;
    bool whole = f.len <= (uint64_t)(size - head_end);
    uint64_t most = (uint64_t)(PY_SSIZE_T_MAX - head_end);
    Py_ssize_t end = head_end + (Py_ssize_t)(f.len < most ? f.len : most);
    PyObject *what = NULL;
    if (f.wrong) {
        what = PyLong_FromLong(PROTOCOL_ERROR);
        if (what == NULL) return NULL;
    } else if (whole && f.masked && f.first == (FIN | TEXT)) {
        what = text_of(&f);
        if (what == NULL && !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return NULL;
        PyErr_Clear();
    } else if (whole && f.masked && f.first == (FIN | BINARY)) {
        what = bytes_of(&f);
        if (what == NULL) return NULL;
    }
    if (what == NULL) what = PyLong_FromLong(f.first);
    return what == NULL ? NULL : Py_BuildValue("(Nnn)", what, end, end - head_end);
}

/* --- writing -------------------------------------------------------------------------- */

const char fa_py_websocket_message_doc[] =
    PyDoc_STR("websocket_message(data, /)\n--\n\n"
              "A server's message, str or bytes, as one frame. Raises UnicodeEncodeError.");

PyObject *fa_py_websocket_message(PyObject *module, PyObject *data)
{
    (void)module;
    const char *payload;
    Py_ssize_t len;
    bool is_text = PyUnicode_Check(data);
    if (is_text) {
        payload = PyUnicode_AsUTF8AndSize(data, &len);
        if (payload == NULL) return NULL;
    } else if (PyBytes_Check(data)) {
        payload = PyBytes_AS_STRING(data);
        len = PyBytes_GET_SIZE(data);
    } else {
        return PyErr_Format(PyExc_TypeError, "a WebSocket message is str or bytes, not %.100s",
            Py_TYPE(data)->tp_name);
    }
    size_t extra = len < 126 ? 0 : len <= 0xffff ? 2 : 8;
    if (len > PY_SSIZE_T_MAX - 10) return PyErr_NoMemory();
    PyObject *frame = PyBytes_FromStringAndSize(NULL, len + 2 + (Py_ssize_t)extra);
    if (frame == NULL) return NULL;
    unsigned char *out = (unsigned char *)PyBytes_AS_STRING(frame);
    out[0] = FIN | (is_text ? TEXT : BINARY);
    out[1] = (unsigned char)(extra == 0 ? len : extra == 2 ? 126 : 127);
    for (size_t i = 0; i < extra; i++)
        out[2 + i] = (unsigned char)((uint64_t)len >> (8 * (extra - 1 - i)));
    memcpy(out + 2 + extra, payload, (size_t)len);
    return frame;
}
