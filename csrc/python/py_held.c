#include "python/py_held.h"

#include <string.h>

#include "base/alloc.h"

enum { FIRST_ROOM = 16 };

static bool resize(struct fa_py_held *held, size_t room)
{
    size_t bytes;
    if (__builtin_mul_overflow(room, sizeof *held->items, &bytes)) return false;
    struct fa_py_held_item *items = fa_realloc(held->items, bytes);
    if (items == NULL) return false;
    held->items = items;
    held->room = room;
    return true;
}

bool fa_py_held_contains(const struct fa_py_held *held, const PyObject *object)
{
    return fa_py_address_set_contains(&held->addresses, object);
}

bool fa_py_held_add(struct fa_py_held *held, PyObject *object)
{
    if (held->count == held->room && !resize(held, held->room == 0 ? FIRST_ROOM : held->room * 2))
        return false;
    if (!fa_py_address_set_add(&held->addresses, object)) return false;
    held->items[held->count++] = (struct fa_py_held_item){Py_NewRef(object), 0};
    return true;
}

/* The last one takes its place. */
static void take_out(struct fa_py_held *held, size_t at)
{
    (void)fa_py_address_set_remove(&held->addresses, held->items[at].object);
    held->items[at] = held->items[--held->count];
    if (held->room > FIRST_ROOM && held->count * 8 < held->room)
        (void)resize(held, held->room / 2); /* no memory: it stays as large as it is */
}

PyObject *fa_py_held_look(struct fa_py_held *held, bool *ripe)
{
    *ripe = false;
    if (held->count == 0) return NULL;
    if (held->next >= held->count) held->next = 0;
    struct fa_py_held_item *item = &held->items[held->next];
    PyObject *object = item->object;
    *ripe = fa_compat_is_unique(object);
    if (!*ripe && ++item->looks < FA_PY_HELD_PATIENCE) {
        held->next++;
        return NULL;
    }
    take_out(held, held->next);
    return object;
}

void fa_py_held_clear(struct fa_py_held *held)
{
    struct fa_py_held old = *held;
    memset(held, 0, sizeof *held);
    for (size_t i = 0; i < old.count; i++)
        Py_DECREF(old.items[i].object);
    fa_free(old.items);
    fa_py_address_set_deinit(&old.addresses);
}

int fa_py_held_traverse(const struct fa_py_held *held, visitproc visit, void *arg)
{
    for (size_t i = 0; i < held->count; i++)
        Py_VISIT(held->items[i].object);
    return 0;
}
