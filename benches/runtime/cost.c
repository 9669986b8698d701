// cost COMMAND ; COMMAND ; ...: what commands and everything that they start cost, for benches/runtime.rs.
// Prints a line for each: microseconds of processor time, microseconds from start to end, page faults. `wait` alone is a
// command too: the end of a process whose parent is gone, as the first one of a container is when its runtime has
// returned.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}
static long used(const struct rusage *r) {
  return (r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1000000L + r->ru_utime.tv_usec + r->ru_stime.tv_usec;
}
int main(int count, char **word) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  for (int first = 1; first < count;) {
    int end = first;
    while (end < count && strcmp(word[end], ";"))
      end++;
    word[end] = 0;
    long start = now();
    int waits = end == first + 1 && !strcmp(word[first], "wait"), status;
    pid_t child = -1;
    if (!waits) {
      child = vfork();
      if (!child) {
        execvp(word[first], word + first);
        _exit(127);
      }
    }
    struct rusage r;
    if (wait4(child, &status, 0, &r) < 0) {
      perror("wait4");
      return 1;
    }
    // What a runtime ends by force has its own end.
    if (!waits && status) {
      fprintf(stderr, "%s %s: status %x\n", word[first], first + 1 < end ? word[first + 1] : "", status);
      return 1;
    }
    printf("%ld %ld %ld\n", used(&r), now() - start, r.ru_minflt);
    first = end + 1;
  }
  return 0;
}
