// Hostile programs in C, compiled when they are first needed. Each takes the mark as its argument, so that it stands in what /proc
// shows of all of its processes, and none outlives a minute.
const HEAD = `#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
static void ready(void) { if (write(1, "ready\\n", 6) != 6) _exit(9); }
`;

/** Sources by name. */
export const C_PROGRAMS: Readonly<Record<string, string>> = {
  /** The parent of a vfork cannot go on before its child does. */
  vfork: `${HEAD}int main(void) { ready(); if (vfork() == 0) { sleep(50); _exit(0); } return 0; }`,
  /** A child that is halted as a traced process, and whose tracer ends. */
  traced: `${HEAD}int main(void) {
    pid_t child = fork();
    if (child == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); sleep(50); _exit(0); }
    waitpid(child, 0, 0);
    return 0; }`,
  /** The same, and the tracer waits to be stopped. */
  tracer: `${HEAD}int main(void) {
    pid_t child = fork();
    if (child == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); for (;;) raise(SIGSTOP); }
    ready();
    for (;;) { if (waitpid(child, 0, 0) < 0) sleep(50); ptrace(PTRACE_CONT, child, 0, 0); usleep(1000); } }`,
  /** Three hundred sessions, as quick as the machine makes them. */
  storm: `${HEAD}int main(void) {
    for (int i = 0; i < 300; i++) if (fork() == 0) { setsid(); if (fork()) _exit(0); close(1); close(2); sleep(50); _exit(0); }
    return 0; }`,
  /** A process that is always another one: each makes the next and ends; at most three thousand. */
  hydra: `${HEAD}int main(void) {
    signal(SIGTERM, SIG_IGN); signal(SIGHUP, SIG_IGN); ready();
    for (int i = 0; i < 3000; i++) { if (fork()) _exit(0); setsid(); usleep(200); }
    return 0; }`,
  /** Forty threads, of which the first ends. */
  threads: `${HEAD}static void *nap(void *nothing) { sleep(50); return nothing; }
    int main(void) {
    pthread_t thread;
    for (int i = 0; i < 40; i++) pthread_create(&thread, 0, nap, 0);
    ready(); pthread_exit(0); }`,
  /** A child for its own parent's parent, again and again, each with a session of its own. */
  fosters: `${HEAD}static char stack[8][65536];
    static int nap(void *nothing) { setsid(); sleep(50); return nothing != 0; }
    int main(void) {
    for (int i = 0; i < 8; i++) {
      clone(nap, stack[i] + 65536, CLONE_PARENT | SIGCHLD, 0); }
    usleep(20000); return 0; }`,
  /** Hides its name, and blocks every signal that can be blocked. */
  renamed: `${HEAD}int main(void) {
    sigset_t all; sigfillset(&all); sigprocmask(SIG_BLOCK, &all, 0);
    prctl(PR_SET_NAME, "init) Z 1 1 1", 0, 0, 0);
    if (fork() == 0) { setsid(); close(1); close(2); sleep(50); _exit(0); }
    ready(); sleep(50); return 0; }`,
  /** May not be looked at by others: /proc shows its files as the superuser's. */
  undumpable: `${HEAD}int main(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (fork() == 0) { setsid(); if (fork()) _exit(0); close(1); close(2); sleep(50); _exit(0); }
    wait(0); return 0; }`,
};
