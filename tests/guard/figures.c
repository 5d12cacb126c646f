/* figures.c: the committed figures: a line for each operation, its fields separated by '|'. */
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By how much a figure may exceed the committed one. Instructions differ with the addresses that the system chooses and
 * the seeds of hashes; a line is written or not. */
#define INSTRUCTIONS_MORE(committed) ((committed)*0.03 + 2)
#define CALLS_MORE 0.1
#define LINES_MORE 0.15

static const char compiler_line[] = "# compiler: ";

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

double guard_summary(samples *it, const volatile marks *page, int step)
{
    int times = page->times[step];
    int32_t *values = it->of[step];
    double sum = 0;
    if (times <= 0 || times > SAMPLES) {
        return -1;
    }
    qsort(values, (size_t)times, sizeof *values, ascending);
    for (int i = 0; i < times; i++) {
        sum += values[i];
    }
    int32_t median = values[times / 2];
    return page->varies[step] ? median : sum / times;
}

int guard_write_figures(const char *path, const figures *it)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return -1;
    }
    fprintf(file,
            "# What an operation costs, on average: instructions, system calls, and cache lines of shared memory\n"
            "# that it writes. Measured by tests/guard; \"guard write FILE\" writes this file.\n"
            "%s%s\n",
            compiler_line, __VERSION__);
    fprintf(file, "%-38s | %12s | %5s | %5s\n", "# operation", "instructions", "calls", "lines");
    for (int i = 1; i < it->count; i++) {
        const figure *each = &it->each[i];
        fprintf(file, "%-38s | %12.1f | %5.2f | %5.2f\n", each->name, each->instructions, each->calls, each->lines);
    }
    return fclose(file) == 0 ? 0 : -1;
}

/* Reads one line. 0: it is not one of an operation. */
static int parse(char *line, figure *out)
{
    char *bar = strchr(line, '|');
    if (line[0] == '#' || !bar) {
        return 0;
    }
    *bar = 0;
    for (char *end = bar - 1; end >= line && *end == ' '; end--) {
        *end = 0;
    }
    snprintf(out->name, sizeof out->name, "%.47s", line);
    return sscanf(bar + 1, "%lf |%lf |%lf", &out->instructions, &out->calls, &out->lines) == 3;
}

/* 1: by this compiler; 0: by another one; -1: the file cannot be read. */
static int read_figures(const char *path, figures *out)
{
    char line[256];
    int same_compiler = 0;
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return -1;
    }
    out->count = 1;
    while (out->count < STEPS_MAX && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, compiler_line, sizeof compiler_line - 1) == 0) {
            same_compiler = strcmp(line + sizeof compiler_line - 1, __VERSION__) == 0;
        } else if (parse(line, &out->each[out->count])) {
            out->count++;
        }
    }
    fclose(file);
    return same_compiler;
}

static const figure *find(const figures *in, const char *name)
{
    for (int i = 1; i < in->count; i++) {
        if (strcmp(in->each[i].name, name) == 0) {
            return &in->each[i];
        }
    }
    return NULL;
}

/* 1 if it rose. */
static int judge(const char *name, const char *what, double committed, double now, double more)
{
    if (now > committed + more) {
        printf("%s: %s rose from %.2f to %.2f\n", name, what, committed, now);
        return 1;
    }
    if (now < committed - more) {
        printf("%s: %s fell from %.2f to %.2f: write the figures anew\n", name, what, committed, now);
    }
    return 0;
}

static int judge_all(const figure *was, const figure *now, int instructions, int lines)
{
    int rose = judge(now->name, "system calls", was->calls, now->calls, CALLS_MORE);
    if (instructions) {
        rose |= judge(now->name, "instructions", was->instructions, now->instructions,
                      INSTRUCTIONS_MORE(was->instructions));
    }
    if (lines) {
        rose |= judge(now->name, "cache lines written", was->lines, now->lines, LINES_MORE);
    }
    return rose;
}

int guard_compare(const char *path, const figures *now, int with_trace)
{
    static figures committed;
    int worse = 0, same_compiler = read_figures(path, &committed);
    if (same_compiler < 0) {
        return -1;
    }
    if (with_trace && !same_compiler) {
        printf("the figures are of another compiler than %s: instructions are not compared\n", __VERSION__);
    }
    for (int i = 1; i < now->count; i++) {
        const figure *was = find(&committed, now->each[i].name);
        if (was) {
            worse += judge_all(was, &now->each[i], with_trace && same_compiler, with_trace);
        } else {
            printf("%s: there is no figure for it in %s\n", now->each[i].name, path);
            worse++;
        }
    }
    for (int i = 1; i < committed.count; i++) {
        if (!find(now, committed.each[i].name)) {
            printf("%s: is in %s, but was not measured\n", committed.each[i].name, path);
            worse++;
        }
    }
    printf("%d operations, %d cost more than %s says\n", now->count - 1, worse, path);
    return worse;
}
