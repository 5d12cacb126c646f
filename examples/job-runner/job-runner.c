/* job-runner.c: runs commands, some at once, each with a time limit.
 *
 *     job-runner AT_ONCE SECONDS COMMAND...
 *     job-runner AT_ONCE SECONDS < FILE        one command in each line
 *
 * Each line of output comes with the number of its command, and then how the command ended:
 *
 *     2| compiling main.c
 *     2: exited with code 0
 *
 * A command is words between blanks, or in double quotes; no shell takes part. What to look for: kin_wait waits for
 * all outputs and ends in one place. KIN_RUN_TREE: the time limit and Ctrl-C end also what a command has started.
 * KIN_RUN_BOUND: if the runner itself is killed, the system ends its commands (on Linux not what they have started).
 */
#include <kin/kin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64 /* commands at once, words of one */
#define LINE 4096

typedef struct job {
    kin_program *program; /* NULL: a free place */
    unsigned number;
    int output_ended;
} job;

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

static void split(char *command, const char *words[MOST + 1])
{
    size_t count = 0;
    for (char *at = command; count < MOST && *(at += strspn(at, " \t\r\n"));) {
        const char *ends = *at == '"' ? "\"" : " \t\r\n";
        at += *at == '"';
        words[count++] = at;
        at += strcspn(at, ends);
        if (*at) {
            *at++ = '\0';
        }
    }
    words[count] = NULL;
}

/* Returns whether it has started. */
static int start(job *it, unsigned number, const char *command, int64_t limit)
{
    char copy[LINE];
    const char *words[MOST + 1];
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    options.flags = KIN_RUN_TREE | KIN_RUN_BOUND;
    options.input = KIN_RUN_NOTHING;
    options.output = KIN_RUN_PIPE;
    options.errors = KIN_RUN_TOGETHER;
    options.timeout = limit;
    options.output_limit = LINE; /* a longer line comes in parts */
    snprintf(copy, sizeof copy, "%s", command);
    split(copy, words);
    kin_status status = kin_run_start(&it->program, words, &options);
    if (status < 0) {
        printf("%u: not started: %s\n", number, kin_last_error());
        it->program = NULL;
        return 0;
    }
    it->number = number;
    it->output_ended = 0;
    return 1;
}

/* Prints the lines that are there. If only a part of a line is, waits a moment for the rest: kin_wait would say at once
 * that something can be read. */
static void print_lines(job *it)
{
    const char *line;
    size_t length;
    kin_status status;
    while ((status = kin_run_read_line(&line, &length, it->program, 1, KIN_MS(20))) == KIN_OK) {
        printf("%u| %.*s\n", it->number, (int)length, line);
    }
    it->output_ended = status != KIN_E_TIMED_OUT;
}

/* Returns whether it has succeeded. */
static int finish(job *it)
{
    char text[100];
    kin_exit how;
    kin_status status = kin_run_wait(it->program, KIN_FOREVER, &how);
    printf("%u: %s\n", it->number, status < 0 ? kin_status_text(status) : kin_exit_text(&how, text, sizeof text));
    kin_run_close(it->program);
    it->program = NULL;
    return status == KIN_OK && how.how == KIN_END_EXITED && how.code == 0;
}

/* Waits until something is to be done for one of the jobs, and does it. Returns how many have failed. */
static int serve(job *jobs, size_t places, size_t *running)
{
    kin_wait_item items[MOST];
    job *of[MOST];
    size_t count = 0;
    int failed = 0;
    for (size_t i = 0; i < places; i++) {
        if (jobs[i].program) {
            uint32_t type = jobs[i].output_ended ? KIN_WAIT_PROGRAM : KIN_WAIT_OUTPUT;
            items[count] = (kin_wait_item){.type = type, .interest = KIN_WAIT_READABLE, .object = jobs[i].program};
            of[count++] = &jobs[i];
        }
    }
    kin_wait(items, count, 0, KIN_MS(200), NULL); /* not for ever: a signal only sets a variable */
    for (size_t i = 0; i < count; i++) {
        if (items[i].ready && items[i].type == KIN_WAIT_OUTPUT) {
            print_lines(of[i]);
        } else if (items[i].ready) {
            failed += !finish(of[i]);
            --*running;
        }
    }
    fflush(stdout);
    return failed;
}

/* Lines of the standard input; free them with free_commands. */
static char **read_commands(size_t *count)
{
    char line[LINE], **commands = NULL;
    for (*count = 0; fgets(line, sizeof line, stdin);) {
        if (line[strspn(line, " \t\r\n")]) {
            commands = realloc(commands, (*count + 1) * sizeof *commands);
            char *copy = malloc(strlen(line) + 1);
            if (!commands || !copy) {
                exit(fprintf(stderr, "out of memory\n"));
            }
            commands[(*count)++] = strcpy(copy, line);
        }
    }
    return commands;
}

static void free_commands(char **commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(commands[i]);
    }
    free(commands);
}

int main(int argc, char **argv)
{
    static job jobs[MOST];
    size_t places = argc > 2 ? (size_t)strtoul(argv[1], NULL, 10) : 0, count = argc > 3 ? (size_t)argc - 3 : 0;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 0;
    if (places < 1 || places > MOST || seconds <= 0) {
        return fprintf(stderr, "usage: job-runner AT_ONCE SECONDS [COMMAND...]\n"), 2;
    }
    char **commands = argc > 3 ? argv + 3 : read_commands(&count);
    size_t next = 0, running = 0;
    int failed = 0;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    while (running > 0 || (next < count && !asked_to_stop)) {
        for (size_t i = 0; i < places; i++) {
            if (asked_to_stop && jobs[i].program) {
                kin_run_kill(jobs[i].program);
            } else if (!asked_to_stop && !jobs[i].program && next < count) {
                int started = start(&jobs[i], (unsigned)next + 1, commands[next], KIN_SECONDS(seconds));
                running += (size_t)started;
                failed += !started;
                next++;
            }
        }
        if (running > 0) {
            failed += serve(jobs, places, &running);
        }
    }
    if (argc == 3) {
        free_commands(commands, count);
    }
    return failed > 0 || asked_to_stop;
}
