/* supervisor.c: the test of ../supervisor.c. */
#include "check.h"

static char output[20000]; /* of the supervisor, so far */

static size_t count(const char *text)
{
    size_t found = 0;
    for (const char *at = output; (at = strstr(at, text)); at += strlen(text)) {
        found++;
    }
    return found;
}

/* Reads one line more. Returns 0 if there are no more. */
static int more(kin_program *program)
{
    const char *line;
    size_t length, used = strlen(output);
    kin_status status = kin_run_read_line(&line, &length, program, 1, PATIENCE);
    CHECK(status == KIN_OK || status == KIN_E_CLOSED);
    if (status == KIN_OK) {
        printf("    %.*s\n", (int)length, line);
        snprintf(output + used, sizeof output - used, "%.*s\n", (int)length, line);
    }
    return status == KIN_OK;
}

static void await(kin_program *program, const char *text)
{
    while (count(text) == 0) {
        CHECK(more(program));
    }
}

static void failures_are_started_again_and_a_stop_ends_all(const char *example)
{
    const char *name = own_name(), *argv[] = {example, name, NULL}, *stop[] = {example, name, "stop", NULL};
    kin_program *supervisor = start(argv);
    kin_exit how;
    output[0] = '\0';
    await(supervisor, "flaky: works");
    await(supervisor, "given up");
    await(supervisor, "steady: works");
    await(supervisor, "done: returned 0");
    CHECK(kin_run(argv, NULL, &how) == KIN_OK && how.code != 0); /* there is one */
    CHECK(kin_run(stop, NULL, &how) == KIN_OK && how.code == 0);
    while (more(supervisor)) {
    }
    CHECK(end_of(supervisor) == 0);
    CHECK(count("flaky: works") == 1 && count("flaky: ") == 4); /* two crashes, that, and its end */
    CHECK(count("hopeless: ") == 5 && count("given up") == 1);
    CHECK(count("again in 100 ms") == 2 && count("again in 200 ms") == 2); /* of each of these two */
    CHECK(count("again in 400 ms") == 1 && count("again in 800 ms") == 1);
    CHECK(count("done: ") == 1);
    CHECK(count("flaky: returned 0") == 1 && count("steady: returned 0") == 1 && count("steady: ") == 2);
}

static void children_end_with_a_killed_supervisor(const char *example)
{
    const char *name = own_name(), *argv[] = {example, name, NULL};
    kin_program *supervisor = start(argv);
    kin_family *family;
    kin_event *never;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    output[0] = '\0';
    await(supervisor, "flaky: works");
    await(supervisor, "steady: works");
    CHECK(kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL) == KIN_OK);
    CHECK(kin_event_create(&never, family) == KIN_OK);
    for (int64_t end = kin_now() + PATIENCE; info.members < 4;) { /* with the supervisor and the test */
        CHECK(kin_now() < end);
        CHECK(kin_event_wait(never, KIN_MS(20)) == KIN_E_TIMED_OUT);
        CHECK(kin_family_inspect(family, &info) == KIN_OK);
    }
    kill_program(supervisor);
    for (int64_t end = kin_now() + PATIENCE; info.members > 1;) {
        CHECK(kin_now() < end);
        CHECK(kin_event_wait(never, KIN_MS(20)) == KIN_E_TIMED_OUT);
        CHECK(kin_family_reap(family, NULL) == KIN_OK);
        CHECK(kin_family_inspect(family, &info) == KIN_OK);
    }
    kin_family_close(family);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    failures_are_started_again_and_a_stop_ends_all(argv[1]);
    children_end_with_a_killed_supervisor(argv[1]);
    return 0;
}
