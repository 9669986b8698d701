// steps PROGRAM ARGUMENT...: how many instructions a program executes by itself until it becomes another one, for
// benches/runtime/alone.rs. One by one, so that neither load nor a machine without counters changes the number.
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **word) {
  if (count < 2)
    return 2;
  pid_t child = fork();
  if (!child) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(word[1], word + 1);
    _exit(127);
  }
  int status;
  unsigned long steps = 0, last = 0;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
  for (;;) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
      break;
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
      printf("%lu\n", steps);
      return 0;
    }
    ptrace(PTRACE_GETREGS, child, 0, &registers);
    // A repeated string instruction stops after each round.
    steps += registers.rip != last;
    last = registers.rip;
  }
  fprintf(stderr, "%s did not become another program: status %x\n", word[1], status);
  return 1;
}
