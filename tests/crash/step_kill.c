/* step_kill.c: kills a process in the middle of every operation, and sees whether the others go on.
 *
 * For each scenario and each k: a victim is stepped through k steps of the operation and killed there (step_os.h).
 * Where it falls asleep in the kernel it is killed asleep, and the scenario is at its end. Then every process that
 * waited for the victim has to go on, every object has to work, and nothing of the dead may be left: within a second
 * in all. The scenarios are in step/, by subject. Where the victim is a pool's worker it is the tracer that makes the
 * pool: see step/pool.c.
 *
 *     step_kill                    after every instruction
 *     step_kill --visible          after every step that others can see, which comes to the same; of long loops, as
 *                                  copies, after some
 *     step_kill --visible --all    of long loops after all, too
 *     step_kill --compare          both of the first ones, of scenarios that take the same instructions each time: the
 *                                  same has to be found afterwards
 *     step_kill --twice            after every visible step; and the process that recovers is killed, too, after every
 *                                  visible step of that
 *     step_kill --stop 1000        at every visible step it is stopped for so many milliseconds, and goes on
 *     step_kill --sample 40        about 40 steps of each scenario, chosen by --seed
 *     step_kill --only "lock"      scenarios whose name contains that
 *     step_kill --not "lock"       all others
 *     step_kill --matrix           the result as rows of a table
 *     step_kill --functions        the public functions that the scenarios step through
 *
 * On Windows all but --compare and --stop: the victim steps itself there, and does not stand still.
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "step/step.h"

static const subject *const subjects[] = {&step_locks,    &step_values,  &step_containers, &step_queues,
                                          &step_families, &step_objects, &step_pools};

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

/* One line for each, with the scenario's name: tests/crash/functions.sh compares them with the list of all. */
static int print_functions(void)
{
    const scenario *what;
    for (int i = 0; (what = scenario_at(i)) != NULL; i++) {
        char names[400];
        snprintf(names, sizeof names, "%s", what->steps ? what->steps : "");
        for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
            printf("%s %s, %s\n", name, what->object, what->role);
        }
    }
    return 0;
}

/* ---- kills ---- */

typedef struct settings {
    int sample; /* 0: all */
    bool all;   /* of long loops, too */
    bool matrix, twice;
    int stop; /* milliseconds, instead of killing */
} settings;

#define WHOLE (1 << 20) /* more steps than any operation takes */
#define TRIES 3         /* for a kill that came after the operation's end, or after it fell asleep */

/* What a kill at the operation's end says of its steps: those within long loops. */
static unsigned char within_loop[1 << 16];

/* Returns how many steps there were. */
static int measure(int which, tally *out)
{
    int length = kill_at(which, WHOLE, out);
    for (int i = 0; i < length && i < (int)sizeof within_loop; i++) {
        within_loop[i] = step_within_loop(i);
    }
    return length;
}

static bool is_left_out(int k, int known)
{
    return k > 0 && k <= known && k <= (int)sizeof within_loop && within_loop[k - 1];
}

/* A kill after each step, until there is no further one; but for those within long loops, if not `all`. What others do
 * meanwhile, and what the heap was left like, may add steps or take some away. So the number is what was reached, and
 * an operation that takes longer than it did is measured anew. */
static tally kill_at_all(int which, bool all)
{
    tally out = {0};
    measure(which, &out); /* the first time the heap may have to make room */
    out.steps = 0;
    int known = measure(which, &out), measured = 0, left_out = 0;
    for (int k = 0, missed = 0; missed < TRIES && !out.wrong;) {
        if (k > known && measured++ < TRIES) {
            int now = measure(which, &out);
            known = now > known ? now : known;
        }
        if (!all && is_left_out(k, known)) {
            left_out++;
            k++;
            continue;
        }
        bool reached = kill_at(which, k, &out) >= k;
        missed = reached ? 0 : missed + 1;
        out.tried += reached && k > 0;
        k += reached;
    }
    out.steps = left_out > 0 ? out.steps : out.tried;
    return out;
}

/* The first kill is at the operation's end, and so measures it. sample 0: after each step. */
static tally kill_at_some(int which, int sample)
{
    tally out = {0};
    kill_at(which, WHOLE, &out);
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

static bool run_row(int which, const settings *how)
{
    bool whole = step_by == STEP_VISIBLE && how->sample == 0;
    tally out = whole ? kill_at_all(which, how->all) : kill_at_some(which, how->sample);
    const scenario *what = scenario_at(which);
    const char *steps = step_by == STEP_VISIBLE ? "visible steps" : "steps";
    if (how->matrix && whole) {
        printf("| %s | %s | %d of %d | %d | %.0f | ", what->object, what->role, out.tried, out.steps, out.kills,
               (double)out.worst / 1e6);
    } else if (how->matrix) {
        printf("| %s | %s | %d | %d | %.0f | ", what->object, what->role, out.steps, out.kills,
               (double)out.worst / 1e6);
    } else if (whole) {
        printf("%s, %s: %d of %d %s%s, worst %.0f ms, ", what->object, what->role, out.tried, out.steps, steps,
               out.tried < out.steps ? " (the others within long loops)" : "", (double)out.worst / 1e6);
    } else {
        printf("%s, %s: %d %s, %d kills, worst %.0f ms, ", what->object, what->role, out.steps, steps, out.kills,
               (double)out.worst / 1e6);
    }
    printf("%s", out.wrong ? out.wrong : "all went on");
    if (out.wrong) {
        printf(" (after step %d)", out.wrong_at);
    }
    printf(how->matrix ? " |\n" : "\n");
    fflush(stdout);
    return out.wrong == NULL;
}

/* Which of `length` steps is the i-th of a sample; all, if there are no more than that. */
static int sampled(int i, int length, int sample)
{
    return sample > 0 && length > sample ? (int)(((int64_t)i * length + rand() % length) / sample) : i;
}

static int sample_size(int length, int sample)
{
    return sample > 0 && length > sample ? sample : length + 1;
}

/* Both victims' steps, all or a sample of each. */
static tally kill_pairs(int which, int sample)
{
    tally out = {0};
    int recovery = 0, known = measure(which, &out);
    kill_twice(which, WHOLE, WHOLE, &out, &recovery);
    int length = out.steps;
    for (int i = 0; i < sample_size(length, sample) && !out.wrong; i++) {
        int k = sampled(i, length, sample), whole = 0;
        if (sample == 0 && is_left_out(k, known)) {
            continue;
        }
        kill_twice(which, k, WHOLE, &out, &whole);
        for (int j = 0; j < sample_size(whole, sample) && !out.wrong; j++) {
            kill_twice(which, k, sampled(j, whole, sample), &out, &recovery);
        }
    }
    out.steps = length;
    return out;
}

static tally stop_at_each(int which, int sample, int milliseconds)
{
    tally out = {0};
    int known = measure(which, &out), length = known;
    for (int i = 0; i < sample_size(length, sample) && !out.wrong; i++) {
        int k = sampled(i, length, sample);
        if (sample > 0 || !is_left_out(k, known)) {
            stop_at(which, k, KIN_MS(milliseconds), &out);
        }
    }
    out.steps = length;
    return out;
}

static bool run_other_row(int which, const settings *how)
{
    const scenario *what = scenario_at(which);
    if (what->course) {
        return true; /* the process that recovers from a worker's death is the pool's maker: the tracer */
    }
    tally out = how->twice ? kill_pairs(which, how->sample) : stop_at_each(which, how->sample, how->stop);
    printf(how->matrix ? "| %s | %s | %d | %d | %.0f | %s" : "%s, %s: %d visible steps, %d times, worst %.0f ms, %s",
           what->object, what->role, out.steps, out.kills, (double)out.worst / 1e6,
           out.wrong ? out.wrong : "all went on");
    if (out.wrong) {
        printf(" (after step %d)", out.wrong_at);
    }
    printf(how->matrix ? " |\n" : "\n");
    fflush(stdout);
    return out.wrong == NULL;
}

/* ---- that visible steps are enough ---- */

#define INSTRUCTIONS_MOST 4096

/* Kills after every instruction, and after every visible step: what is found afterwards is the same from one visible
 * step to the next. And a comparison of all shared memory after each instruction finds as many changes. */
static bool compare_row(int which)
{
    static int64_t changes[INSTRUCTIONS_MOST];
    static uint64_t found[INSTRUCTIONS_MOST + 1]; /* after none, and after each change */
    tally visible = {0}, every = {0};
    int64_t length = 0;
    step_by = STEP_VISIBLE;
    kill_at(which, WHOLE, &visible); /* what is there afterwards is as it will be each time */
    int count = (int)find_changes(which, changes, INSTRUCTIONS_MOST, &length);
    for (int k = 0; k <= count && !visible.wrong; k++) {
        kill_at(which, k, &visible);
        found[k] = visible.found;
    }
    kill_at(which, WHOLE, &visible);
    step_by = STEP_INSTRUCTION;
    int others = 0;
    for (int k = 0, step = 0; k <= length && !every.wrong; k++) {
        while (step < count && changes[step] <= k) {
            step++;
        }
        kill_at(which, k, &every);
        others += every.found != found[step];
    }
    const char *wrong = visible.wrong ? visible.wrong : every.wrong;
    bool same = !wrong && others == 0 && visible.steps == count;
    printf("%s, %s: %d instructions, %d changes, %d visible steps, %d kills, %s\n", scenario_at(which)->object,
           scenario_at(which)->role, (int)length, count, visible.steps, every.kills + visible.kills,
           wrong  ? wrong
           : same ? "the same found after each"
                  : "not the same found");
    if (others > 0) {
        printf("after %d of the instructions\n", others);
    }
    return same;
}

/* ---- the program ---- */

static void read_options(int argc, char **argv, settings *how, const char **only, const char **but, char *task)
{
    static const tool_option options[] = {
        {"sample", TOOL_REQUIRED, 's'}, {"seed", TOOL_REQUIRED, 'r'},  {"only", TOOL_REQUIRED, 'o'},
        {"not", TOOL_REQUIRED, 'n'},    {"matrix", TOOL_NONE, 'm'},    {"visible", TOOL_NONE, 'v'},
        {"all", TOOL_NONE, 'a'},        {"compare", TOOL_NONE, 'e'},   {"twice", TOOL_NONE, 't'},
        {"stop", TOOL_REQUIRED, 'p'},   {"functions", TOOL_NONE, 'f'}, {NULL, TOOL_NONE, 0}};
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, options)) != 0;) {
        switch (option) {
        case 's':
            how->sample = atoi(arguments.value);
            break;
        case 'r':
            srand((unsigned)atoi(arguments.value));
            break;
        case 'o':
            *only = arguments.value;
            break;
        case 'n':
            *but = arguments.value;
            break;
        case 'm':
            how->matrix = true;
            break;
        case 'v':
            step_by = STEP_VISIBLE;
            break;
        case 'a':
            how->all = true;
            break;
        case 't':
            how->twice = true;
            step_by = STEP_VISIBLE;
            break;
        case 'p':
            how->stop = atoi(arguments.value);
            step_by = STEP_VISIBLE;
            break;
        case 'e':
        case 'f':
            *task = option;
            break;
        default:
            exit(2);
        }
    }
    bool halts = *task == 'e' || how->stop > 0;
    if (!step_has(*task == 'e' ? STEP_VISIBLE : step_by) || (halts && !step_halts())) {
        fprintf(stderr, "this cannot be stopped at here\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static const kin_child_entry entries[] = {{"be_killed", child_be_killed},
                                              {"recover", child_recover},
                                              {"sleep", child_sleep},
                                              {"hold_and_end", child_hold_and_end},
                                              {"die_in_dict", child_die_in_dict},
                                              {"make_family", child_make_family},
                                              {"end", child_end}};
    kin_register_tasks(pool_functions, pool_function_count);
    kin_family_options small = KIN_FAMILY_OPTIONS_INIT;
    small.reserve = 64 << 20; /* check.c fills it */
    kin_family_configure_default(&small);
    if (kin_child_main(entries, sizeof entries / sizeof entries[0]) != KIN_OK) {
        return 2;
    }
    step_has_children(); /* orphans are this process's from now on */
    settings how = {0};
    bool right = true;
    char task = 0;
    const char *only = "", *but = NULL;
    srand(1);
    read_options(argc, argv, &how, &only, &but, &task);
    if (task == 'f') {
        return print_functions();
    }
    const scenario *what;
    for (int i = 0; (what = scenario_at(i)) != NULL; i++) {
        char name[200];
        snprintf(name, sizeof name, "%s, %s", what->object, what->role);
        if (strstr(name, only) && !(but && strstr(name, but)) && (what->even || task != 'e')) {
            right = (task == 'e'                 ? compare_row(i)
                     : how.twice || how.stop > 0 ? run_other_row(i, &how)
                                                 : run_row(i, &how)) &&
                    right;
        }
    }
    return right ? 0 : 1;
}
