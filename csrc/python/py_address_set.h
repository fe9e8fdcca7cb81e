/*
 * py_address_set.h - which objects a pool has handed out: a hash set of addresses.
 *
 * Open addressing with linear probing; removal moves later entries back, so that
 * no marks of removed entries remain (Knuth, The Art of Computer Programming 6.4,
 * algorithm R).
 */
#ifndef FA_PYTHON_PY_ADDRESS_SET_H
#define FA_PYTHON_PY_ADDRESS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct fa_py_address_set {
    uintptr_t *slots; /* 0: empty; NULL before the first address */
    size_t mask;
    size_t count;
};

/*
 * fa_py_address_set_deinit - forget all. A zeroed struct is an empty set.
 */
void fa_py_address_set_deinit(struct fa_py_address_set *set);

/*
 * fa_py_address_set_add - put an address in; there before is fine.
 *
 * Threads: one at a time. Errors: false when out of memory, nothing changed.
 */
FA_NODISCARD bool fa_py_address_set_add(struct fa_py_address_set *set, const void *address);

/*
 * fa_py_address_set_remove - take an address out; false if it is not in.
 *
 * Threads: one at a time.
 */
bool fa_py_address_set_remove(struct fa_py_address_set *set, const void *address);

#endif
