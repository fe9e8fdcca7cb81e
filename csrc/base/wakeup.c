#include "base/wakeup.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

fa_status fa_wakeup_init(struct fa_wakeup *w)
{
    atomic_init(&w->sleeping, 0);
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return w->fd < 0 ? FA_ERR_IO : FA_OK;
}

void fa_wakeup_deinit(struct fa_wakeup *w)
{
    if (w->fd >= 0) (void)close(w->fd);
    w->fd = -1;
}

void fa_wakeup_prepare(struct fa_wakeup *w)
{
    (void)atomic_exchange_explicit(&w->sleeping, 1, memory_order_seq_cst);
}

void fa_wakeup_cancel(struct fa_wakeup *w)
{
    (void)atomic_exchange_explicit(&w->sleeping, 0, memory_order_seq_cst);
}

void fa_wakeup_write(struct fa_wakeup *w)
{
    uint64_t one = 1;
    ssize_t written;
    do {
        written = write(w->fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
    /* EAGAIN: the counter is full, so the descriptor is readable already. */
}

bool fa_wakeup_notify(struct fa_wakeup *w)
{
    /* An exchange, not a compare-exchange (which only reads when it fails): it always
     * writes, so a prepare that comes later reads from it and sees what was published. */
    if (atomic_exchange_explicit(&w->sleeping, 0, memory_order_seq_cst) == 0) return false;
    fa_wakeup_write(w);
    return true;
}

void fa_wakeup_clear(struct fa_wakeup *w)
{
    uint64_t count;
    ssize_t got;
    do {
        got = read(w->fd, &count, sizeof count);
    } while (got < 0 && errno == EINTR);
    fa_wakeup_cancel(w);
}
