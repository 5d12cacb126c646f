/* measure.c: figures, measured in turns, and the rows they are shown in. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- rows ---- */

static const report_column columns[] = {
    {"name", "what", REPORT_TEXT, 38},  {"unit", "unit", REPORT_TEXT, 12},    {"kin", "kin", REPORT_NUMBER, 8},
    {"peer", "peer", REPORT_NUMBER, 8}, {"ratio", "ratio", REPORT_NUMBER, 7}, {"bound", "target", REPORT_TEXT, 8},
    {"target", "", REPORT_NUMBER, 5},   {"holds", "holds", REPORT_TRUTH, 5},  {"beside", "peer is", REPORT_TEXT, 24},
};

void open_rows(bench *b, int json)
{
    report_open(&b->out, "bench", columns, sizeof columns / sizeof columns[0], json);
}

/* NAN? mingw's isnan warns of a double. */
int absent(double number)
{
    return number != number;
}

void row(bench *b, const line *it)
{
    static const char *const bounds[2][2] = {{"ratio <=", "ratio >="}, {"kin <=", "kin >="}};
    int alone = it->absolute || absent(it->peer);
    int wanted = !absent(it->target.bound);
    double ratio = it->kin / it->peer;
    double judged = alone ? it->kin : ratio;
    int holds = it->target.at_least ? judged >= it->target.bound : judged <= it->target.bound;
    const report_cell cells[] = {
        {it->name, 0},
        {it->unit, 0},
        {NULL, it->kin},
        {NULL, it->peer},
        {NULL, ratio},
        {wanted ? bounds[alone][it->target.at_least] : NULL, 0},
        {NULL, it->target.bound},
        {NULL, wanted ? holds : (double)NAN},
        {it->beside, 0},
    };
    report_row(&b->out, cells);
    b->all &= !wanted || holds;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Measures each contender once a round, and gives their medians. */
void measure(const bench *b, meter once, int contenders, double *medians)
{
    double values[CONTENDERS_MAX][ROUNDS_MAX];
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < contenders; i++) {
            values[i][round] = once(b, i);
        }
    }
    for (int i = 0; i < contenders; i++) {
        medians[i] = median(values[i], b->rounds);
    }
}

void must(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "%s: %s failed\n", tool_name, what);
        exit(EXIT_FAILURE);
    }
}

void peer_work(unsigned amount)
{
    for (volatile unsigned i = 0; i < amount; i++) {
    }
}

double repeat(const bench *b, int (*once)(void), int at_once, const char *what)
{
    int failed = 0;
    int64_t done = 0;
    int64_t ns = 0;
    int64_t began = peer_now_ns();
    for (; ns < b->span || done < 3; done += at_once) {
        for (int i = 0; i < at_once; i++) {
            failed |= once();
        }
        ns = peer_now_ns() - began;
    }
    must(failed, what);
    return (double)ns / (double)done;
}
