/* trace.c: instructions, and cache lines of shared memory written, by the trace of valgrind's Lackey. A line of the
 * trace is "I  address,size" for an instruction, " L address,size" for a load, " S" for a store, " M" for both at
 * once; the address is hexadecimal. https://valgrind.org/docs/manual/lk-manual.html
 */
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_MAX 4096 /* of one operation */

typedef struct tally {
    int step; /* that runs; NO_STEP: none */
    int count;
    uint64_t lines[LINES_MAX]; /* written by it */
    int times[STEPS_MAX];      /* that each step was executed */
    samples instructions, written;
} tally;

static void add_line(tally *it, uint64_t line)
{
    for (int i = 0; i < it->count; i++) {
        if (it->lines[i] == line) {
            return;
        }
    }
    if (it->count < LINES_MAX) {
        it->lines[it->count++] = line;
    }
}

/* Where that number belongs of what runs now; NULL: it is not counted. */
static int32_t *sample_of(tally *it, samples *in)
{
    int counted = it->step != NO_STEP && it->step != UNCOUNTED && it->times[it->step] <= SAMPLES;
    return counted ? &in->of[it->step][it->times[it->step] - 1] : NULL;
}

static void begin(tally *it, int step)
{
    it->step = step;
    it->times[step]++;
    it->count = 0;
}

static void add_store(tally *it, const volatile marks *page, uint64_t address, unsigned size)
{
    if (address - MARKS_ADDRESS < STEPS_MAX) {
        begin(it, (int)(address - MARKS_ADDRESS));
        return;
    }
    int32_t *written = sample_of(it, &it->written);
    if (written && address >= page->low && address < page->high) {
        for (uint64_t line = address / 64; line <= (address + size - 1) / 64; line++) {
            add_line(it, line);
        }
        *written = it->count;
    }
}

static void read_trace(tally *it, const volatile marks *page, FILE *trace)
{
    char line[256];
    while (fgets(line, sizeof line, trace)) {
        char *end = NULL;
        if (line[0] == 'I' && line[1] == ' ') {
            int32_t *instructions = sample_of(it, &it->instructions);
            if (instructions) {
                ++*instructions;
            }
        } else if (line[0] == ' ' && (line[1] == 'S' || line[1] == 'M') && line[2] == ' ') {
            uint64_t address = strtoull(line + 3, &end, 16);
            add_store(it, page, address, *end == ',' ? (unsigned)strtoul(end + 1, NULL, 10) : 1);
        }
    }
}

int guard_trace(const char *program, figures *out)
{
    static const char *const prefix[] = {"valgrind",
                                         "--tool=lackey",
                                         "--trace-mem=yes",
                                         "--basic-counts=no",
                                         "--log-fd=9",
                                         "--child-silent-after-fork=yes",
                                         NULL};
    static tally sums;
    int ends[2], fd, status = 0;
    volatile marks *it = guard_open_marks(&fd);
    if (pipe(ends)) {
        perror("guard: pipe");
        return -1;
    }
    pid_t pid = guard_start(program, prefix, fd, ends[1], 0);
    close(ends[1]);
    FILE *trace = fdopen(ends[0], "r");
    read_trace(&sums, it, trace);
    fclose(trace);
    waitpid(pid, &status, 0);
    for (int i = 1; i < it->count && i < out->count; i++) {
        out->each[i].instructions = guard_summary(&sums.instructions, it, i);
        out->each[i].lines = guard_summary(&sums.written, it, i);
    }
    int same = it->count == out->count;
    guard_close_marks(it, fd);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !same) {
        fprintf(stderr, "guard: valgrind %s run: status %#x\n", program, (unsigned)status);
        return -1;
    }
    return 0;
}
