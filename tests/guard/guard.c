/* guard.c: the test, and the program that it measures. See guard.h. */
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the program that is measured ---- */

int guard_step(const char *name)
{
    if (!MARKS->measuring) {
        return UNCOUNTED;
    }
    for (int i = 1; i < MARKS->count; i++) {
        if (strcmp((const char *)MARKS->names[i], name) == 0) {
            MARKS->times[i]++;
            return i;
        }
    }
    if (MARKS->count == UNCOUNTED) {
        fprintf(stderr, "guard: STEPS_MAX is too small\n");
        exit(EXIT_FAILURE);
    }
    MARKS->times[MARKS->count] = 1;
    MARKS->varies[MARKS->count] = MARKS->together;
    snprintf((char *)MARKS->names[MARKS->count], sizeof MARKS->names[0], "%s", name);
    return MARKS->count++;
}

void guard_failed(const char *name, kin_status status)
{
    fprintf(stderr, "guard: %s: %s: %s\n", name, kin_status_name(status), kin_last_error());
    exit(EXIT_FAILURE);
}

/* Notes where the arena is: the largest shared mapping of this process. */
static void find_shared_memory(void)
{
    char line[512];
    uint64_t low = 0, high = 0, size = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx", &low, &high) == 2 && strstr(line, " rw-s ") && high - low > size) {
            size = high - low;
            MARKS->low = low;
            MARKS->high = high;
        }
    }
    if (maps) {
        fclose(maps);
    }
}

static int run(const char *program, int fd)
{
    void *wanted = (void *)MARKS_ADDRESS; /* NOLINT(performance-no-int-to-ptr) */
    if (mmap(wanted, sizeof(marks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) != wanted) {
        perror("guard: mmap");
        return EXIT_FAILURE;
    }
    MARKS->count = 1;
    guard_prepare_steps();
    guard_prepare_sleepers(program);
    guard_prepare_jobs();
    find_shared_memory();
    for (int round = 0; round < WARM_UP + ROUNDS; round++) {
        MARKS->measuring = round >= WARM_UP;
        guard_run_steps();
        if (round % SLEEP_EVERY == 0) {
            MARKS->together = 1;
            guard_run_sleepers();
            guard_run_jobs();
            MARKS->together = 0;
        }
    }
    MARKS->measuring = 0;
    guard_end_jobs();
    guard_end_sleepers();
    return EXIT_SUCCESS;
}

/* ---- starting it ---- */

volatile marks *guard_open_marks(int *fd)
{
    *fd = memfd_create("marks", 0);
    if (*fd < 0 || ftruncate(*fd, sizeof(marks)) != 0) {
        perror("guard: memfd_create");
        exit(EXIT_FAILURE);
    }
    void *it = mmap(NULL, sizeof(marks), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (it == MAP_FAILED) {
        perror("guard: mmap");
        exit(EXIT_FAILURE);
    }
    return it;
}

void guard_close_marks(volatile marks *it, int fd)
{
    munmap((void *)it, sizeof(marks));
    close(fd);
}

/* ---- the test ---- */

static int usage(void)
{
    fprintf(stderr, "usage: guard check FILE   compares with the figures in FILE\n"
                    "       guard calls FILE   the same, the system calls only: without valgrind\n"
                    "       guard write FILE   measures, and writes FILE\n");
    return 2;
}

static int command(const char *program, const char *what, const char *path)
{
    static figures now;
    int with_trace = strcmp(what, "calls") != 0;
    if (guard_count_calls(program, &now) || (with_trace && guard_trace(program, &now))) {
        return EXIT_FAILURE;
    }
    if (strcmp(what, "write") == 0) {
        return guard_write_figures(path, &now) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    return guard_compare(path, &now, with_trace) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const kin_child_entry entries[] = {{"guard_sleeper", guard_sleeper}};
    guard_register_jobs();
    if (kin_child_main(entries, 1) < 0) {
        fprintf(stderr, "guard: %s\n", kin_last_error());
        return EXIT_FAILURE;
    }
    if (argc != 3) {
        return usage();
    }
    if (strcmp(argv[1], "run") == 0) {
        return run(argv[0], atoi(argv[2]));
    }
    if (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "calls") != 0 && strcmp(argv[1], "write") != 0) {
        return usage();
    }
    return command(argv[0], argv[1], argv[2]);
}
