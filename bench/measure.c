/* measure.c: figures, measured in turns, and the rows they are shown in. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- rows ---- */

/* For people: kin's figure and the peer's, by the side of each other, with kin's quartiles. */
static const report_column columns[] = {
    {"name", "what", REPORT_TEXT, 38},      {"unit", "unit", REPORT_TEXT, 12},
    {"kin", "kin", REPORT_NUMBER, 8},       {"kin_low", "from", REPORT_NUMBER, 8},
    {"kin_high", "to", REPORT_NUMBER, 8},   {"kin_busy", "CPUs", REPORT_NUMBER, 5},
    {"peer", "peer", REPORT_NUMBER, 8},     {"peer_low", "from", REPORT_NUMBER, 8},
    {"peer_high", "to", REPORT_NUMBER, 8},  {"peer_busy", "CPUs", REPORT_NUMBER, 5},
    {"ratio", "ratio", REPORT_NUMBER, 7},   {"bound", "target", REPORT_TEXT, 8},
    {"target", "", REPORT_NUMBER, 5},       {"holds", "holds", REPORT_TRUTH, 5},
    {"beside", "peer is", REPORT_TEXT, 24}, {"subject", "subject", REPORT_TEXT, 10},
    {"x", "x", REPORT_NUMBER, 8},
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

figure just(double value)
{
    return (figure){value, NAN, NAN, NAN};
}

void row(bench *b, const line *it)
{
    static const char *const bounds[2][2] = {{"ratio <=", "ratio >="}, {"kin <=", "kin >="}};
    int alone = it->absolute || absent(it->peer.median);
    int wanted = !absent(it->target.bound);
    double ratio = it->kin.median / it->peer.median;
    double judged = alone ? it->kin.median : ratio;
    int holds = it->target.at_least ? judged >= it->target.bound : judged <= it->target.bound;
    const report_cell cells[] = {
        {it->name, 0},
        {it->unit, 0},
        {NULL, it->kin.median},
        {NULL, it->kin.low},
        {NULL, it->kin.high},
        {NULL, it->kin.busy},
        {NULL, it->peer.median},
        {NULL, it->peer.low},
        {NULL, it->peer.high},
        {NULL, it->peer.busy},
        {NULL, ratio},
        {wanted ? bounds[alone][it->target.at_least] : NULL, 0},
        {NULL, it->target.bound},
        {NULL, wanted ? holds : (double)NAN},
        {it->beside, 0},
        {b->subject, 0},
        {NULL, it->x > 0 ? it->x : (double)NAN},
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

/* The one at that part of the sorted values, between two of them in proportion. */
static double quantile(const double *sorted, int count, double part)
{
    double place = part * (count - 1);
    int below = (int)place;
    int above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return quantile(values, count, 0.5);
}

static figure summary(double *values, int rounds, double busy)
{
    if (absent(values[0])) {
        return just(NAN);
    }
    double middle = median(values, rounds);
    return (figure){middle, quantile(values, rounds, 0.25), quantile(values, rounds, 0.75), busy};
}

void measure(const bench *b, meter once, int contenders, figure *out)
{
    double values[CONTENDERS_MAX][ROUNDS_MAX];
    int64_t cpu[CONTENDERS_MAX] = {0}, ns[CONTENDERS_MAX] = {0};
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < contenders; i++) {
            int64_t cpu_began = peer_all_cpu_ns(), began = peer_now_ns();
            values[i][round] = once(b, i);
            ns[i] += peer_now_ns() - began;
            cpu[i] += peer_all_cpu_ns() - cpu_began;
        }
    }
    for (int i = 0; i < contenders; i++) {
        double busy = cpu[i] < 0 || ns[i] <= 0 ? (double)NAN : (double)cpu[i] / (double)ns[i];
        out[i] = summary(values[i], b->rounds, busy);
    }
}

void must(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "%s: %s failed\n", tool_name, what);
        exit(EXIT_FAILURE);
    }
}

void make_key(entry_key out, uint32_t number)
{
    snprintf(out, sizeof(entry_key), "key-%012u", (unsigned)number);
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
