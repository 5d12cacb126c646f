/* demo.c: `kin demo`: programs of a few lines each, under each start method, and what comes out of them. */
#include "demo.h"
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

void say(char *text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(text, TEXT_MAX, format, values);
    va_end(values);
}

void append(char *text, const char *word)
{
    size_t length = strlen(text);
    snprintf(text + length, TEXT_MAX - length, "%s%s", length > 0 ? " " : "", word);
}

/* ---- starting children ---- */

void *shared(size_t size)
{
    void *memory = NULL;
    tool_check(kin_alloc(&memory, NULL, size), "kin_alloc");
    return memory;
}

kin_args *arguments(void)
{
    kin_args *args = NULL;
    tool_check(kin_args_create(&args, NULL), "kin_args_create");
    return args;
}

void add(kin_args *args, const char *name, kin_type type, const void *object)
{
    tool_check(kin_args_add_object(args, name, type, object), name);
}

kin_process *start(kin_start_method method, const char *entry, const kin_args *args)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.method = method;
    kin_process *process = NULL;
    tool_check(kin_process_start(&process, entry, args, &options), entry);
    return process;
}

/* ---- all of them ---- */

typedef struct program {
    const char *name;
    int times;
    int judged; /* 0: shows what goes wrong without a lock */
    void (*run)(kin_start_method method, outcome *out);
} program;

static const program programs[] = {
    {"counter, without a lock", 10, 0, demo_count_unlocked},
    {"counter, with a lock", 10, 1, demo_count_locked},
    {"bank account", 10, 1, demo_bank},
    {"squares and their sum", 1, 1, demo_squares},
    {"lock passed to a child", 1, 1, demo_pass},
    {"counter object", 1, 1, demo_clicks},
    {"rounds, ended by event", 10, 1, demo_rounds},
    {"pipe, acknowledged", 10, 1, demo_stream},
    {"joinable queue", 10, 1, demo_tasks},
    {"ten jobs report", 1, 1, demo_jobs},
    {"pool, squares", 1, 1, demo_pool_map},
    {"pool, lock as argument", 1, 1, demo_pool_arguments},
    {"pool, lock by the pool", 1, 1, demo_pool_shared},
    {"processes, lock, queue", 1, 1, demo_processes},
    {"pool, manager's lock", 1, 1, demo_manager_pool},
    {"single, manager's lock", 1, 1, demo_manager_processes},
    {"manager's dict and list", 1, 1, demo_manager_fill},
    {"3 of 10 at a time", 1, 1, demo_crowd},
    {"run a program", 1, 1, demo_run},
    {"run, checked, it fails", 1, 1, demo_run_checked},
    {"run, output collected", 1, 1, demo_run_output},
    {"run, no such program", 1, 1, demo_run_missing},
};

static const report_column columns[] = {
    {"program", "program", REPORT_TEXT, 24},
    {"method", "method", REPORT_TEXT, 10},
    {"times", "times", REPORT_NUMBER, 5},
    {"right", "right", REPORT_NUMBER, 5},
    {"verdict", "verdict", REPORT_TEXT, 10},
    {"expected", "expected", REPORT_TEXT, 18},
    {"got", "got (each different result)", REPORT_TEXT, 18},
};

static const char *const method_names[] = {
    [KIN_START_FORK] = "fork",
    [KIN_START_SPAWN] = "spawn",
    [KIN_START_FORKSERVER] = "forkserver",
};
#define METHODS ((kin_start_method)(sizeof method_names / sizeof method_names[0]))

/* Runs one program as often as it wants: whether each run gave what was expected. */
static int run_program(const program *it, kin_start_method method, report *out)
{
    char results[TEXT_MAX] = "";
    char last[TEXT_MAX] = "";
    outcome one = {"", "", 0};
    int right = 0;
    for (int i = 0; i < it->times; i++) {
        one = (outcome){"", "", 0};
        it->run(method, &one);
        if (one.failed > 0) {
            append(one.got, "(a child failed)");
        }
        right += strcmp(one.got, one.expected) == 0;
        if (strcmp(one.got, last) != 0) {
            append(results, one.got);
        }
        memcpy(last, one.got, sizeof last);
    }
    int good = !it->judged || right == it->times;
    const report_cell cells[] = {
        {it->name, 0},
        {method_names[method], 0},
        {NULL, it->times},
        {NULL, right},
        {!it->judged ? "not judged"
         : good      ? "right"
                     : "WRONG",
         0},
        {one.expected, 0},
        {results, 0},
    };
    report_row(out, cells);
    return good;
}

int demo_nothing(const kin_args *args)
{
    (void)args;
    return 0;
}

static int has_method(kin_start_method method)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.method = method;
    kin_process *process = NULL;
    kin_status status = kin_process_start(&process, "demo_nothing", NULL, &options);
    return status != KIN_E_UNSUPPORTED && tool_check(status, "kin_process_start") == KIN_OK && !tool_finish(process);
}

static int run_programs(kin_start_method only, report *out)
{
    int good = 1;
    for (kin_start_method method = KIN_START_FORK; method < METHODS; method++) {
        if ((only != KIN_START_DEFAULT && only != method) || !has_method(method)) {
            continue;
        }
        for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
            good &= run_program(&programs[i], method, out);
        }
    }
    return good && out->shown > 0;
}

static int demo_run_all(command_line *line)
{
    bool json = false;
    kin_start_method method = KIN_START_DEFAULT;
    for (char option; (option = command_next(line)) != 0;) {
        if (option == 'j') {
            json = true;
        } else {
            method = (kin_start_method)(KIN_START_FORK + command_choice(line));
        }
    }
    report out;
    report_open(&out, "demo", columns, sizeof columns / sizeof columns[0], json);
    int good = run_programs(method, &out);
    report_close(&out, good);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static const command_option options[] = {
    {"json", TOOL_NONE, 'j', NULL, NULL, "print one JSON document instead of a table"},
    {"method", TOOL_REQUIRED, 'm', "METHOD", "fork spawn forkserver", "only this start method"},
    COMMAND_OPTIONS_END,
};

const command demo_command = {
    .name = "demo",
    .arguments = "",
    .summary = "run small programs under each start method and check what comes out",
    .details =
        "Runs small programs that use the library, under each start method that the system has, and checks what\n"
        "comes out.",
    .examples = "kin demo\nkin demo --json --method spawn\n",
    .statuses = "something came out wrong",
    .options = options,
    .run = demo_run_all,
};
