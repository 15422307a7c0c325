// Waits until a point of wall time 100 ms ahead, in every way there is, and prints how many milliseconds each took, and
// whether the point is still what it was.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static double ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
static struct timespec ahead(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += 100000000;
    if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, t.tv_sec++;
    return t;
}
static void later(struct timespec *t) {
    t->tv_nsec += 25000000;
    if (t->tv_nsec >= 1000000000) t->tv_nsec -= 1000000000, t->tv_sec++;
}
static double begin;
#define WAIT(name, call) do { \
        begin = ms(); \
        struct timespec t = ahead(CLOCK_REALTIME), was = t; \
        FINISH(name, call); \
    } while (0)
#define FINISH(name, call) do { \
        alarm(4); /* cuts short what would wait for ever */ \
        errno = 0; \
        (void)!(call); \
        alarm(0); \
        printf("%s %.0f %s\n", name, ms() - begin, memcmp(&t, &was, sizeof t) ? "changed" : "same"); \
    } while (0)

static void ring(int signal) { (void)signal; }

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, held_pi;
static pthread_rwlock_t locked = PTHREAD_RWLOCK_INITIALIZER;
static void *hold(void *ready) {
    pthread_mutex_lock(&held);
    pthread_mutex_lock(&held_pi);
    pthread_rwlock_wrlock(&locked);
    sem_post(ready);
    for (;;) pause();
}

static struct timespec shared;
static double shared_since;
static sem_t never;
static void *wait_for_shared(void *unused) {
    (void)unused;
    while (sem_timedwait(&never, &shared) && errno == EINTR) {}
    return (void *)(uintptr_t)(ms() - shared_since);
}

// Waits, is woken, and waits again; what held the point of time holds something else as soon as a wait is over, as a stack
// does. Returns how often somebody else wrote there.
static sem_t wanted[4];
static int all_waited;
static void *wait_and_reuse(void *mine) {
    uintptr_t spoilt = 0;
    for (int i = 0; i < 4000; i++) {
        union { struct timespec t; volatile uint64_t words[2]; } place;
        clock_gettime(CLOCK_REALTIME, &place.t);
        place.t.tv_sec++;
        sem_timedwait(mine, &place.t);
        for (uint64_t n = 0; n < 20000; n++) {
            place.words[0] = n, place.words[1] = ~n;
            if (place.words[0] != n || place.words[1] != ~n) { spoilt++; break; }
        }
    }
    return (void *)spoilt;
}
static void *wake(void *other) {
    unsigned seed = (sem_t *)other - wanted;
    while (!__atomic_load_n(&all_waited, __ATOMIC_RELAXED)) {
        int there;
        usleep(rand_r(&seed) % 400);
        if (!sem_getvalue(other, &there) && !there) sem_post(other);
    }
    return NULL;
}

int main(void) {
    struct sigaction action = { .sa_handler = ring };
    sigaction(SIGALRM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_mutexattr_t pi;
    pthread_mutexattr_init(&pi);
    pthread_mutexattr_setprotocol(&pi, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&held_pi, &pi);
    sem_t ready;
    sem_init(&ready, 0, 0);
    sem_init(&never, 0, 0);
    pthread_t holder;
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    pthread_create(&holder, NULL, hold, &ready);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    sem_wait(&ready);

    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&mutex);
    WAIT("pthread_cond_timedwait", pthread_cond_timedwait(&condition, &mutex, &t));
    WAIT("sem_timedwait", sem_timedwait(&never, &t));
    WAIT("pthread_mutex_timedlock", pthread_mutex_timedlock(&held, &t));
    WAIT("pthread_mutex_timedlock_pi", pthread_mutex_timedlock(&held_pi, &t));
    WAIT("pthread_rwlock_timedrdlock", pthread_rwlock_timedrdlock(&locked, &t));
    WAIT("clock_nanosleep", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL));

    uint32_t word = 0;
    struct { uint64_t value, address; uint32_t flags, reserved; } waiter = { 0, (uintptr_t)&word, 2, 0 };
    if (syscall(449, &waiter, 0, 0, NULL, 0) == -1 && errno != ENOSYS)
        WAIT("futex_waitv", syscall(449, &waiter, 1, 0, &t, CLOCK_REALTIME));
    if (syscall(455, &word, 1, ~0u, 2, NULL, 0) == -1 && errno != ENOSYS)
        WAIT("futex_wait", syscall(455, &word, 0, ~0u, 2, &t, CLOCK_REALTIME));

    struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 8 };
    char message[8] = { 0 }, name[40];
    snprintf(name, sizeof name, "/keploy-clock-%d", getpid());
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
    mq_unlink(name);
    WAIT("mq_timedreceive", mq_timedreceive(queue, message, 8, NULL, &t));
    mq_send(queue, message, 8, 0);
    WAIT("mq_timedsend", mq_timedsend(queue, message, 8, 0, &t));

    uint64_t count;
    struct itimerspec once = { 0 };
    for (int monotonic = 0; monotonic < 2; monotonic++) {
        clockid_t clock = monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME;
        int fd = timerfd_create(clock, 0);
        begin = ms();
        struct timespec t = once.it_value = ahead(clock), was = t;
        timerfd_settime(fd, TFD_TIMER_ABSTIME, &once, NULL);
        FINISH(monotonic ? "timerfd_monotonic" : "timerfd", read(fd, &count, 8));

        timer_t other, timer; // so that it is not the first, whose number is that of the wall clock
        struct sigevent silent = { .sigev_notify = SIGEV_NONE };
        timer_create(monotonic ? CLOCK_REALTIME : CLOCK_MONOTONIC, &silent, &other);
        timer_create(clock, NULL, &timer);
        begin = ms();
        once.it_value = ahead(clock);
        timer_settime(timer, TIMER_ABSTIME, &once, NULL);
        pause();
        printf("%s %.0f same\n", monotonic ? "timer_monotonic" : "timer", ms() - begin);
    }

    // The usual loop: the next point is made of the last one.
    struct timespec next = ahead(CLOCK_REALTIME);
    begin = ms();
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL);
    for (int i = 0; i < 4; i++) {
        later(&next);
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL);
    }
    printf("loop_of_200 %.0f same\n", ms() - begin);

    // The same, when it is late and has no time to wait.
    clock_gettime(CLOCK_REALTIME, &next);
    next.tv_sec -= 5;
    struct timespec expected = next;
    begin = ms();
    for (int i = 0; i < 40; i++) {
        later(&next);
        later(&expected);
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL);
    }
    printf("late_0 %.0f %s\n", ms() - begin, memcmp(&next, &expected, sizeof next) ? "changed" : "same");

    // One point, many waiters.
    shared_since = ms();
    struct timespec was = shared = ahead(CLOCK_REALTIME);
    pthread_t waiters[8];
    for (int i = 0; i < 8; i++) pthread_create(&waiters[i], NULL, wait_for_shared, NULL);
    for (int i = 0; i < 8; i++) {
        void *took;
        pthread_join(waiters[i], &took);
        printf("shared %.0f %s\n", (double)(uintptr_t)took, memcmp(&shared, &was, sizeof was) ? "changed" : "same");
    }

    // What is not a point of time any more.
    uintptr_t spoilt = 0;
    for (int i = 0; i < 4; i++) {
        sem_init(&wanted[i], 0, 0);
        pthread_create(&waiters[i], NULL, wait_and_reuse, &wanted[i]);
        pthread_create(&waiters[4 + i], NULL, wake, &wanted[i]);
    }
    for (int i = 0; i < 8; i++) {
        void *times;
        if (i == 4) __atomic_store_n(&all_waited, 1, __ATOMIC_RELAXED);
        pthread_join(waiters[i], &times);
        spoilt += i < 4 ? (uintptr_t)times : 0;
    }
    printf("reused_0 0 %s\n", spoilt ? "changed" : "same");

    // What is past is over at once.
    struct timespec past = { .tv_sec = 1 };
    begin = ms();
    while (pthread_cond_timedwait(&condition, &mutex, &past) != ETIMEDOUT) {}
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL);
    printf("past_0 %.0f same\n", ms() - begin);
}
