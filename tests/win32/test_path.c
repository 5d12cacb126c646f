/* PATH as Windows has it: quotes, other separators, drives without a slash. What is alike on all systems: test_run.c.
 * */
#include "support.h"

#include <stdlib.h>
#include <windows.h>

static test_place place;

static kin_status run_with(const char *path)
{
    const char *const argv[] = {place.name, "exit", NULL};
    kin_exit how = {.code = -1, .signal = -1};
    set_path(path);
    kin_status status = kin_run(argv, NULL, &how);
    assert_true(status != KIN_OK || how.code == 3);
    return status;
}

static const char *format(const char *text)
{
    static char path[9000];
    snprintf(path, sizeof path, text, place.directory, place.parent);
    return path;
}

static void elements_may_be_quoted(void **state)
{
    (void)state;
    assert_ok(run_with(format("\"%s\"")));
    assert_ok(run_with(format("\"C:\\with;semicolon\";\"%s\"")));
    assert_ok(run_with(format("C:\\windows;\"%s\";C:\\windows")));
    assert_ok(run_with(format("\"%s"))); /* the end of the list ends the quote, as for the shell */
    assert_status(run_with(format("\"C:\\windows;%s\"")), KIN_E_PROGRAM);
    assert_status(run_with("\"\""), KIN_E_PROGRAM);
    assert_status(run_with("\".\""), KIN_E_PROGRAM);
}

static void relative_elements_do_not_count(void **state)
{
    (void)state;
    char drive[8], rooted[4096];
    snprintf(drive, sizeof drive, "%.2s", place.directory);     /* the drive's current directory */
    snprintf(rooted, sizeof rooted, "%s", place.directory + 2); /* of the current drive */
    assert_status(run_with(drive), KIN_E_PROGRAM);
    assert_status(run_with(rooted), KIN_E_PROGRAM);
    assert_status(run_with("..\\tests;.\\"), KIN_E_PROGRAM);
}

/* A directory that has the program's name is none. */
static void directories_are_no_programs(void **state)
{
    (void)state;
    char made[300], inner[600], path[9000];
    snprintf(made, sizeof made, "C:\\kin-test-%lu", (unsigned long)GetCurrentProcessId());
    snprintf(inner, sizeof inner, "%s\\%s", made, place.name);
    assert_true(CreateDirectoryA(made, NULL) && CreateDirectoryA(inner, NULL));
    snprintf(path, sizeof path, "%s;%s", made, place.directory);
    kin_status found = run_with(path), alone = run_with(made);
    RemoveDirectoryA(inner);
    RemoveDirectoryA(made);
    assert_ok(found);
    assert_status(alone, KIN_E_PROGRAM);
}

static int enter(void **state)
{
    static char self[4096];
    (void)state;
    GetModuleFileNameA(NULL, self, sizeof self);
    place = enter_place_of(self);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    leave_place(&place);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "exit") == 0) {
        return 3;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_may_be_quoted),
        cmocka_unit_test(relative_elements_do_not_count),
        cmocka_unit_test(directories_are_no_programs),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
