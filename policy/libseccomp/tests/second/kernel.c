// Makes system calls under a filter, one a line of standard input, each in a process of its own.
//
// filter HEX                     the filter from now on (struct sock_filter, back to back)
// call syscall|int80 NUMBER A0 .. A5
//
// A call is made before the filter is installed and after it; prints "answered BEFORE AFTER", "trapped DATA",
// "killed", or what else became of the process.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum state { STARTED, REFUSED, INSTALLED, ANSWERED, TRAPPED };
static struct shared { enum state state; long before, after; } *shared;

// The registers as an array, whole, into the call, and out of it whatever it did to them.
long by_syscall(long number, const unsigned long *arguments);
long by_int80(long number, const unsigned long *arguments);
__asm__("by_syscall:\n"
        "mov %rdi, %rax\n mov %rsi, %r11\n"
        "mov (%r11), %rdi\n mov 8(%r11), %rsi\n mov 16(%r11), %rdx\n"
        "mov 24(%r11), %r10\n mov 32(%r11), %r8\n mov 40(%r11), %r9\n"
        "syscall\n ret\n"
        "by_int80:\n"
        "push %rbx\n push %rbp\n"
        "mov %rdi, %rax\n mov %rsi, %r11\n"
        "mov (%r11), %rbx\n mov 8(%r11), %rcx\n mov 16(%r11), %rdx\n"
        "mov 24(%r11), %rsi\n mov 32(%r11), %rdi\n mov 40(%r11), %rbp\n"
        "int $0x80\n"
        // An error of a 32-bit call is a negative int.
        "movslq %eax, %rax\n"
        "pop %rbp\n pop %rbx\n ret\n");

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    shared->after = info->si_errno;
    shared->state = TRAPPED;
    __builtin_trap();
}

static void child(const struct sock_fprog *filter, int int80, long number, const unsigned long *arguments) {
    long (*call)(long, const unsigned long *) = int80 ? by_int80 : by_syscall;
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    shared->before = call(number, arguments);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    shared->state = REFUSED;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter)) _exit(1);
    // From here on nothing but the call: the filter may refuse all else, even the exit.
    shared->state = INSTALLED;
    shared->after = call(number, arguments);
    shared->state = ANSWERED;
    __builtin_trap();
}

int main(void) {
    static struct sock_filter code[BPF_MAXINSNS];
    struct sock_fprog filter = {0, code};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        if (!strncmp(line, "filter ", 7)) {
            char *hex = line + 7;
            for (filter.len = 0; hex[0] > '\n'; filter.len++)
                for (size_t at = 0; at < sizeof *code; at++, hex += 2) {
                    char digits[3] = {hex[0], hex[1], 0};
                    ((unsigned char *)&code[filter.len])[at] = strtoul(digits, NULL, 16);
                }
            continue;
        }
        char how[8];
        long number;
        unsigned long a[6];
        if (sscanf(line, "call %7s %ld %lu %lu %lu %lu %lu %lu", how, &number, a, a + 1, a + 2, a + 3, a + 4, a + 5) != 8)
            return 2;
        shared->state = STARTED;
        int status, pid = fork();
        if (!pid) child(&filter, !strcmp(how, "int80"), number, a);
        waitpid(pid, &status, 0);
        if (shared->state == ANSWERED) printf("answered %ld %ld\n", shared->before, shared->after);
        else if (shared->state == TRAPPED) printf("trapped %ld\n", shared->after);
        else if (shared->state == INSTALLED && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) printf("killed\n");
        else printf("state %d status %#x\n", shared->state, status);
        fflush(stdout);
    }
}
