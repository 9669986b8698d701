/* Every call by which a file comes to be counted elsewhere, made on the file that is named, through each interface of the
 * machine, changing nothing where it is allowed. Prints NAME ERRNO for each, 0 where it was done. Ends with 3 where the file system
 * knows no such attributes, with 2 where the file cannot be used otherwise. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FSGETXATTR 0x801c581fUL
#define GETFLAGS 0x80086601UL
#define FILE_SETATTR 469
#define QUOTACTL_FD 443
#define Q_SYNC 0x80000100UL

static const unsigned long REQUESTS[] = {
    0x401c5820, 0x40086602, 0x40046602, 0x5000940e, 0x50009418, 0x50009401,
    0x50009417, 0xc0109428, 0x40189429, 0x4010942a, 0x8030942b, 0x4040942c,
};

/* Static and not on the stack: a pointer of 32 bits reaches it. Its content is that of the call. */
static char given[8192];
static char xattr[32];
static unsigned long flags;

static void print(const char *name, unsigned long request, long answer) {
    printf("%s-%lx %ld\n", name, request, answer < 0 ? -answer : 0);
}

static long raw(long number, long a, long b, long c, long d, long e) {
    return syscall(number, a, b, c, d, e) < 0 ? -errno : 0;
}

#ifdef __x86_64__
static long compat(long number, long a, long b, long c, long d) {
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)answer;
}
#endif

static char *argument(unsigned long request) {
    memset(given, 0, sizeof given);
    if (request == REQUESTS[0]) memcpy(given, xattr, sizeof xattr);
    if (request == REQUESTS[1] || request == REQUESTS[2]) memcpy(given, &flags, sizeof flags);
    return given;
}

int main(int count, char **arguments) {
    int fd = count == 2 ? open(arguments[1], O_RDWR) : -1;
    if (fd < 0 || ioctl(fd, FSGETXATTR, xattr) != 0 || ioctl(fd, GETFLAGS, &flags) != 0) {
        int why = errno;
        perror("the file");
        return fd >= 0 && (why == ENOTTY || why == EOPNOTSUPP) ? 3 : 2;
    }
    for (unsigned i = 0; i < sizeof REQUESTS / sizeof *REQUESTS; i++) {
        unsigned long request = REQUESTS[i], dirty = request | 0xdeadbeefUL << 32;
        print("ioctl", request, raw(SYS_ioctl, fd, request, (long)argument(request), 0, 0));
        print("dirty", request, raw(SYS_ioctl, fd, dirty, (long)argument(request), 0, 0));
#ifdef __x86_64__
        print("compat", request, compat(54, fd, request, (long)argument(request), 0));
        print("x32", request, raw(0x40000000 | 514, fd, request, (long)argument(request), 0, 0));
#endif
    }
    print("file_setattr", 0, raw(FILE_SETATTR, fd, (long)"", 0, 0, AT_EMPTY_PATH));
    print("quotactl", 0, raw(SYS_quotactl, Q_SYNC, 0, 0, 0, 0));
    print("quotactl_fd", 0, raw(QUOTACTL_FD, -1, Q_SYNC, 0, 0, 0));
#ifdef __x86_64__
    print("compat-file_setattr", 0, compat(FILE_SETATTR, fd, (long)given, 0, 0));
    print("compat-quotactl", 0, compat(131, Q_SYNC, 0, 0, 0));
    print("compat-quotactl_fd", 0, compat(QUOTACTL_FD, -1, Q_SYNC, 0, 0));
#endif
    return 0;
}
