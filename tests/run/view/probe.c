/* Tries every right on every path given as DEVICE:INODE:PATH, and counts only what reaches that very object.
 * Prints for each path a line of the rights that work. Called by a script's first line it ends with 7. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct object {
    unsigned long long device, inode;
};

static int is(const struct object *object, const struct stat *found) {
    return found->st_dev == object->device && found->st_ino == object->inode;
}

static int opens(const struct object *object, const char *path, int flags) {
    struct stat found;
    int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
    int right = fd >= 0 && fstat(fd, &found) == 0 && is(object, &found);
    if (right && !S_ISDIR(found.st_mode) && flags == O_RDONLY) {
        char byte;
        right = read(fd, &byte, 1) == 1;
    }
    if (fd >= 0) close(fd);
    return right;
}

/* Every directory of the test holds `file`. */
static int lists(const struct object *object, const char *path) {
    if (!opens(object, path, O_RDONLY)) return 0;
    DIR *directory = opendir(path);
    int found = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        found |= strcmp(entry->d_name, "file") == 0;
    if (directory) closedir(directory);
    return found;
}

/* Whatever directory it is: what is hidden must not take files either. */
static int creates(const char *path) {
    char made[4096];
    snprintf(made, sizeof made, "%s/made", path);
    int fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return 0;
    close(fd);
    return unlink(made) == 0;
}

static int executes(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = {(char *)path, NULL}, *environment[] = {NULL};
        execve(path, arguments, environment);
        _exit(1);
    }
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

int main(int count, char **arguments) {
    if (count < 2 || strcmp(arguments[1], "try") != 0) return 7;
    for (int index = 2; index < count; index++) {
        struct object object;
        int start = 0;
        if (sscanf(arguments[index], "%llu:%llu:%n", &object.device, &object.inode, &start) != 2) return 1;
        const char *path = arguments[index] + start;
        int directory = arguments[index][strlen(arguments[index]) - 1] == '/';
        struct stat found;
        printf("%s", path);
        if (lstat(path, &found) == 0 && is(&object, &found)) printf(" see");
        if (directory ? lists(&object, path) : opens(&object, path, O_RDONLY)) printf(" read");
        if (directory ? creates(path) : opens(&object, path, O_WRONLY)) printf(" write");
        if (!directory && executes(path)) printf(" execute");
        printf("\n");
    }
    return 0;
}
