// For each line on its input, what all the clocks show: in nanoseconds, or in seconds (`_s`).
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ns(struct timespec t) { return t.tv_sec * 1000000000L + t.tv_nsec; }
static long now(clockid_t clock) {
    struct timespec t;
    return clock_gettime(clock, &t) ? 0 : ns(t);
}
static void die(const char *what) { perror(what); exit(1); }

// Answers bytes with times: the thread and the forked processes, all from before the clock is moved.
struct pipes { int ask[2], answer[2]; };
static void *answer(void *argument) {
    struct pipes *p = argument;
    char byte;
    while (read(p->ask[0], &byte, 1) == 1) {
        long time = now(CLOCK_REALTIME);
        if (write(p->answer[1], &time, sizeof time) < 0) die("write");
    }
    return NULL;
}
static long ask(struct pipes *p) {
    long time = 0;
    if (write(p->ask[1], "?", 1) < 0 || read(p->answer[0], &time, sizeof time) < 0) die("ask");
    return time;
}

static void start(struct pipes *p) {
    if (pipe2(p->ask, O_CLOEXEC) || pipe2(p->answer, O_CLOEXEC)) die("pipe");
}

int main(void) {
    struct pipes thread, children[20];
    for (int i = 0; i < 20; i++) {
        start(&children[i]);
        if (fork() == 0) {
            for (int n = 0; n <= i; n++) close(children[n].ask[1]);
            answer(&children[i]);
            return 0;
        }
    }
    start(&thread);
    pthread_t started;
    pthread_create(&started, NULL, answer, &thread);
    char line[100];
    while (fgets(line, sizeof line, stdin)) {
        struct timespec raw;
        struct timeval day, raw_day;
        struct timezone zone = { 1, 1 };
        time_t seconds;
        gettimeofday(&day, &zone);
        gettimeofday(NULL, &zone);
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &raw);
        syscall(SYS_gettimeofday, &raw_day, NULL);
        printf("realtime=%ld coarse=%ld tai=%ld day=%ld ", now(CLOCK_REALTIME), now(CLOCK_REALTIME_COARSE), now(CLOCK_TAI),
               day.tv_sec * 1000000000L + day.tv_usec * 1000);
        // The vDSO makes a system call for it; it is not there without a real-time clock on the board.
        if (now(CLOCK_REALTIME_ALARM)) printf("alarm=%ld ", now(CLOCK_REALTIME_ALARM));
        printf("time_s=%ld raw=%ld raw_day=%ld raw_time_s=%ld ", time(&seconds), ns(raw),
               raw_day.tv_sec * 1000000000L + raw_day.tv_usec * 1000, syscall(SYS_time, NULL));
        printf("stored_s=%ld ", seconds);
        printf("thread=%ld monotonic=%ld ", ask(&thread), now(CLOCK_MONOTONIC));
        for (int i = 0; i < 20; i++) printf("fork%d=%ld ", i, ask(&children[i]));
        fflush(stdout);
        if (system("date +exec=%s%N")) die("date");
    }
}
