/* Says what is forbidden to it: one fact a line, "done" at the end. Each argument is an access and a path: r/etc, w/etc,
   x/bin/true. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *said(long answer) { return answer < 0 ? strerrorname_np(errno) : "ok"; }

static const char *file(char access, const char *path) {
    if (access == 'x') {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            execl(path, path, "done", (char *)NULL);
            _exit(errno);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) return "lost";
        return WEXITSTATUS(status) == 0 ? "ok" : strerrorname_np(WEXITSTATUS(status));
    }
    return said(open(path, (access == 'w' ? O_WRONLY | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600));
}

int main(int count, char **arguments) {
    /* The one that `x` starts. */
    if (count == 2 && !strcmp(arguments[1], "done")) return 0;
    printf("argv0 %s\n", arguments[0]);
    DIR *list = opendir("/proc/self/fd");
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(list)) printf("descriptor %s\n", entry->d_name);
    printf("mdwe %d\n", prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0));
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("code %s\n", said(mprotect(page, 4096, PROT_READ | PROT_EXEC)));
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("both %s\n", page == MAP_FAILED ? strerrorname_np(errno) : "ok");
    printf("landlock %s\n", said(syscall(444, NULL, 0, 1)));
    printf("openat2 %s\n", said(syscall(437, -1, "/", NULL, 0)));
    printf("unshare %s\n", said(syscall(SYS_unshare, 0x10000000)));
    for (int at = 1; at < count; at++) printf("%s %s\n", arguments[at], file(arguments[at][0], arguments[at] + 1));
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "Seccomp_filters", 15) || !strncmp(line, "NoNewPrivs", 10)) fputs(line, stdout);
    puts("done");
    return 0;
}
