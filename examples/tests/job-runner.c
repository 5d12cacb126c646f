/* job-runner.c: the test of ../job-runner.c. Its jobs are this program with other arguments; they meet the test in a
 * family with a name. */
#include "check.h"

typedef struct shared {
    kin_lock held;       /* by a job that hangs: its death shows */
    kin_sem places;      /* two: a third job at once gets none */
    kin_barrier couples; /* of two: one job alone passes none */
} shared;

static int job(const char *what, const char *name)
{
    kin_family *family;
    shared *with;
    kin_event *never;
    if (strcmp(what, "say") == 0) {
        printf("one\ntwo %s\nthree", name);
        return 3;
    }
    CHECK(kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL) == KIN_OK);
    CHECK(kin_name_get((void **)&with, family, "shared", KIN_TYPE_MEMORY) == KIN_OK);
    if (strcmp(what, "couple") == 0) {
        CHECK(kin_sem_acquire(&with->places, 1, KIN_NOW) == KIN_OK);
        CHECK(kin_barrier_wait(&with->couples, NULL, PATIENCE) >= 0);
        CHECK(kin_event_create(&never, family) == KIN_OK);
        CHECK(kin_event_wait(never, KIN_MS(300)) == KIN_E_TIMED_OUT); /* a third one would come meanwhile */
        CHECK(kin_sem_release(&with->places, 1) == KIN_OK);
        return 0;
    }
    CHECK(kin_lock_acquire(&with->held, KIN_NOW) == KIN_OK);
    printf("hanging\n");
    fflush(stdout);
    CHECK(kin_event_create(&never, family) == KIN_OK);
    return kin_event_wait(never, KIN_FOREVER) == KIN_OK;
}

static const char *example, *self, *name;

static const char *command(const char *what, const char *argument)
{
    static char texts[8][2000];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof texts[0], "\"%s\" %s %s", self, what, argument);
    return text;
}

static int ends_with_dead_owner(shared *with)
{
    return kin_lock_acquire(&with->held, PATIENCE) == KIN_OWNER_DIED && kin_lock_repair(&with->held) == KIN_OK &&
           kin_lock_release(&with->held) == KIN_OK;
}

/* The output of the runner, which gets these commands from its input. */
static kin_run_result run(const char *at_once, const char *seconds, const char *commands)
{
    const char *argv[] = {example, at_once, seconds, NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    options.input = KIN_RUN_BYTES;
    options.input_bytes = commands;
    options.input_size = strlen(commands);
    options.timeout = PATIENCE;
    CHECK(kin_run_output(argv, &options, &result) == KIN_OK);
    printf("%s", result.output);
    return result;
}

static void lines_have_numbers_and_ends_are_told(void)
{
    char commands[8000];
    snprintf(commands, sizeof commands, "%s\n\n%s\n/no/such/program\n", command("say", "A"),
             command("say", "\"B  C\""));
    kin_run_result result = run("2", "60", commands);
    CHECK(result.exit.code == 1);
    CHECK(strstr(result.output, "1| one") && strstr(result.output, "1| two A") && strstr(result.output, "1| three"));
    CHECK(strstr(result.output, "2| two B  C") && strstr(result.output, "2: exited with code 3"));
    CHECK(strstr(result.output, "3: not started"));
    kin_run_free(&result);
}

static void so_many_run_at_once(void)
{
    const char *one = command("couple", name);
    char commands[8000];
    snprintf(commands, sizeof commands, "%s\n%s\n%s\n%s\n", one, one, one, one);
    kin_run_result result = run("2", "60", commands);
    CHECK(result.exit.code == 0);
    kin_run_free(&result);
}

static void a_time_limit_ends_a_command(shared *with)
{
    kin_run_result result = run("1", "2", command("hang", name));
    CHECK(result.exit.code == 1 && strstr(result.output, "at its time limit"));
    CHECK(ends_with_dead_owner(with));
    kin_run_free(&result);
}

static void commands_end_with_the_runner(shared *with, kin_status (*end)(kin_program *))
{
    const char *argv[] = {example, "1", "600", command("hang", name), NULL};
    kin_program *runner = start(argv);
    await_line(runner, "1| hanging");
    CHECK(kin_lock_acquire(&with->held, KIN_NOW) == KIN_E_TIMED_OUT); /* it lives */
    CHECK(end(runner) == KIN_OK);
    CHECK(ends_with_dead_owner(with));
    end_of(runner);
}

int main(int argc, char **argv)
{
    kin_family *family;
    shared *with;
    if (argc == 3) {
        return job(argv[1], argv[2]);
    }
    CHECK(argc == 2);
    self = argv[0];
    example = argv[1];
    name = own_name();
    CHECK(kin_family_open(&family, name, KIN_FAMILY_CREATE, NULL) == KIN_OK);
    CHECK(KIN_ALLOC(&with, family, 1) == KIN_OK);
    CHECK(kin_lock_init(&with->held, 0) == KIN_OK);
    CHECK(kin_sem_init(&with->places, 2, 2) == KIN_OK);
    CHECK(kin_barrier_init(&with->couples, 2) == KIN_OK);
    CHECK(kin_name_set("shared", KIN_TYPE_MEMORY, with) == KIN_OK);
    lines_have_numbers_and_ends_are_told();
    so_many_run_at_once();
    a_time_limit_ends_a_command(with);
    commands_end_with_the_runner(with, kin_run_kill);
    commands_end_with_the_runner(with, kin_run_terminate);
    return 0;
}
