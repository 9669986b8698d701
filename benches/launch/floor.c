// floor FLAGS ROOT FILTER|- PROGRAM ARGS...: the least that a launcher can do, the yardstick of benches/launch.rs.
// FLAGS: u p i t c n the namespaces, m a mount namespace with pivot_root into ROOT, P /proc, D /dev, T /tmp,
// L Landlock, C capabilities, S the raw filter file, R a pid 1 that reaps beside the program, N loopback up,
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static char **V;
static const char *F;
static struct sock_fprog fp;
static struct sock_filter *fl;
#define CK(x)                                                                                                \
  do {                                                                                                       \
    if ((x) < 0) {                                                                                           \
      dprintf(2, "%s: %s\n", #x, strerror(errno));                                                           \
      _exit(125);                                                                                            \
    }                                                                                                        \
  } while (0)
#define H(c) (strchr(F, c) != 0)
static void wr(const char *p, const char *s) {
  int f = open(p, O_WRONLY);
  if (f >= 0) {
    write(f, s, strlen(s));
    close(f);
  }
}
static int child(void *a) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (H('u')) {
    char b[64];
    wr("/proc/self/setgroups", "deny");
    wr("/proc/self/uid_map", "0 0 1");
    wr("/proc/self/gid_map", "0 0 1");
  }
  if (H('m')) {
    CK(mount(0, "/", 0, MS_REC | MS_SLAVE, 0));
    CK(mount(V[2], V[2], 0, MS_BIND | MS_REC, 0));
    if (H('P')) {
      char b[256];
      snprintf(b, 256, "%s/proc", V[2]);
      CK(mount("proc", b, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
    }
    if (H('D')) {
      char b[256], c[256];
      snprintf(b, 256, "%s/dev", V[2]);
      CK(mount("tmpfs", b, "tmpfs", MS_NOSUID, "mode=755"));
      const char *d[] = {"null", "zero", "full", "random", "urandom", "tty"};
      for (int i = 0; i < 6; i++) {
        snprintf(b, 256, "%s/dev/%s", V[2], d[i]);
        snprintf(c, 256, "/dev/%s", d[i]);
        close(open(b, O_CREAT | O_WRONLY, 0666));
        CK(mount(c, b, 0, MS_BIND, 0));
      }
    }
    if (H('T')) {
      char b[256];
      snprintf(b, 256, "%s/tmp", V[2]);
      CK(mount("tmpfs", b, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"));
    }
    CK(chdir(V[2]));
    CK(syscall(SYS_pivot_root, ".", "."));
    CK(umount2(".", MNT_DETACH));
    CK(mount(0, "/", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
  }
  if (H('N')) {
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    CK(ioctl(s, SIOCSIFFLAGS, &r));
    close(s);
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (H('L')) {
    struct landlock_ruleset_attr r = {.handled_access_fs = 0x1fff};
    int rf = syscall(SYS_landlock_create_ruleset, &r, sizeof r, 0);
    CK(rf);
    int pf = open("/", O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr p = {.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE |
                                                             LANDLOCK_ACCESS_FS_READ_FILE |
                                                             LANDLOCK_ACCESS_FS_READ_DIR,
                                           .parent_fd = pf};
    CK(syscall(SYS_landlock_add_rule, rf, LANDLOCK_RULE_PATH_BENEATH, &p, 0));
    CK(syscall(SYS_landlock_restrict_self, rf, 0));
    close(rf);
    close(pf);
  }
  if (H('C')) {
    for (int i = 0; i < 41; i++)
      prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    struct __user_cap_header_struct h = {0x20080522, 0};
    struct __user_cap_data_struct d[2] = {{0}};
    CK(syscall(SYS_capset, &h, d));
  }
  if (H('R')) {
    int p = fork();
    CK(p);
    if (p) {
      int st;
      while (wait(&st) != p)
        ;
      _exit(WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st));
    }
  }
  if (H('S')) {
    CK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fp));
  }
  execv(V[4], V + 4);
  dprintf(2, "exec %s: %s\n", V[4], strerror(errno));
  _exit(126);
}
static char stk[65536] __attribute__((aligned(16)));
int main(int c, char **v) {
  V = v;
  F = v[1];
  if (H('S')) {
    int f = open(v[3], O_RDONLY);
    struct stat s;
    fstat(f, &s);
    fl = malloc(s.st_size);
    read(f, fl, s.st_size);
    close(f);
    fp.len = s.st_size / 8;
    fp.filter = fl;
  }
  int fg = SIGCHLD | CLONE_VM | CLONE_VFORK | (H('u') ? CLONE_NEWUSER : 0) | (H('p') ? CLONE_NEWPID : 0) |
           (H('i') ? CLONE_NEWIPC : 0) | (H('t') ? CLONE_NEWUTS : 0) | (H('c') ? CLONE_NEWCGROUP : 0) |
           (H('n') ? CLONE_NEWNET : 0) | (H('m') ? CLONE_NEWNS : 0);
  int p = clone(child, stk + 65536, fg, 0);
  if (p < 0) {
    perror("clone");
    return 125;
  }
  int st;
  waitpid(p, &st, 0);
  return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}
