// attach ROUNDS FILTER...: what it costs to install each filter (struct sock_filter, back to back), each in a fresh
// child, one of each a round. Prints one line a round: nanoseconds of the one system call, in the order given.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

int main(int argc, char **argv) {
    int rounds = atoi(argv[1]), count = argc - 2;
    struct sock_fprog *filters = calloc(count, sizeof *filters);
    for (int at = 0; at < count; at++) {
        FILE *file = fopen(argv[at + 2], "r");
        if (!file) return 2;
        filters[at].filter = calloc(BPF_MAXINSNS, sizeof(struct sock_filter));
        filters[at].len = fread(filters[at].filter, sizeof(struct sock_filter), BPF_MAXINSNS, file);
        fclose(file);
    }
    long *taken = mmap(NULL, sizeof *taken, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < rounds; round++) {
        for (int at = 0; at < count; at++) {
            *taken = -1;
            pid_t pid = fork();
            if (!pid) {
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                long start = now();
                long failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filters[at]);
                *taken = failed ? -1 : now() - start;
                _exit(0);
            }
            waitpid(pid, NULL, 0);
            if (*taken < 0) return 1;
            printf(at ? " %ld" : "%ld", *taken);
        }
        putchar('\n');
    }
}
