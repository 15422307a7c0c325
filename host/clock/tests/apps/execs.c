// How programs are started, and what else happens just then. Every `date` prints the time that the caller checks.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *date[] = { "date", "+%s", NULL };
static volatile int children;
static void count(int signal) { children += signal == SIGCHLD; }
static void nothing(int signal) { (void)signal; }
static void check(int good, const char *what) {
    if (!good) printf("wrong: %s\n", what), exit(1);
}
static void *exec_date(void *unused) {
    (void)unused;
    execvp("date", date);
    return NULL;
}

// From a thread that isn't the first: it becomes the process.
static void thread(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, exec_date, NULL);
    for (;;) pause();
}

// The parent stands still until its child has its own memory.
static void spawn(void) {
    pid_t pid;
    check(posix_spawnp(&pid, "date", NULL, NULL, date, environ) == 0, "posix_spawn");
    check(waitpid(pid, NULL, 0) == pid, "wait");
    check(posix_spawn(&pid, "/no/such/program", NULL, NULL, date, environ) == ENOENT, "ENOENT");
    check(posix_spawn(&pid, "/etc/passwd", NULL, NULL, date, environ) == EACCES, "EACCES");
    if ((pid = vfork()) == 0) { execvp("date", date); _exit(1); }
    check(waitpid(pid, NULL, 0) == pid, "wait");
}

// A program that is not in the first places that are searched.
static void path(void) {
    setenv("PATH", "/no:/such:/place:/proc:/:/usr/bin:/bin", 1);
    execvp("date", date);
}

// A parent sees nothing but the ends of its children.
static void parent(void) {
    signal(SIGCHLD, count);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) { execl("/bin/true", "true", NULL); _exit(1); }
        int status;
        check(waitpid(pid, &status, WUNTRACED | WCONTINUED) == pid, "wait");
        check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child is seen to stop");
    }
    check(children == 20, "as many SIGCHLDs as children");
    execvp("date", date);
}

// Signals that are ignored from the first instruction on, and have a handler until then: they break nothing.
static void signals(void) {
    // Without SA_RESTART a call that is not taken up yet fails with EINTR.
    struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
    for (int i = 0; i < 30; i++) {
        pid_t pid = fork();
        if (pid == 0) { sigaction(SIGURG, &action, NULL); execvp("date", date); _exit(1); }
        int status = 0;
        while (waitpid(pid, &status, WNOHANG) == 0) kill(pid, SIGURG);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a signal broke an exec");
    }
}

// Signals that end a process, or stop it, still do.
static void ends(void) {
    for (int i = 0; i < 30; i++) {
        pid_t pid = fork();
        if (pid == 0) { execlp("sleep", "sleep", "100", NULL); _exit(1); }
        int status;
        for (int n = 0; n < i * 20000; n++) __asm__ volatile("");
        kill(pid, i % 3 == 0 ? SIGKILL : i % 3 == 1 ? SIGTERM : SIGSTOP);
        check(waitpid(pid, &status, WUNTRACED) == pid, "wait");
        if (i % 3 == 2) {
            check(WIFSTOPPED(status), "stopped");
            kill(pid, SIGTERM);
            kill(pid, SIGCONT);
            check(waitpid(pid, &status, 0) == pid, "wait");
        }
        check(WIFSIGNALED(status), "ended by the signal");
    }
    execvp("date", date);
}

// What a new program finds: the signals that are blocked, ignored or pending since before, and nobody who traces it.
static void state(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGUSR2, SIG_IGN);
    raise(SIGUSR1);
    execlp("grep", "grep", "-E", "Sig(Blk|Ign|Cgt|Pnd)|ShdPnd|TracerPid|FDSize|Threads|NoNewPrivs", "/proc/self/status", NULL);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    struct { const char *name; void (*run)(void); } all[] = {
        { "thread", thread }, { "spawn", spawn }, { "path", path }, { "parent", parent },
        { "signals", signals }, { "ends", ends }, { "state", state },
    };
    for (size_t i = 0; argc == 2 && i < sizeof all / sizeof *all; i++)
        if (!strcmp(argv[1], all[i].name)) { all[i].run(); return 0; }
    return 2;
}
