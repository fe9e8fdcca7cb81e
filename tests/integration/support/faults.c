/*
 * faults.c - a library to preload: system calls and allocations of the core fail now and then, and
 * the wall clock jumps.
 *
 * Only calls from the core itself fail: what the interpreter and the app call is left alone, so each
 * failure is one that the core must bear. The file that FAULTS_FILE names holds the settings; the
 * test maps it, too, and changes them while the server runs (faults.py knows its layout).
 *
 * The errors of a call are those that its manual page names for a kernel short of memory or
 * descriptors, a disk that is full or a peer that is gone. write() and read() are interrupted only:
 * the core uses them for its own eventfds, which know no other error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MILLION    1000000u
#define SECOND_NS  1000000000ll
#define THE_CORE   "_fasterapi_core"
#define EXPORT     __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum call {
    CALL_MALLOC,
    CALL_RECV,
    CALL_SEND,
    CALL_SENDMSG,
    CALL_SENDFILE,
    CALL_READ,
    CALL_WRITE,
    CALL_ACCEPT4,
    CALL_EPOLL_CTL,
    CALL_EPOLL_WAIT,
    CALL_COUNT
};

/* Shared with the test and with the other workers. */
struct settings {
    _Atomic int64_t per_million; /* how many of a million calls fail; 0: none */
    _Atomic int64_t clock_ns;    /* how far the wall clock is ahead of the machine's */
    _Atomic int64_t failed[CALL_COUNT];
};

static struct settings *settings;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *page = MAP_FAILED;
    if (fd >= 0) {
        page = mmap(NULL, sizeof *settings, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void)close(fd);
    }
    settings = page == MAP_FAILED ? NULL : page;
}

static bool from_core(const void *caller)
{
    Dl_info where;
    return dladdr(caller, &where) != 0 && where.dli_fname != NULL &&
           strstr(where.dli_fname, THE_CORE) != NULL;
}

/* xorshift64 of Marsaglia, "Xorshift RNGs", 2003. */
static uint64_t draw(void)
{
    static _Thread_local uint64_t state;
    if (state == 0) {
        state = (uint64_t)(uintptr_t)&state | 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* The error this call ends with, one of `count`; 0 if it does what it should. */
static int fault(enum call call, const void *caller, const int *errors, size_t count)
{
    int64_t most =
        settings == NULL ? 0 : atomic_load_explicit(&settings->per_million, memory_order_relaxed);
    if (most == 0 || (int64_t)(draw() % MILLION) >= most || !from_core(caller)) {
        return 0;
    }
    atomic_fetch_add_explicit(&settings->failed[call], 1, memory_order_relaxed);
    return errors[draw() % count];
}

#define FAIL_AS(call, bad, ...)                                                                 \
    do {                                                                                        \
        static const int errors[] = {__VA_ARGS__};                                              \
        int error =                                                                             \
            fault(call, __builtin_return_address(0), errors, sizeof errors / sizeof errors[0]); \
        if (error != 0) {                                                                       \
            errno = error;                                                                      \
            return bad;                                                                         \
        }                                                                                       \
    } while (0)

/* ---- memory: the C library's own entries, as dlsym() may allocate ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);

EXPORT void *malloc(size_t size)
{
    FAIL_AS(CALL_MALLOC, NULL, ENOMEM);
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    FAIL_AS(CALL_MALLOC, NULL, ENOMEM);
    return __libc_calloc(count, size);
}

EXPORT void *realloc(void *ptr, size_t size)
{
    FAIL_AS(CALL_MALLOC, NULL, ENOMEM);
    return __libc_realloc(ptr, size);
}

/* ---- sockets and files ---- */

EXPORT ssize_t recv(int fd, void *dst, size_t size, int flags)
{
    FAIL_AS(CALL_RECV, -1, EINTR, ECONNRESET, ENOMEM, ETIMEDOUT);
    return REAL(recv)(fd, dst, size, flags);
}

EXPORT ssize_t send(int fd, const void *src, size_t size, int flags)
{
    FAIL_AS(CALL_SEND, -1, EINTR, EPIPE, ECONNRESET, ENOBUFS, ENOMEM);
    return REAL(send)(fd, src, size, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    FAIL_AS(CALL_SENDMSG, -1, EINTR, EPIPE, ECONNRESET, ENOBUFS, ENOMEM);
    return REAL(sendmsg)(fd, message, flags);
}

EXPORT ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
    FAIL_AS(CALL_SENDFILE, -1, EINTR, EPIPE, EIO, ENOMEM);
    return REAL(sendfile)(to, from, offset, size);
}

EXPORT ssize_t read(int fd, void *dst, size_t size)
{
    FAIL_AS(CALL_READ, -1, EINTR);
    return REAL(read)(fd, dst, size);
}

EXPORT ssize_t write(int fd, const void *src, size_t size)
{
    FAIL_AS(CALL_WRITE, -1, EINTR);
    return REAL(write)(fd, src, size);
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    FAIL_AS(CALL_ACCEPT4, -1, EINTR, ECONNABORTED, EMFILE, ENFILE, ENOMEM, EPROTO);
    return REAL(accept4)(fd, address, size, flags);
}

/* ---- readiness: what is removed is removed, the kernel has no error for that ---- */

EXPORT int epoll_ctl(int poller, int op, int fd, struct epoll_event *event)
{
    if (op != EPOLL_CTL_DEL) {
        FAIL_AS(CALL_EPOLL_CTL, -1, ENOMEM, ENOSPC);
    }
    return REAL(epoll_ctl)(poller, op, fd, event);
}

EXPORT int epoll_wait(int poller, struct epoll_event *events, int capacity, int timeout_ms)
{
    FAIL_AS(CALL_EPOLL_WAIT, -1, EINTR);
    return REAL(epoll_wait)(poller, events, capacity, timeout_ms);
}

/* ---- time ---- */

EXPORT int clock_gettime(clockid_t clock, struct timespec *now)
{
    int r = REAL(clock_gettime)(clock, now);
    if (r == 0 && settings != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ahead = atomic_load_explicit(&settings->clock_ns, memory_order_relaxed);
        int64_t ns = (int64_t)now->tv_sec * SECOND_NS + now->tv_nsec + ahead;
        now->tv_sec = (time_t)(ns / SECOND_NS);
        now->tv_nsec = (long)(ns % SECOND_NS);
    }
    return r;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
