/* timer_wheel.c - coarse timeouts: a hashed wheel of 100 ms slots. */
#include "net/timer_wheel.h"

#include <stddef.h>
#include <string.h>

static void list_init(struct fa_timer *head)
{
    head->next = head;
    head->prev = head;
}

static void list_append(struct fa_timer *head, struct fa_timer *t)
{
    t->prev = head->prev;
    t->next = head;
    head->prev->next = t;
    head->prev = t;
}

static void list_remove(struct fa_timer *t)
{
    t->prev->next = t->next;
    t->next->prev = t->prev;
    t->next = NULL;
    t->prev = NULL;
}

static void mark(struct fa_timer_wheel *w, uint64_t slot)
{
    w->occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
}

void fa_timer_wheel_init(struct fa_timer_wheel *w, uint64_t now_ns)
{
    memset(w, 0, sizeof *w);
    w->now_tick = now_ns / FA_TIMER_WHEEL_TICK_NS;
    for (size_t i = 0; i < FA_TIMER_WHEEL_SLOTS; i++) {
        list_init(&w->slots[i]);
    }
    list_init(&w->expired);
}

void fa_timer_wheel_arm(struct fa_timer_wheel *w, struct fa_timer *t, uint64_t deadline_ns)
{
    fa_timer_wheel_cancel(w, t);
    /* Round up: the slot is emptied when its time has fully come. */
    uint64_t tick = (deadline_ns + FA_TIMER_WHEEL_TICK_NS - 1) / FA_TIMER_WHEEL_TICK_NS;
    if (tick <= w->now_tick) {
        tick = w->now_tick + 1;
    }
    t->tick = tick;
    uint64_t slot = tick % FA_TIMER_WHEEL_SLOTS;
    list_append(&w->slots[slot], t);
    mark(w, slot);
    w->armed++;
}

void fa_timer_wheel_cancel(struct fa_timer_wheel *w, struct fa_timer *t)
{
    if (fa_timer_wheel_is_armed(t)) {
        list_remove(t);
        w->armed--;
    }
}

static void empty_slot(struct fa_timer_wheel *w, uint64_t slot, uint64_t now_tick)
{
    struct fa_timer *head = &w->slots[slot];
    struct fa_timer *t = head->next;
    while (t != head) {
        struct fa_timer *next = t->next;
        if (t->tick <= now_tick) {
            list_remove(t);
            list_append(&w->expired, t);
        }
        t = next;
    }
    if (head->next == head) {
        w->occupied[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    }
}

void fa_timer_wheel_advance(struct fa_timer_wheel *w, uint64_t now_ns)
{
    uint64_t now_tick = now_ns / FA_TIMER_WHEEL_TICK_NS;
    if (now_tick <= w->now_tick) {
        return;
    }
    uint64_t turns = now_tick - w->now_tick;
    if (turns > FA_TIMER_WHEEL_SLOTS) {
        turns = FA_TIMER_WHEEL_SLOTS;
    }
    for (uint64_t i = 0; i < turns; i++) {
        uint64_t slot = (now_tick - i) % FA_TIMER_WHEEL_SLOTS;
        if ((w->occupied[slot / 64] >> (slot % 64)) & 1) {
            empty_slot(w, slot, now_tick);
        }
    }
    w->now_tick = now_tick;
}

struct fa_timer *fa_timer_wheel_pop(struct fa_timer_wheel *w)
{
    struct fa_timer *t = w->expired.next;
    if (t == &w->expired) {
        return NULL;
    }
    list_remove(t);
    w->armed--;
    return t;
}

/* Slots from the one after now_tick to the first that may hold a timer. */
static uint64_t slots_ahead(const struct fa_timer_wheel *w)
{
    uint64_t ahead = 1;
    while (ahead <= FA_TIMER_WHEEL_SLOTS) {
        uint64_t slot = (w->now_tick + ahead) % FA_TIMER_WHEEL_SLOTS;
        uint64_t word = w->occupied[slot / 64] >> (slot % 64);
        if (word != 0) {
            return ahead + (uint64_t)__builtin_ctzll(word);
        }
        ahead += 64 - slot % 64;
    }
    return FA_TIMER_WHEEL_SLOTS;
}

int fa_timer_wheel_timeout_ms(struct fa_timer_wheel *w, uint64_t now_ns)
{
    if (w->armed == 0) {
        return -1;
    }
    if (w->expired.next != &w->expired) {
        return 0;
    }
    uint64_t due_ns = (w->now_tick + slots_ahead(w)) * FA_TIMER_WHEEL_TICK_NS;
    return due_ns <= now_ns ? 0 : (int)((due_ns - now_ns + 999999) / 1000000);
}
