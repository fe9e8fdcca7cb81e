#include "python/py_address_set.h"

#include <string.h>

#include "base/alloc.h"

enum { FIRST_SIZE = 64 };

static size_t home(const struct fa_py_address_set *set, uintptr_t address)
{
    uint64_t hash = (uint64_t)(address >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 20) & set->mask;
}

/* Where the address is, or the empty slot where it would be. */
static size_t find(const struct fa_py_address_set *set, uintptr_t address)
{
    size_t at = home(set, address);
    while (set->slots[at] != 0 && set->slots[at] != address)
        at = (at + 1) & set->mask;
    return at;
}

static bool grow(struct fa_py_address_set *set)
{
    size_t size = set->slots == NULL ? FIRST_SIZE : (set->mask + 1) * 2, bytes;
    if (__builtin_mul_overflow(size, sizeof(uintptr_t), &bytes)) return false;
    struct fa_py_address_set larger = {fa_alloc_zero(bytes), size - 1, set->count};
    if (larger.slots == NULL) return false;
    for (size_t i = 0; set->slots != NULL && i <= set->mask; i++) {
        if (set->slots[i] != 0) larger.slots[find(&larger, set->slots[i])] = set->slots[i];
    }
    fa_free(set->slots);
    *set = larger;
    return true;
}

void fa_py_address_set_deinit(struct fa_py_address_set *set)
{
    fa_free(set->slots);
    memset(set, 0, sizeof *set);
}

bool fa_py_address_set_add(struct fa_py_address_set *set, const void *address)
{
    bool full = set->slots == NULL || (set->count + 1) * 4 > (set->mask + 1) * 3;
    if (full && !grow(set)) return false;
    size_t at = find(set, (uintptr_t)address);
    set->count += set->slots[at] == 0;
    set->slots[at] = (uintptr_t)address;
    return true;
}

bool fa_py_address_set_remove(struct fa_py_address_set *set, const void *address)
{
    if (set->slots == NULL) return false;
    size_t hole = find(set, (uintptr_t)address);
    if (set->slots[hole] == 0) return false;
    set->slots[hole] = 0;
    set->count--;
    for (size_t at = (hole + 1) & set->mask; set->slots[at] != 0; at = (at + 1) & set->mask) {
        size_t wanted = home(set, set->slots[at]);
        bool stays = ((at - wanted) & set->mask) < ((at - hole) & set->mask);
        if (stays) continue; /* its way from home does not lead over the hole */
        set->slots[hole] = set->slots[at];
        set->slots[at] = 0;
        hole = at;
    }
    return true;
}
