/* Tries one primitive after the other, each in a process of its own, and prints how it ended: a line
   "name: ok", "name: the kernel's words", or "name: signal N". Harmless wherever it runs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_SEALED 8 /* MFD_NOEXEC_SEAL, 6.3 */

static char **arguments;

static int opened(const char *path, int flags) { return open(path, flags); }

#define OPEN(name, path, flags) static long name(void) { return opened(path, flags); }
OPEN(exe_of_init, "/proc/1/exe", O_RDONLY)
OPEN(memory_of_init, "/proc/1/mem", O_RDWR)
OPEN(root_of_init, "/proc/1/root", O_RDONLY)
OPEN(cwd_of_init, "/proc/1/cwd", O_RDONLY)
OPEN(environment_of_init, "/proc/1/environ", O_RDONLY)
OPEN(descriptors_of_init, "/proc/1/fd", O_RDONLY)
OPEN(own_memory, "/proc/self/mem", O_RDWR)
OPEN(core_pattern, "/proc/sys/kernel/core_pattern", O_WRONLY)
OPEN(sysrq, "/proc/sysrq-trigger", O_WRONLY)
OPEN(kernel_core, "/proc/kcore", O_RDONLY)
OPEN(oom_score, "/proc/self/oom_score_adj", O_WRONLY)
OPEN(id_map, "/proc/self/uid_map", O_WRONLY)
OPEN(attributes, "/proc/self/attr/current", O_WRONLY)
OPEN(kernel_log, "/dev/kmsg", O_RDONLY)
OPEN(disk, "/dev/vda", O_RDONLY)
OPEN(terminal, "/dev/tty", O_RDWR)
OPEN(shadow, "/etc/shadow", O_RDONLY)
OPEN(host_processes, "/sys/fs/cgroup", O_RDONLY)
OPEN(write_program, "/bin/busybox", O_WRONLY)
OPEN(above_root, "../../../../../../secret", O_RDONLY)

static long kill_init(void) { return kill(1, SIGKILL); }
static long stop_init(void) { return kill(1, SIGSTOP); }
static long trace_init(void) { return ptrace(PTRACE_SEIZE, 1, 0, 0); }
static long write_into_init(void) {
    static char here[8];
    struct iovec local = {here, 8}, remote = {(void *)0x400000, 8};
    return process_vm_writev(1, &local, 1, &remote, 1, 0);
}
static long descriptor_of_init(void) {
    int pidfd = syscall(SYS_pidfd_open, 1, 0);
    return pidfd < 0 ? -1 : syscall(438, pidfd, 0, 0);
}
static long join_init(void) {
    int pidfd = syscall(SYS_pidfd_open, 1, 0);
    return pidfd < 0 ? -1 : setns(pidfd, CLONE_NEWNS);
}
static long new_user(void) { return unshare(CLONE_NEWUSER); }
static long new_mounts(void) { return unshare(CLONE_NEWNS); }
static long clone_user(void) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) _exit(0);
    return pid;
}
static long clone_three(void) {
    unsigned long args[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
    long pid = syscall(435, args, sizeof args);
    if (pid == 0) _exit(0);
    return pid;
}
static long mount_tmpfs(void) { return mount("none", "/tmp", "tmpfs", 0, ""); }
static long remount(void) { return mount("", "/", "", MS_REMOUNT | MS_BIND, ""); }
static long new_mount_call(void) { return syscall(430, "tmpfs", 0); }
static long tree_call(void) { return syscall(428, AT_FDCWD, "/", 1); }
static long unmount(void) { return umount2("/proc", MNT_DETACH); }
static long pivot(void) { return syscall(SYS_pivot_root, ".", "."); }
static long change_root(void) { return chroot("/tmp"); }
static long by_handle(void) {
    struct { struct file_handle head; unsigned char bytes[8]; } handle = {{8, 1}, {2}};
    return syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY);
}
static long make_disk(void) { return mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)); }
static long link_out(void) { return link("/bin/busybox", "/tmp/linked"); }

static int copied(int to) {
    static char page[65536];
    int from = open("/bin/busybox", O_RDONLY);
    ssize_t got;
    if (from < 0 || to < 0) return -1;
    while ((got = read(from, page, sizeof page)) > 0)
        if (write(to, page, got) != got) return -1;
    close(from);
    return got;
}
/* 42: the copy ran. */
static char *const TRUE[] = {"sh", "-c", "exit 42", 0};
static long exec_scratch(void) {
    int file = open("/tmp/copy", O_CREAT | O_TRUNC | O_WRONLY, 0755);
    if (copied(file) < 0) return -1;
    close(file);
    return execve("/tmp/copy", TRUE, environ);
}
static long map_scratch(void) {
    int file = open("/tmp/mapped", O_CREAT | O_RDWR, 0755);
    if (file < 0 || ftruncate(file, 4096) < 0) return -1;
    return mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? -1 : 0;
}
static long memory_file(unsigned flags) {
    int file = syscall(SYS_memfd_create, "file", flags);
    return file < 0 || copied(file) < 0 ? -1 : file;
}
static long exec_memory(void) {
    long file = memory_file(0);
    return file < 0 ? -1 : syscall(SYS_execveat, file, "", TRUE, environ, AT_EMPTY_PATH);
}
static long exec_memory_path(void) {
    char path[64];
    long file = memory_file(0);
    if (file < 0) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%ld", file);
    return execve(path, TRUE, environ);
}
static long exec_memory_asked(void) {
    long file = memory_file(0x10); /* MFD_EXEC, 6.3 */
    return file < 0 ? -1 : syscall(SYS_execveat, file, "", TRUE, environ, AT_EMPTY_PATH);
}
static long exec_memory_sealed(void) {
    long file = memory_file(EXEC_SEALED);
    if (file < 0) return -1;
    fchmod(file, 0755);
    return syscall(SYS_execveat, file, "", TRUE, environ, AT_EMPTY_PATH);
}
static long map_memory(void) {
    int file = syscall(SYS_memfd_create, "file", EXEC_SEALED);
    if (file < 0 || ftruncate(file, 4096) < 0) return -1;
    return mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0) == MAP_FAILED ? -1 : 0;
}
static long writable_code(void) {
    return mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}
static long turned_code(void) {
    void *page = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : mprotect(page, 4096, 5);
}
static long shared_code(void) {
    int segment = shmget(IPC_PRIVATE, 4096, 0700);
    if (segment < 0) return -1;
    void *data = shmat(segment, 0, 0);
    void *code = shmat(segment, 0, SHM_EXEC | SHM_RDONLY);
    int error = errno;
    shmctl(segment, IPC_RMID, 0);
    errno = error;
    return data == (void *)-1 || code == (void *)-1 ? -1 : 0;
}
static long implied_code(void) { return personality(READ_IMPLIES_EXEC); }

static long type_into_terminal(void) { return ioctl(0, TIOCSTI, "x"); }
static long take_terminal(void) { return ioctl(0, TIOCSCTTY, 1); }
static long paste(void) { return ioctl(0, TIOCLINUX, "\3"); }
static long project_id(void) {
    int file = open("/tmp/project", O_CREAT | O_RDWR, 0600);
    return file < 0 ? -1 : syscall(SYS_ioctl, (long)file, 0x401c5820L, 0L);
}
static long project_id_wide(void) {
    int file = open("/tmp/project", O_CREAT | O_RDWR, 0600);
    return file < 0 ? -1 : syscall(SYS_ioctl, (long)file, 0x1401c5820L, 0L);
}
static long session_key(void) { return syscall(SYS_add_key, "user", "k", "v", 1, -3); }
static long read_keys(void) { return syscall(SYS_keyctl, 0, -3, 0); }
static long bpf_call(void) { return syscall(SYS_bpf, 0, 0, 0); }
static long perf(void) { return syscall(SYS_perf_event_open, 0, 0, -1, -1, 0); }
static long userfault(void) { return syscall(SYS_userfaultfd, 1); }
static long ring(void) { static char zero[120]; return syscall(425, 1, zero); }
static long module(void) { return syscall(SYS_init_module, 0, 0, ""); }
static long load_kernel(void) { return syscall(SYS_kexec_load, 0, 0, 0, 0); }
static long restart(void) { return syscall(SYS_reboot, 0, 0, 0, 0); }
static long quota(void) { return syscall(SYS_quotactl, 0, 0, 0, 0); }
static long host_name(void) { return sethostname("x", 1); }
static long log_call(void) { return syscall(SYS_syslog, 2, 0, 0); }
static long become_root(void) { return setuid(0); }
static long become_other(void) { return setuid(1234); }
static long take_groups(void) { gid_t zero = 0; return syscall(SYS_setgroups, 1, &zero); }
static long raise_capability(void) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{1u << 21, 1u << 21, 0}, {0, 0, 0}};
    return syscall(SYS_capset, &head, data);
}
static long loosen_bits(void) { return prctl(PR_SET_SECUREBITS, 0); }
static long raise_ambient(void) { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0); }
static long move_image(void) { return prctl(PR_SET_MM, PR_SET_MM_START_CODE, 0, 0, 0); }
static long real_time(void) { struct sched_param one = {1}; return sched_setscheduler(0, SCHED_FIFO, &one); }
static long raise_limit(void) {
    unsigned long limit[2] = {1 << 20, 1 << 20};
    return syscall(SYS_prlimit64, 0, 7, limit, 0);
}
static long vsock(void) { return syscall(SYS_socket, 40L, 1L, 0L); }
static long vsock_wide(void) { return syscall(SYS_socket, 1L << 32 | 40, 1L, 0L); }
static long packet(void) { return socket(17, SOCK_RAW, 0); }
static long raw_socket(void) { return socket(AF_INET, SOCK_RAW, 1); }
static long netlink(void) { return socket(16, SOCK_RAW, 0); }
static long algorithm(void) { return socket(38, SOCK_SEQPACKET, 0); }

static long connected(const char *name, int abstract) {
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(there.sun_path + abstract, name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (void *)&there, offsetof(struct sockaddr_un, sun_path) + abstract + length);
}
static long abstract_socket(void) { return arguments[2] ? connected(arguments[2], 1) : (errno = EDOM, -1); }
static long host_segment(void) {
    if (!arguments[2] || !arguments[3]) return errno = EDOM, -1;
    return shmat(atoi(arguments[3]), 0, SHM_RDONLY) == (void *)-1 ? -1 : 0;
}

#if defined(__x86_64__)
static long interface_i386(void) {
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
    return answer < 0 ? (errno = -answer, -1) : 0;
}
static long interface_x32(void) { return syscall(0x40000000L + 39); }
#endif
static long unknown_call(void) { return syscall(9999); }

static const struct { const char *name; long (*run)(void); } ALL[] = {
#define P(f) {#f, f}
    P(exe_of_init), P(memory_of_init), P(root_of_init), P(cwd_of_init), P(environment_of_init),
    P(descriptors_of_init), P(own_memory), P(core_pattern), P(sysrq), P(kernel_core), P(oom_score), P(id_map),
    P(attributes), P(kernel_log), P(disk), P(terminal), P(shadow), P(host_processes), P(write_program),
    P(above_root), P(kill_init), P(stop_init), P(trace_init), P(write_into_init), P(descriptor_of_init),
    P(join_init), P(new_user), P(new_mounts), P(clone_user), P(clone_three), P(mount_tmpfs), P(remount),
    P(new_mount_call), P(tree_call), P(unmount), P(pivot), P(change_root), P(by_handle), P(make_disk),
    P(link_out), P(exec_scratch), P(map_scratch), P(exec_memory), P(exec_memory_path), P(exec_memory_asked),
    P(exec_memory_sealed), P(map_memory), P(writable_code), P(turned_code), P(shared_code),
    P(implied_code), P(type_into_terminal), P(take_terminal), P(paste), P(project_id), P(project_id_wide),
    P(session_key), P(read_keys), P(bpf_call), P(perf), P(userfault), P(ring), P(module), P(load_kernel),
    P(restart), P(quota), P(host_name), P(log_call), P(become_root), P(become_other), P(take_groups),
    P(raise_capability), P(loosen_bits), P(raise_ambient), P(move_image), P(real_time), P(raise_limit),
    P(vsock), P(vsock_wide), P(packet), P(raw_socket), P(netlink), P(algorithm), P(abstract_socket),
    P(host_segment),
#if defined(__x86_64__)
    P(interface_i386), P(interface_x32),
#endif
    P(unknown_call),
};

int main(int count, char **given) {
    arguments = given;
    if (count < 2) return 2;
    for (size_t at = 0; at < sizeof ALL / sizeof *ALL; at++) {
        if (strcmp(given[1], "all") && strcmp(given[1], ALL[at].name)) continue;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            errno = 0;
            long answer = ALL[at].run();
            _exit(answer == -1 ? errno & 0x7f ? errno : 125 : 0);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        int code = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) printf("%s: signal %d\n", ALL[at].name, WTERMSIG(status));
        else if (code == 0) printf("%s: ok\n", ALL[at].name);
        else if (code == 42) printf("%s: ran\n", ALL[at].name);
        else printf("%s: %s\n", ALL[at].name, strerror(code));
    }
    puts("done");
    return 0;
}
