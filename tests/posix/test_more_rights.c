/* A program that has more rights than its caller takes no message and reads no variable of kin's. Only root can make
 * one: this program's copy, setuid, setgid or with a capability, which another user runs. Skipped elsewhere, and
 * where the directory for files is mounted nosuid.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CALLER 61011u
#define GROUP 61012u
#define DONE 42     /* the copy ran its own main, and found all right */
#define OBEYED 43   /* it ran what its caller chose */
#define HARMLESS 44 /* the system gave it no more rights */

typedef enum rights {
    BY_USER,
    BY_GROUP,
    BY_CAPABILITY,
} rights;

static char directory[] = "/tmp/kin-test-XXXXXX", copy[sizeof directory + 8];

/* ---- the copy, and its children ---- */

static int obey(const kin_args *args)
{
    (void)args;
    return OBEYED;
}

static int succeed(const kin_args *args)
{
    (void)args;
    return 7;
}

static kin_status start_by(kin_start_method method, int *code)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    kin_exit how = {.code = 0, .signal = 0};
    options.method = method;
    kin_status status = kin_process_start(&process, "succeed", NULL, &options);
    if (status == KIN_OK) {
        status = kin_process_join(process, PATIENCE, &how);
        kin_process_close(process);
    }
    *code = how.code;
    return status;
}

/* The program that is run would take a message that is in the environment. */
static int no_message_left(void)
{
    const char *const list[] = {"/usr/bin/env", NULL};
    kin_run_result result = KIN_RUN_RESULT_INIT;
    CHECK(kin_run_output(list, NULL, &result) == KIN_OK);
    CHECK(!getenv("KIN_MESSAGE") && !strstr(result.output, "KIN_MESSAGE"));
    kin_run_free(&result);
    return 0;
}

static int be_the_copy(void)
{
    int code = 0;
    CHECK(getenv("KIN_START")); /* the caller's environment has come */
    CHECK(no_message_left() == 0);
    CHECK(start_by(KIN_START_DEFAULT, &code) == KIN_OK && code == 7); /* by fork, whatever KIN_START says */
    CHECK(start_by(KIN_START_SPAWN, &code) == KIN_E_UNSUPPORTED);
    CHECK(start_by(KIN_START_FORKSERVER, &code) == KIN_E_UNSUPPORTED);
    return DONE;
}

/* ---- its caller ---- */

static bool become_caller(void)
{
    return setgroups(0, NULL) == 0 && setresgid(CALLER, CALLER, CALLER) == 0 && setresuid(CALLER, CALLER, CALLER) == 0;
}

/* With a message for kin_child_main: to run `obey`. */
static int start_the_copy(void)
{
    const char *const argv[] = {copy, "copy", NULL};
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    kin_exit how = {.code = 0, .signal = 0};
    setenv("KIN_START", "spawn", 1);
    options.program = copy;
    options.argv = argv;
    CHECK(kin_process_start(&process, "obey", NULL, &options) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, &how) == KIN_OK && how.signal == 0);
    kin_process_close(process);
    return how.code;
}

/* ---- tests ---- */

static void copy_this_program(void)
{
    char bytes[65536];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(from >= 0 && to >= 0);
    for (ssize_t got; (got = read(from, bytes, sizeof bytes)) > 0;) {
        assert_true(write(to, bytes, (size_t)got) == got);
    }
    close(from);
    close(to);
}

/* CAP_CHOWN, permitted and effective: struct vfs_cap_data of <linux/capability.h>, little-endian. */
static bool give_capability(void)
{
    static const unsigned char data[20] = {1, 0, 0, 2, 1};
    return setxattr(copy, "security.capability", data, sizeof data, 0) == 0;
}

static bool give_rights(rights which)
{
    switch (which) {
    case BY_USER:
        return chmod(copy, 04755) == 0;
    case BY_GROUP:
        return chown(copy, 0, GROUP) == 0 && chmod(copy, 02755) == 0;
    case BY_CAPABILITY:
        return chmod(copy, 0755) == 0 && give_capability();
    }
    return false;
}

static void try(rights which)
{
    struct statvfs system;
    int status = -1;
    if (geteuid() != 0) {
        skip_because("only root can give a program more rights");
    }
    if (statvfs(directory, &system) != 0 || (system.f_flag & ST_NOSUID)) {
        skip_because("programs get no rights from their files in this directory");
    }
    copy_this_program();
    bool given = give_rights(which);
    pid_t pid = given ? fork() : -1;
    if (pid == 0) {
        exit(become_caller() ? start_the_copy() : 99);
    }
    if (given) {
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    unlink(copy);
    if (!given) {
        skip_because("the rights cannot be given here");
    }
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == HARMLESS) {
        skip_because("the program did not get the rights");
    }
    assert_int_equal(WEXITSTATUS(status), DONE);
}

static void setuid_program_obeys_no_caller(void **state)
{
    (void)state;
    try(BY_USER);
}

static void setgid_program_obeys_no_caller(void **state)
{
    (void)state;
    try(BY_GROUP);
}

static void program_with_a_capability_obeys_no_caller(void **state)
{
    (void)state;
    try(BY_CAPABILITY);
}

/* LeakSanitizer asks this at exit. A program with more rights may not be traced, without which it finds nothing
 * and fails. */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return getauxval(AT_SECURE) != 0;
}

int main(int argc, char **argv)
{
    static const kin_child_entry entries[] = {{"obey", obey}, {"succeed", succeed}};
    bool is_copy = argc == 2 && strcmp(argv[1], "copy") == 0;
    if (is_copy && getauxval(AT_SECURE) == 0) {
        return HARMLESS;
    }
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    if (is_copy) {
        return be_the_copy();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setuid_program_obeys_no_caller),
        cmocka_unit_test(setgid_program_obeys_no_caller),
        cmocka_unit_test(program_with_a_capability_obeys_no_caller),
    };
    if (!mkdtemp(directory) || chmod(directory, 0755) != 0) {
        return 1;
    }
    snprintf(copy, sizeof copy, "%s/copy", directory);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
