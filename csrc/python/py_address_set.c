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

static bool resize(struct fa_py_address_set *set, size_t size)
{
    struct fa_py_address_set other = *set;
    size_t bytes;
    if (__builtin_mul_overflow(size, sizeof(uintptr_t), &bytes)) return false;
    other.slots = fa_alloc_zero(bytes);
    if (other.slots == NULL) return false;
    other.mask = size - 1;
    for (size_t i = 0; set->slots != NULL && i <= set->mask; i++) {
        if (set->slots[i] != 0) other.slots[find(&other, set->slots[i])] = set->slots[i];
    }
    fa_free(set->slots);
    *set = other;
    return true;
}

static bool grow(struct fa_py_address_set *set)
{
    return resize(set, set->slots == NULL ? FIRST_SIZE : (set->mask + 1) * 2);
}

/* What remains is three quarters empty, so that the next few neither grow nor shrink it. */
static void maybe_shrink(struct fa_py_address_set *set)
{
    size_t size = set->mask + 1;
    if (size > FIRST_SIZE && set->count * 8 < size)
        (void)resize(set, size / 2); /* no memory: it stays as large as it is */
}

static void give_up(struct fa_py_address_set *set)
{
    fa_py_address_set_deinit(set);
    set->gave_up = true;
}

void fa_py_address_set_deinit(struct fa_py_address_set *set)
{
    fa_free(set->slots);
    memset(set, 0, sizeof *set);
}

bool fa_py_address_set_add(struct fa_py_address_set *set, const void *address)
{
    if (set->gave_up) return true;
    if (set->most > 0 && set->count == set->most) {
        give_up(set);
        return true;
    }
    bool full = set->slots == NULL || (set->count + 1) * 4 > (set->mask + 1) * 3;
    if (full && !grow(set)) return false;
    size_t at = find(set, (uintptr_t)address);
    set->count += set->slots[at] == 0;
    set->slots[at] = (uintptr_t)address;
    return true;
}

bool fa_py_address_set_contains(const struct fa_py_address_set *set, const void *address)
{
    if (set->slots == NULL) return set->gave_up;
    return set->slots[find(set, (uintptr_t)address)] != 0;
}

size_t fa_py_address_set_bytes(const struct fa_py_address_set *set)
{
    return set->slots == NULL ? 0 : (set->mask + 1) * sizeof *set->slots;
}

bool fa_py_address_set_remove(struct fa_py_address_set *set, const void *address)
{
    if (set->slots == NULL) return set->gave_up;
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
    maybe_shrink(set);
    return true;
}
