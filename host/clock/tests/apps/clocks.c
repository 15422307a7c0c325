// For each line on its input, what all the clocks show: in nanoseconds, or in seconds (`_s`).
#define _GNU_SOURCE
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

// Answers bytes with times: the thread and the forked process, both from before the clock is moved.
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

int main(void) {
    struct pipes thread, child;
    if (pipe(thread.ask) || pipe(thread.answer) || pipe(child.ask) || pipe(child.answer)) die("pipe");
    if (fork() == 0) {
        close(child.ask[1]);
        answer(&child);
        return 0;
    }
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
        printf("thread=%ld fork=%ld monotonic=%ld ", ask(&thread), ask(&child), now(CLOCK_MONOTONIC));
        fflush(stdout);
        if (system("date +exec=%s%N")) die("date");
    }
}
