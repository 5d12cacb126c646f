/* A program whose file is replaced or removed while it runs: its children are of the program that runs.
 *
 * This program makes a copy of itself, which it runs with the argument "old" in the copy's directory.
 */
#include "support.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os.h"

static char directory[] = "/tmp/kin-upgrade-XXXXXX";

static int child_name(const kin_args *args)
{
    char name[16] = "";
    (void)args;
    CHECK(prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, "program") == 0);
    return 42;
}

/* By way of a child of its own. */
static int child_parent(const kin_args *args)
{
    kin_exit how = {.code = -1};
    kin_process *child = NULL;
    CHECK(kin_process_start(&child, "name", args, NULL) == KIN_OK);
    CHECK(kin_process_join(child, PATIENCE, &how) == KIN_OK);
    kin_process_close(child);
    return how.code;
}

static const kin_child_entry entries[] = {{"name", child_name}, {"parent", child_parent}};

/* ---- the old program ---- */

static bool starts(kin_start_method method, const char *what)
{
    static const char *const names[] = {"name", "parent"};
    bool well = true;
    for (size_t i = 0; i < 2; i++) {
        kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
        kin_process *child = NULL;
        kin_exit how = {.code = -1};
        options.method = method;
        kin_status status = kin_process_start(&child, names[i], NULL, &options);
        if (status == KIN_E_UNSUPPORTED && method == KIN_START_FORKSERVER) {
            return true;
        }
        if (status == KIN_OK) {
            status = kin_process_join(child, PATIENCE, &how);
            kin_process_close(child);
        }
        if (status != KIN_OK || how.code != 42) {
            fprintf(stderr, "%s, %s, method %d: %s, %d\n", what, names[i], (int)method, kin_status_name(status),
                    how.code);
            well = false;
        }
    }
    return well;
}

static bool replace(const char *path)
{
    static const char text[] = "#!/bin/sh\nexit 77\n";
    int fd = open("new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    bool done = fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1 && fchmod(fd, 0755) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return done && rename("new", path) == 0;
}

static int be_old(bool started_before)
{
    bool well = true;
    setenv("KIN_START", "spawn", 1); /* for the children's own */
    for (kin_start_method method = KIN_START_SPAWN; started_before && method <= KIN_START_FORKSERVER; method++) {
        well = starts(method, "at first") && well;
    }
    CHECK(replace("program"));
    for (kin_start_method method = KIN_START_SPAWN; method <= KIN_START_FORKSERVER; method++) {
        well = starts(method, "after it was replaced") && well;
    }
    CHECK(unlink("program") == 0);
    for (kin_start_method method = KIN_START_SPAWN; method <= KIN_START_FORKSERVER; method++) {
        well = starts(method, "after it was removed") && well;
    }
    return well ? 0 : 1;
}

/* ---- the tests ---- */

static void copy_self(const char *to)
{
    char self[PATH_MAX], buffer[65536];
    ssize_t size;
    assert_ok(kin_os_self_path(self, sizeof self));
    int from = open(self, O_RDONLY | O_CLOEXEC), fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_true(from >= 0 && fd >= 0);
    while ((size = read(from, buffer, sizeof buffer)) > 0) {
        assert_true(write(fd, buffer, (size_t)size) == size);
    }
    close(from);
    close(fd);
}

static void upgrade(const char *how)
{
    char path[sizeof directory + 16];
    snprintf(path, sizeof path, "%s/program", directory);
    copy_self(path);
    const char *const argv[] = {path, how, NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_exit end = {.code = -1};
    options.directory = directory;
    options.timeout = PATIENCE;
    assert_ok(kin_run(argv, &options, &end));
    assert_int_equal(end.code, 0);
}

static void children_are_of_the_program_that_runs(void **state)
{
    (void)state;
    upgrade("old");
}

static void also_if_none_was_started_before(void **state)
{
    (void)state;
    upgrade("old, and started none");
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(int argc, char **argv)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    if (argc > 1 && strncmp(argv[1], "old", 3) == 0) {
        return be_old(argv[1][3] == '\0');
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_are_of_the_program_that_runs),
        cmocka_unit_test(also_if_none_was_started_before),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
