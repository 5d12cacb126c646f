/* step_kill.c: kills a process after every single instruction of every operation, and sees whether the others go on.
 *
 * For each scenario and each k: a victim is stepped through k instructions of the operation and killed there
 * (step_os.h). Where it falls asleep in the kernel it is killed asleep, and the scenario is at its end. Then every
 * process that waited for the victim has to go on, every object has to work, and nothing of the dead may be left:
 * within a second in all. The scenarios are in step/, by subject. Where the victim is a pool's worker it is the tracer
 * that makes the pool: see step/pool.c.
 *
 *     step_kill                    every instruction
 *     step_kill --sample 40        about 40 instructions of each scenario, chosen by --seed
 *     step_kill --only "lock"      scenarios whose name contains that
 *     step_kill --not "lock"       all others
 *     step_kill --calls            before and after every system call instead
 *     step_kill --matrix           the result as rows of a table
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "step/step.h"

static const subject *const subjects[] = {&step_locks,  &step_values,   &step_containers,
                                          &step_queues, &step_families, &step_pools};

const scenario *scenario_at(int which)
{
    size_t left = (size_t)which;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (left < subjects[i]->count) {
            return &subjects[i]->rows[left];
        }
        left -= subjects[i]->count;
    }
    return NULL;
}

/* The first kill is at the operation's end, and so measures it. */
static tally run(int which, int sample)
{
    tally out = {0};
    kill_at(which, 1 << 20, &out);
    int length = out.steps;
    if (sample > 0 && length > sample) {
        for (int i = 0; i < sample && !out.wrong; i++) { /* one of each part; the parts are all steps, to the last */
            kill_at(which, (int)(((int64_t)i * length + rand() % length) / sample), &out);
        }
    } else {
        for (int k = 0; k <= length && !out.wrong; k++) {
            kill_at(which, k, &out);
        }
    }
    out.steps = length;
    return out;
}

int main(int argc, char **argv)
{
    static const tool_option options[] = {{"sample", TOOL_REQUIRED, 's'},
                                          {"seed", TOOL_REQUIRED, 'r'},
                                          {"only", TOOL_REQUIRED, 'o'},
                                          {"not", TOOL_REQUIRED, 'n'},
                                          {"matrix", TOOL_NONE, 'm'},
                                          {"calls", TOOL_NONE, 'c'},
                                          {NULL, TOOL_NONE, 0}};
    static const kin_child_entry entries[] = {{"be_killed", child_be_killed},       {"sleep", child_sleep},
                                              {"hold_and_end", child_hold_and_end}, {"die_in_dict", child_die_in_dict},
                                              {"make_family", child_make_family},   {"end", child_end}};
    kin_register_tasks(pool_functions, pool_function_count);
    kin_family_options small = KIN_FAMILY_OPTIONS_INIT;
    small.reserve = 64 << 20; /* check.c fills it */
    kin_family_configure_default(&small);
    if (kin_child_main(entries, sizeof entries / sizeof entries[0]) != KIN_OK) {
        return 2;
    }
    step_has_children(); /* orphans are this process's from now on */
    int sample = 0, matrix = 0, failed = 0;
    const char *only = "", *but = NULL;
    srand(1);
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, options)) != 0;) {
        switch (option) {
        case 's':
            sample = atoi(arguments.value);
            break;
        case 'r':
            srand((unsigned)atoi(arguments.value));
            break;
        case 'o':
            only = arguments.value;
            break;
        case 'n':
            but = arguments.value;
            break;
        case 'm':
            matrix = 1;
            break;
        case 'c':
            step_by = STEP_CALL;
            if (!step_has_calls()) {
                fprintf(stderr, "system calls cannot be stopped at here\n");
                return 2;
            }
            break;
        default:
            return 2;
        }
    }
    const scenario *what;
    for (int i = 0; (what = scenario_at(i)) != NULL; i++) {
        char name[200];
        snprintf(name, sizeof name, "%s, %s", what->object, what->role);
        if (!strstr(name, only) || (but && strstr(name, but))) {
            continue;
        }
        tally result = run(i, sample);
        printf(matrix ? "| %s | %s | %d | %d | %.0f | %s" : "%s, %s: %d steps, %d kills, worst %.0f ms, %s",
               what->object, what->role, result.steps, result.kills, (double)result.worst / 1e6,
               result.wrong ? result.wrong : "all went on");
        if (result.wrong) {
            printf(" (after step %d)", result.wrong_at);
        }
        printf(matrix ? " |\n" : "\n");
        fflush(stdout);
        failed |= result.wrong != NULL;
    }
    return failed;
}
