/* bench.c: kin-bench: kin beside what the system offers, in one run.
 *
 * The contenders are measured in turns, round by round, so that other work of the machine affects all of them. The
 * medians are shown with their quartiles, and with the number of processors that were busy, which shows what spinning
 * costs. Processes that measure together are kin's children. They start at one gate, each pinned to a CPU.
 */
#include "bench.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tool_name = "kin-bench";

typedef struct subject {
    const char *name;
    const char *summary;
    void (*run)(bench *b);
} subject;

static const subject subjects[] = {
    {"limits", "what the machine allows at this moment", bench_limits},
    {"lock", "acquire and release, nobody else", bench_lock},
    {"contended", "the same with 2, 4, 8 processes", bench_contended},
    {"semaphore", "hand-over between two processes, and waiting", bench_semaphore},
    {"waiting", "hand-over by events and by conditions", bench_waiting},
    {"rwlock", "readers-writer locks, nobody else", bench_rwlock},
    {"readers", "two that read at once", bench_readers},
    {"many", "a barrier and a condition of many", bench_many},
    {"asleep", "hundreds of processes that wait for nothing", bench_asleep},
    {"beside", "hand-over beside a thousand other sleepers", bench_beside},
    {"queue", "messages through queues", bench_queue},
    {"latency", "round trips through queues, by how rare they are", bench_latency},
    {"crowded", "a queue with many producers and consumers", bench_crowded},
    {"pipe", "messages through pipes", bench_pipe},
    {"pool", "work for pools", bench_pool},
    {"dict", "dicts, and what a manager keeps", bench_dict},
    {"tables", "dicts beside other tables, of 10^3 to 10^7 entries", bench_tables},
    {"sharing", "dicts that processes read and write at once", bench_sharing},
    {"growth", "dicts, lists and the heap, of 10^3 to 10^7 things", bench_growth},
    {"run", "run a program to its end", bench_run},
    {"create", "create and destroy locks, and what a million of them takes", bench_create},
    {"start", "start and join processes", bench_start},
};

#define SUBJECT_COUNT (sizeof subjects / sizeof subjects[0])

static int usage(FILE *stream, int status)
{
    fprintf(stream, "usage: kin-bench [--json] [--quick] [--only NAME]\n\n"
                    "  --json       one JSON document instead of a table\n"
                    "  --quick      short measurements: to see that it runs\n"
                    "  --only NAME  one of:\n");
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        fprintf(stream, "                 %-10s %s\n", subjects[i].name, subjects[i].summary);
    }
    fprintf(stream,
            "\nWhether a target is met is in its row; the exit status tells only whether it could be measured.\n");
    return status;
}

static int known_subject(const char *name)
{
    int found = 0;
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        found |= strcmp(subjects[i].name, name) == 0;
    }
    return found;
}

static void run_subjects(int json, int quick, const char *only)
{
    bench b = {.quick = quick, .rounds = quick ? 1 : 5, .span = quick ? KIN_MS(20) : KIN_MS(200), .all = 1};
    must(peer_pin(PEER_ANY_CPU), "pinning");
    if (peer_missing[0] != 0) {
        fprintf(stderr, "%s: built without %s\n", tool_name, peer_missing);
    }
    open_rows(&b, json);
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        if (only == NULL || strcmp(subjects[i].name, only) == 0) {
            b.subject = subjects[i].name;
            show_distance(&b);
            subjects[i].run(&b);
        }
    }
    report_close(&b.out, b.all);
}

static int command(int argc, char **argv)
{
    static const tool_option known[] = {
        {"json", TOOL_NONE, 'j'}, {"quick", TOOL_NONE, 'q'}, {"only", TOOL_REQUIRED, 'o'},
        {"help", TOOL_NONE, 'h'}, {NULL, TOOL_NONE, 0},
    };
    int json = 0;
    int quick = 0;
    const char *only = NULL;
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, known)) != 0;) {
        if (option == 'j') {
            json = 1;
        } else if (option == 'q') {
            quick = 1;
        } else if (option == 'o' && known_subject(arguments.value)) {
            only = arguments.value;
        } else {
            return option == 'h' ? usage(stdout, EXIT_SUCCESS) : usage(stderr, EXIT_USAGE);
        }
    }
    if (arguments.next != argc) {
        return usage(stderr, EXIT_USAGE);
    }
    run_subjects(json, quick, only);
    return EXIT_SUCCESS;
}

#define BENCH_ENTRY(name) {#name, name},
static const kin_child_entry entries[] = {BENCH_ENTRIES(BENCH_ENTRY)};

static const kin_task_entry functions[] = {{"bench_square", bench_square}};

int main(int argc, char **argv)
{
    tool_check(kin_register_tasks(functions, sizeof functions / sizeof functions[0]), "kin_register_tasks");
    tool_check(kin_child_main(entries, sizeof entries / sizeof entries[0]), "kin_child_main");
    /* A program that does nothing: start.c measures how long its start takes. */
    if (argc == 2 && strcmp(argv[1], "noop") == 0) {
        return EXIT_SUCCESS;
    }
    tool_path = argv[0];
    return command(argc, argv);
}
