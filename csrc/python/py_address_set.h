/*
 * py_address_set.h - a hash set of addresses: which objects a pool has handed out, and
 * which wait to be reused.
 *
 * Open addressing with linear probing; removal moves later entries back, so that
 * no marks of removed entries remain (Knuth, The Art of Computer Programming 6.4,
 * algorithm R). It grows and shrinks with what is in it.
 *
 * The address of an object that is freed without being removed remains. So that such
 * leftovers cannot pile up, a set may have a bound: when it is reached the set gives up,
 * frees its memory, and from then on says yes to every address.
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
    size_t most;  /* addresses before it gives up; 0: no bound */
    bool gave_up; /* knows no address any more */
};

/*
 * fa_py_address_set_deinit - forget all. A zeroed struct is an empty set without a bound.
 */
void fa_py_address_set_deinit(struct fa_py_address_set *set);

/*
 * fa_py_address_set_add - put an address in; there before is fine.
 *
 * Threads: one at a time. Errors: false when out of memory, nothing changed.
 */
FA_NODISCARD bool fa_py_address_set_add(struct fa_py_address_set *set, const void *address);

/*
 * fa_py_address_set_contains - is it in? Threads: one at a time.
 */
bool fa_py_address_set_contains(const struct fa_py_address_set *set, const void *address);

/*
 * fa_py_address_set_remove - take an address out; false if it is not in. True for any once
 * the set gave up.
 *
 * Threads: one at a time.
 */
bool fa_py_address_set_remove(struct fa_py_address_set *set, const void *address);

/*
 * fa_py_address_set_bytes - memory in use besides the struct.
 */
size_t fa_py_address_set_bytes(const struct fa_py_address_set *set);

#endif
