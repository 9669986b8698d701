// Says what it is confined by, one fact a line, in calls that the launcher does not make after its last step.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void status(void) {
  static const char *const fields[] = {"Umask", "Uid", "Gid", "Groups", "NSpid", "CapInh", "CapPrm", "CapEff",
                                       "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"};
  char line[4096];
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) {
    printf("status %s\n", strerror(errno));
    return;
  }
  while (fgets(line, sizeof line, file))
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
      size_t length = strlen(fields[i]);
      if (!strncmp(line, fields[i], length) && line[length] == ':')
        fputs(line, stdout);
    }
  fclose(file);
}

static void opens(const char *path, int flags) {
  int fd = open(path, flags, 0600);
  printf("open %s %x %s\n", path, flags, fd < 0 ? strerror(errno) : "ok");
  if (fd >= 0)
    close(fd);
}

int main(void) {
  static const char *const namespaces[] = {"user", "mnt", "pid", "ipc", "uts", "cgroup", "net"};
  char path[64], link[64];
  struct rlimit limit;
  status();
  for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
    snprintf(path, sizeof path, "/proc/self/ns/%s", namespaces[i]);
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length >= 0)
      printf("namespace %.*s\n", (int)length, link);
    else
      printf("namespace %s %s\n", namespaces[i], strerror(errno));
  }
  printf("mdwe %d\n", prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0));
  printf("securebits %x\n", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
  printf("session %d\n", getsid(0) == getpid());
  for (int resource = 0; resource < 16; resource++)
    if (!getrlimit(resource, &limit))
      printf("limit %d %llu %llu\n", resource, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
  opens("/secret", O_RDONLY);
  opens("/bin/new", O_WRONLY | O_CREAT);
  opens("/tmp/new", O_WRONLY | O_CREAT);
  opens("/hidden/file", O_RDONLY);
  opens("/dev/null", O_RDWR);
  opens("/dev/kmsg", O_RDONLY);
  opens("/proc/kcore", O_RDONLY);
  opens("/proc/sys/kernel/hostname", O_WRONLY);
  for (int fd = 3; fd < 64; fd++)
    if (fcntl(fd, F_GETFD) >= 0)
      printf("descriptor %d\n", fd);
  printf("mount %s\n", mount("none", "/tmp", "tmpfs", 0, 0) ? strerror(errno) : "ok");
  printf("unshare %s\n", syscall(SYS_unshare, 0x10000000) ? strerror(errno) : "ok");
  printf("bpf %s\n", syscall(SYS_bpf, 0, 0, 0) < 0 ? strerror(errno) : "ok");
  for (char **variable = environ; *variable; variable++)
    printf("environment %s\n", *variable);
  puts("done");
  return fflush(stdout) != 0;
}
