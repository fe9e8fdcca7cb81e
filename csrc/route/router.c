/*
 * router.c - a radix tree over patterns in which a parameter is one byte.
 *
 * "/items/{id:int}/x" is kept as "/items/", the byte FA_ROUTE_PART_INT, "/x".
 * Static text has no bytes that small, so sorting these strings and grouping
 * them by common prefixes gives a tree whose edges are static text or one
 * parameter, and nothing else has to be told apart while it is built.
 *
 * A path reaches each node in one way at most (a parameter takes exactly one
 * segment, or all that is left), so a search never visits a node twice.
 */
#include "route/router.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* No registration number: they end below it. */
#define NONE UINT32_MAX

/* One call of fa_router_add or fa_router_add_opaque. */
struct entry {
    uint32_t text; /* where its string starts in the router's text */
    uint32_t len;
    uint32_t order;
    uint32_t mask; /* 0: opaque */
    uint32_t route;
};

/* What is left of an entry in the tree. */
struct terminal {
    uint32_t order;
    uint32_t mask;
    uint32_t route;
};

/*
 * The children of a node lie side by side: first those behind a parameter, by
 * kind, then those behind static text, by its first byte.
 */
struct node {
    uint32_t lowest; /* lowest registration number here or below */
    uint32_t opaque; /* that of an opaque entry here, or NONE */
    uint32_t text;   /* static text on the way in */
    uint32_t text_len;
    uint32_t first_child;  /* those behind parameters, lowest kind first */
    uint32_t first_static; /* then those behind text */
    uint16_t static_count;
    uint8_t kinds; /* bit n: there is a child behind a parameter of kind n */
    uint32_t first_terminal;
    uint32_t terminal_count;
};

FA_STATIC_ASSERT(sizeof(struct node) <= FA_CACHELINE, "a node is one cache line at most");

struct fa_router {
    struct node *nodes; /* NULL until frozen */
    char *firsts;       /* of each node, the first byte of its text: a search looks at these */
    struct terminal *terminals;
    uint32_t node_count;
    uint32_t node_room;
    uint32_t terminal_count;
    char *text;
    size_t text_len;
    size_t text_room;
    struct entry *entries;
    uint32_t entry_count;
    uint32_t entry_room;
};

fa_status fa_router_new(struct fa_router **out)
{
    struct fa_router *r = fa_alloc_zero(sizeof *r);
    if (r == NULL) return FA_ERR_NOMEM;
    *out = r;
    return FA_OK;
}

void fa_router_free(struct fa_router *r)
{
    if (r == NULL) return;
    fa_free(r->nodes);
    fa_free(r->firsts);
    fa_free(r->terminals);
    fa_free(r->text);
    fa_free(r->entries);
    fa_free(r);
}

/* Room for one more entry with a string of at most `len` bytes. */
static fa_status make_room(struct fa_router *r, size_t len)
{
    if (len > UINT32_MAX / 2 - r->text_len || r->entry_count == NONE / 4) return FA_ERR_INVALID;
    if (r->text_room - r->text_len < len) {
        size_t room = (r->text_len + len) * 2;
        char *text = fa_realloc(r->text, room);
        if (text == NULL) return FA_ERR_NOMEM;
        r->text = text;
        r->text_room = room;
    }
    if (r->entry_count == r->entry_room) {
        uint32_t room = r->entry_room == 0 ? 16 : r->entry_room * 2;
        struct entry *entries = fa_realloc(r->entries, room * sizeof *entries);
        if (entries == NULL) return FA_ERR_NOMEM;
        r->entries = entries;
        r->entry_room = room;
    }
    return FA_OK;
}

static void append_text(struct fa_router *r, const char *text, size_t len)
{
    if (len > 0) memcpy(r->text + r->text_len, text, len);
    r->text_len += len;
}

static void append_entry(struct fa_router *r, size_t start, uint32_t mask, uint32_t route_id)
{
    r->entries[r->entry_count] = (struct entry){
        .text = (uint32_t)start,
        .len = (uint32_t)(r->text_len - start),
        .order = r->entry_count,
        .mask = mask,
        .route = route_id,
    };
    r->entry_count++;
}

fa_status fa_router_add(
    struct fa_router *r, fa_span pattern, uint32_t method_mask, uint32_t route_id)
{
    struct fa_route_pattern p;
    struct fa_route_part part;
    if (r->nodes != NULL || method_mask == 0) return FA_ERR_INVALID;
    fa_status status = fa_route_pattern_init(&p, pattern);
    if (status == FA_OK) status = make_room(r, pattern.len);
    if (status != FA_OK) return status;
    size_t start = r->text_len;
    while (fa_route_pattern_next(&p, &part)) {
        char kind = (char)part.kind;
        bool is_static = part.kind == FA_ROUTE_PART_STATIC;
        append_text(r, is_static ? part.text.ptr : &kind, is_static ? part.text.len : 1);
    }
    append_entry(r, start, method_mask, route_id);
    return FA_OK;
}

fa_status fa_router_add_opaque(struct fa_router *r, fa_span static_prefix, uint32_t route_id)
{
    if (r->nodes != NULL) return FA_ERR_INVALID;
    fa_span prefix = fa_route_pattern_static_prefix(static_prefix);
    fa_status status = make_room(r, prefix.len);
    if (status != FA_OK) return status;
    size_t start = r->text_len;
    append_text(r, prefix.ptr, prefix.len);
    append_entry(r, start, 0, route_id);
    return FA_OK;
}

/* By string, a prefix before what it begins, then by registration number. */
static int compare_entries(const void *left, const void *right, void *text)
{
    const struct entry *a = left, *b = right;
    size_t shared = fa_min_size(a->len, b->len);
    int order = shared == 0 ? 0 : memcmp((char *)text + a->text, (char *)text + b->text, shared);
    if (order != 0) return order;
    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static inline unsigned char byte_at(const struct fa_router *r, uint32_t entry, uint32_t depth)
{
    return (unsigned char)r->text[r->entries[entry].text + depth];
}

static inline bool is_param(unsigned char byte)
{
    return byte >= FA_ROUTE_PART_STR && byte <= FA_ROUTE_PART_PATH;
}

/* The first entry behind `lo` that differs from it in the byte at `depth`. */
static uint32_t group_end(const struct fa_router *r, uint32_t lo, uint32_t hi, uint32_t depth)
{
    uint32_t end = lo + 1;
    while (end < hi && byte_at(r, end, depth) == byte_at(r, lo, depth))
        end++;
    return end;
}

/* How far the strings of a group agree: one parameter, or static text. */
static uint32_t edge_end(const struct fa_router *r, uint32_t lo, uint32_t hi, uint32_t depth)
{
    uint32_t end = depth + 1;
    if (is_param(byte_at(r, lo, depth))) return end;
    /* Sorted, so what the first and the last share, all share. */
    uint32_t shortest = (uint32_t)fa_min_size(r->entries[lo].len, r->entries[hi - 1].len);
    while (end < shortest && byte_at(r, lo, end) == byte_at(r, hi - 1, end) &&
           !is_param(byte_at(r, lo, end))) {
        end++;
    }
    return end;
}

/* `count` new nodes side by side; NONE when out of memory. */
static uint32_t add_nodes(struct fa_router *r, uint32_t count)
{
    if (r->node_room - r->node_count < count) {
        uint32_t room = (r->node_count + count) * 2;
        struct node *nodes = fa_realloc(r->nodes, room * sizeof *nodes);
        if (nodes == NULL) return NONE;
        r->nodes = nodes;
        r->node_room = room;
    }
    uint32_t first = r->node_count;
    memset(r->nodes + first, 0, count * sizeof r->nodes[0]);
    r->node_count += count;
    return first;
}

/* Take in the entries that end at this node; returns the first that does not. */
static uint32_t take_terminals(
    struct fa_router *r, struct node *n, uint32_t lo, uint32_t hi, uint32_t depth)
{
    n->lowest = n->opaque = NONE;
    n->first_terminal = r->terminal_count;
    for (; lo < hi && r->entries[lo].len == depth; lo++) {
        const struct entry *e = &r->entries[lo];
        if (e->order < n->lowest) n->lowest = e->order;
        if (e->mask == 0) {
            if (e->order < n->opaque) n->opaque = e->order;
            continue;
        }
        r->terminals[r->terminal_count++] = (struct terminal){e->order, e->mask, e->route};
        n->terminal_count++;
    }
    return lo;
}

/*
 * Fill the node of the entries [lo, hi), which agree in their first `depth`
 * bytes. Calls itself as deep as one pattern has parts that others share.
 */
static fa_status build(struct fa_router *r, uint32_t at, uint32_t lo, uint32_t hi, uint32_t depth)
{
    lo = take_terminals(r, &r->nodes[at], lo, hi, depth);
    uint32_t count = 0;
    for (uint32_t group = lo; group < hi; group = group_end(r, group, hi, depth))
        count++;
    uint32_t child = add_nodes(r, count); /* moves the nodes */
    if (child == NONE) return FA_ERR_NOMEM;
    r->nodes[at].first_child = child;
    r->nodes[at].first_static = child;
    for (; lo < hi; child++) {
        uint32_t end = group_end(r, lo, hi, depth);
        uint32_t next_depth = edge_end(r, lo, end, depth);
        unsigned char first = byte_at(r, lo, depth);
        if (is_param(first)) {
            r->nodes[at].kinds |= (uint8_t)(1u << first);
            r->nodes[at].first_static++;
        } else {
            r->nodes[at].static_count++;
            r->nodes[child].text = r->entries[lo].text + depth;
            r->nodes[child].text_len = next_depth - depth;
        }
        if (build(r, child, lo, end, next_depth) != FA_OK) return FA_ERR_NOMEM;
        if (r->nodes[child].lowest < r->nodes[at].lowest) {
            r->nodes[at].lowest = r->nodes[child].lowest;
        }
        lo = end;
    }
    return FA_OK;
}

/* What the children of a node begin with, side by side in one or two cache lines. */
static fa_status note_firsts(struct fa_router *r)
{
    r->firsts = fa_alloc(r->node_count);
    if (r->firsts == NULL) return FA_ERR_NOMEM;
    for (uint32_t i = 0; i < r->node_count; i++)
        r->firsts[i] = r->nodes[i].text_len > 0 ? r->text[r->nodes[i].text] : '\0';
    return FA_OK;
}

/* Back to registration order, so that a failed freeze leaves no trace. */
static int compare_orders(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return a->order < b->order ? -1 : a->order > b->order;
}

fa_status fa_router_freeze(struct fa_router *r)
{
    if (r->nodes != NULL) return FA_ERR_INVALID;
    r->terminals = fa_alloc((r->entry_count + 1u) * sizeof *r->terminals);
    if (r->terminals == NULL) return FA_ERR_NOMEM;
    if (r->entry_count > 0) {
        qsort_r(r->entries, r->entry_count, sizeof *r->entries, compare_entries, r->text);
    }
    if (add_nodes(r, 1) != NONE && build(r, 0, 0, r->entry_count, 0) == FA_OK &&
        note_firsts(r) == FA_OK) {
        fa_free(r->entries);
        r->entries = NULL;
        return FA_OK;
    }
    fa_free(r->nodes);
    fa_free(r->terminals);
    r->nodes = NULL;
    r->terminals = NULL;
    r->node_count = r->node_room = r->terminal_count = 0;
    if (r->entry_count > 0) {
        qsort(r->entries, r->entry_count, sizeof *r->entries, compare_orders);
    }
    return FA_ERR_NOMEM;
}

/* One search. Only what is registered before `bound` is still of interest. */
struct search {
    const struct fa_router *r;
    const char *end;
    struct fa_route_match *out;
    uint32_t method;
    uint32_t bound;
    enum fa_route_result result;
    fa_span params[FA_ROUTER_MAX_PARAMS];
};

/* The path ends at this node, with `depth` parameters on the way. */
static inline void take_hit(struct search *s, const struct node *n, uint32_t depth)
{
    const struct terminal *t = s->r->terminals + n->first_terminal;
    for (uint32_t left = n->terminal_count; left > 0 && t->order < s->bound; left--, t++) {
        if ((t->mask & s->method) == 0) continue;
        s->bound = t->order;
        s->result = FA_ROUTE_HIT;
        s->out->route = t->route;
        s->out->param_count = depth;
        for (uint32_t i = 0; i < depth; i++)
            s->out->params[i] = s->params[i];
        return;
    }
}

static inline uint32_t load_4(const char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint64_t load_8(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* memcmp for texts of a few bytes, where the call would cost more than the work: whole
 * words, the last of them overlapping. */
static inline bool is_same(const char *a, const char *b, size_t len)
{
    if (len < 4) {
        while (len > 0 && a[len - 1] == b[len - 1])
            len--;
        return len == 0;
    }
    if (len < 8) return load_4(a) == load_4(b) && load_4(a + len - 4) == load_4(b + len - 4);
    for (size_t i = 0; i + 8 < len; i += 8) {
        if (load_8(a + i) != load_8(b + i)) return false;
    }
    return load_8(a + len - 8) == load_8(b + len - 8);
}

/* Where the segment ends: the next slash, or the end of the path. */
static inline const char *segment_end(const char *at, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    for (; end - at >= 8; at += 8) {
        uint64_t x = load_8(at) ^ ones * '/';
        if (((x - ones) & ~x & (ones * 0x80)) != 0) break;
    }
    while (at < end && *at != '/')
        at++;
    return at;
}

static inline const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Where a parameter of this kind ends that begins with the segment [at, end), or NULL if
 * the segment is none. */
static inline const char *param_end(
    const struct search *s, enum fa_route_part_kind kind, const char *at, const char *end)
{
    if (kind == FA_ROUTE_PART_PATH)
        return memchr(at, '\n', (size_t)(s->end - at)) == NULL ? s->end : NULL;
    if (at == end) return NULL;
    if (kind == FA_ROUTE_PART_STR) return end;
    const char *point = skip_digits(at, end);
    if (point == end) return end;
    if (kind == FA_ROUTE_PART_INT || point == at || *point != '.') return NULL;
    return point + 1 < end && skip_digits(point + 1, end) == end ? end : NULL;
}

/* The child whose text goes on with the path, or NULL; there is one at most. */
static inline const struct node *static_child(
    const struct search *s, const struct node *n, const char *at)
{
    if (at == s->end) return NULL;
    const char *firsts = s->r->firsts + n->first_static;
    for (uint32_t i = 0; i < n->static_count; i++) {
        if (firsts[i] != *at) continue;
        const struct node *c = s->r->nodes + n->first_static + i;
        bool fits = c->lowest < s->bound && (size_t)(s->end - at) >= c->text_len &&
                    is_same(at, s->r->text + c->text, c->text_len);
        return fits ? c : NULL;
    }
    return NULL;
}

/*
 * Follow the path on from a node; `at` is what is left of the path, `depth` the number of
 * parameters so far. Static text first, then the parameters. Each way but the last is a
 * call, so that a path with one way only costs none.
 */
static void visit(struct search *s, const struct node *n, const char *at, uint32_t depth)
{
    for (;;) {
        if (n->opaque < s->bound) {
            s->bound = n->opaque;
            s->result = FA_ROUTE_UNSURE;
        }
        if (at == s->end) take_hit(s, n, depth);
        const struct node *child = static_child(s, n, at);
        if (n->kinds == 0) {
            if (child == NULL) return;
            at += child->text_len;
            n = child;
            continue;
        }
        if (child != NULL) visit(s, child, at + child->text_len, depth);
        const char *end = segment_end(at, s->end);
        child = s->r->nodes + n->first_child;
        for (unsigned left = n->kinds;; child++) {
            const char *stop = NULL;
            if (child->lowest < s->bound)
                stop = param_end(s, (enum fa_route_part_kind)__builtin_ctz(left), at, end);
            if (stop != NULL) s->params[depth] = (fa_span){at, (size_t)(stop - at)};
            left &= left - 1;
            if (left == 0) {
                if (stop == NULL) return;
                at = stop;
                break;
            }
            if (stop != NULL) visit(s, child, stop, depth + 1);
        }
        n = child;
        depth++;
    }
}

enum fa_route_result fa_router_match(
    const struct fa_router *r, uint32_t method_bit, fa_span path, struct fa_route_match *out)
{
    if (FA_UNLIKELY(r->nodes == NULL || path.len == 0)) return FA_ROUTE_UNSURE;
    if (FA_UNLIKELY(path.ptr[path.len - 1] == '\n')) return FA_ROUTE_UNSURE;
    struct search s; /* the params are left alone until they are used */
    s.r = r;
    s.end = path.ptr + path.len;
    s.out = out;
    s.method = method_bit;
    s.bound = NONE;
    s.result = FA_ROUTE_MISS;
    visit(&s, r->nodes, path.ptr, 0);
    return s.result;
}
