/*
 * guard_page.h - input that ends flush against a page nobody may touch: reading
 * one byte too many is a crash, with or without sanitizers.
 */
#ifndef FA_TESTS_GUARD_PAGE_H
#define FA_TESTS_GUARD_PAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fa_guard {
    char *map;
    size_t map_len;
    char *data; /* the copy: data[len] must not be read */
    size_t len;
};

/* A copy of text[0..len) in front of a forbidden page. Ends the test if it cannot. */
static inline struct fa_guard fa_guard_copy(const char *text, size_t len)
{
    struct fa_guard g;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (len + page) / page * page;
    g.map_len = room + page;
    g.map = mmap(NULL, g.map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED || mprotect(g.map + room, page, PROT_NONE) != 0) {
        perror("guard page");
        exit(2);
    }
    g.len = len;
    g.data = g.map + room - len;
    if (len > 0) memcpy(g.data, text, len);
    return g;
}

static inline void fa_guard_free(struct fa_guard *g)
{
    (void)munmap(g->map, g->map_len);
}

#endif
