/*
 * wakeup.h - one sleeper in epoll, many wakers; a system call only when it sleeps.
 *
 * Sleeper: prepare; look at the queues once more; found something? cancel :
 *          sleep on fd; afterwards clear.
 * Waker:   publish the work; notify.
 *
 * No wake-up is lost: prepare and notify are both exchanges of `sleeping`, so one
 * comes first. If notify does, prepare reads from it and the second look sees the
 * work; if prepare does, notify reads 1 and wakes. tests/model/wakeup.pml goes
 * through all of it.
 */
#ifndef FA_BASE_WAKEUP_H
#define FA_BASE_WAKEUP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/base.h"
#include "base/status.h"

struct fa_wakeup {
    int fd; /* eventfd, non-blocking: becomes readable on notify */
    FA_ALIGNED(FA_CACHELINE) atomic_int sleeping;
};

/*
 * fa_wakeup_init - make the eventfd. Errors: FA_ERR_IO.
 */
FA_NODISCARD fa_status fa_wakeup_init(struct fa_wakeup *w);

/*
 * fa_wakeup_deinit - close the eventfd.
 */
void fa_wakeup_deinit(struct fa_wakeup *w);

/*
 * fa_wakeup_prepare - announce sleep; look at the queues again after it.
 *
 * Threads: the sleeper. Memory: seq_cst exchange, pairs with fa_wakeup_notify's.
 */
void fa_wakeup_prepare(struct fa_wakeup *w);

/*
 * fa_wakeup_cancel - the second look found work: awake after all.
 */
void fa_wakeup_cancel(struct fa_wakeup *w);

/*
 * fa_wakeup_write - make fd readable. For fa_wakeup_notify, and where a level
 * has to be set whether somebody sleeps or not.
 */
void fa_wakeup_write(struct fa_wakeup *w);

/*
 * fa_wakeup_notify - wake the sleeper if it announced sleep. True: it did.
 *
 * Threads: any, after publishing the work. Memory: seq_cst exchange, pairs with
 * fa_wakeup_prepare's; a relaxed or release publication is enough.
 */
bool fa_wakeup_notify(struct fa_wakeup *w);

/*
 * fa_wakeup_clear - after waking: empty the eventfd, awake.
 */
void fa_wakeup_clear(struct fa_wakeup *w);

#endif
