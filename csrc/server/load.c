/* load.c - load on a driven server from inside its process. */
#include "server/load.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "server/memory_peer.h"
#include "server/server.h"

#define STATUS_AT  9 /* "HTTP/1.1 " */
#define STATUS_LEN 3

struct client {
    struct fa_memory_peer peer;
    uint64_t asked_ns;
    bool asking;
};

static fa_status ask(struct fa_server *s, struct fa_load *load, struct client *c)
{
    if (c->peer.out_ended) { /* the server has said its last word, and waits for the peer's */
        fa_memory_peer_close(&c->peer);
    }
    if (c->peer.conn == NULL) {
        fa_status st = fa_memory_peer_connect(&c->peer, s);
        if (st != FA_OK) {
            return st;
        }
    }
    c->peer.out_len = 0;
    c->asking = true;
    c->asked_ns = fa_clock_now_ns();
    fa_memory_peer_send(&c->peer, load->request, load->request_len);
    return FA_OK;
}

static fa_status keep_first(struct fa_load *load, const struct fa_memory_peer *p)
{
    load->answer = fa_alloc(p->out_len);
    if (load->answer == NULL) {
        return FA_ERR_NOMEM;
    }
    memcpy(load->answer, p->out, p->out_len);
    load->answer_len = p->out_len;
    return FA_OK;
}

static fa_status take_answer(struct fa_load *load, struct client *c)
{
    const struct fa_memory_peer *p = &c->peer;
    if (p->out_len < STATUS_AT + STATUS_LEN) {
        return FA_ERR_CLOSED;
    }
    if (load->latency != NULL) {
        uint64_t ns = fa_clock_now_ns() - c->asked_ns;
        load->latency[load->answered] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    }
    load->answered++;
    c->asking = false;
    if (load->answer == NULL) {
        return keep_first(load, p);
    }
    load->different += memcmp(p->out + STATUS_AT, load->answer + STATUS_AT, STATUS_LEN) != 0;
    return FA_OK;
}

/* Take the answers that are complete; ask again until all have been asked. */
static fa_status look(
    struct fa_server *s, struct fa_load *load, struct client *clients, uint64_t *asked)
{
    for (uint32_t i = 0; i < load->in_flight; i++) {
        struct client *c = &clients[i];
        fa_status st = FA_OK;
        if (c->asking && fa_memory_peer_is_answered(&c->peer)) {
            st = take_answer(load, c);
        }
        if (st == FA_OK && !c->asking && *asked < load->count) {
            (*asked)++;
            st = ask(s, load, c);
        }
        if (st != FA_OK) {
            return st;
        }
    }
    return FA_OK;
}

static fa_status drive(struct fa_server *s, struct fa_load *load, struct client *clients)
{
    bool may_sleep = fa_server_config(s)->spin_us == 0;
    uint64_t asked = 0, answered = 0;
    uint64_t start = fa_clock_now_ns(), last = start;
    fa_status st = look(s, load, clients, &asked);
    while (st == FA_OK && load->answered < load->count) {
        fa_server_spin(s); /* does nothing with spin_us 0 */
        st = fa_server_turn(s, may_sleep);
        if (st == FA_OK) {
            st = look(s, load, clients, &asked);
        }
        if (answered != load->answered) {
            answered = load->answered;
            last = fa_clock_now_ns();
        } else if (st == FA_OK && fa_clock_now_ns() - last > load->timeout_ns) {
            st = FA_AGAIN;
        }
    }
    load->took_ns = fa_clock_now_ns() - start;
    return st;
}

fa_status fa_load_run(struct fa_server *s, struct fa_load *load)
{
    load->answered = 0;
    load->different = 0;
    load->took_ns = 0;
    load->answer = NULL;
    load->answer_len = 0;
    size_t size;
    if (load->in_flight == 0 || load->count == 0 ||
        __builtin_mul_overflow((size_t)load->in_flight, sizeof(struct client), &size)) {
        return FA_ERR_INVALID;
    }
    struct client *clients = fa_alloc_zero(size);
    if (clients == NULL) {
        return FA_ERR_NOMEM;
    }
    fa_status st = drive(s, load, clients);
    for (uint32_t i = 0; i < load->in_flight; i++) {
        fa_memory_peer_deinit(&clients[i].peer);
    }
    fa_free(clients);
    if (st != FA_OK) {
        fa_free(load->answer);
        load->answer = NULL;
    }
    return st;
}
