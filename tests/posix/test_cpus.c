/* The number of processors: affinity, and control groups as trees of files. */
#include "support.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/cpus.h"

static char root[] = "/tmp/kin-cpus-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *at = strchr(path + strlen(root) + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static uint32_t limit_with(const char *groups)
{
    char path[300];
    write_file("groups", groups);
    snprintf(path, sizeof path, "%s/groups", root);
    return kin_posix_cgroup_limit(path, root);
}

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    const char *const argv[] = {"rm", "-r", root, NULL};
    (void)state;
    return kin_run_checked(argv, NULL, NULL) == KIN_OK ? 0 : -1;
}

static void quotas_of_version_2_are_rounded_up(void **state)
{
    (void)state;
    write_file("a/b/cpu.max", "150000 100000\n");
    assert_int_equal(limit_with("0::/a/b\n"), 2);
    write_file("a/b/cpu.max", "max 100000\n");
    assert_int_equal(limit_with("0::/a/b\n"), UINT32_MAX);
    write_file("a/b/cpu.max", "1000 100000\n");
    assert_int_equal(limit_with("0::/a/b\n"), 1);
    write_file("a/b/cpu.max", "nonsense\n");
    assert_int_equal(limit_with("0::/a/b\n"), UINT32_MAX);
    write_file("a/b/cpu.max", "400000 100000\n");
    write_file("a/cpu.max", "300000 100000\n"); /* what is above limits, too */
    assert_int_equal(limit_with("0::/a/b\n"), 3);
    assert_int_equal(limit_with("0::/\n"), UINT32_MAX);
    write_file("cpu.max", "500000 100000\n");
    assert_int_equal(limit_with("0::/\n"), 5);
    assert_int_equal(limit_with("0::/not/mounted/here\n"), 5);
    assert_int_equal(limit_with("0::/../../x\n"), 5);
    write_file("cpu.max", "max 100000\n");
}

static void quotas_of_version_1_count(void **state)
{
    (void)state;
    write_file("cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
    write_file("cpu,cpuacct/c/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(limit_with("4:memory:/x\n3:cpu,cpuacct:/c\n"), UINT32_MAX);
    write_file("cpu,cpuacct/c/cpu.cfs_quota_us", "250000\n");
    assert_int_equal(limit_with("4:memory:/c\n3:cpu,cpuacct:/c\n"), 3);
    assert_int_equal(limit_with("4:cpuset:/c\n3:cpuacct:/c\n"), UINT32_MAX);
    assert_int_equal(limit_with("3:cpuacct,cpu:/c\n0::/a/b\n"), 3);
}

static void no_groups_are_no_limit(void **state)
{
    (void)state;
    assert_int_equal(limit_with(""), UINT32_MAX);
    assert_int_equal(limit_with("::\n:\nx\n"), UINT32_MAX);
    assert_int_equal(kin_posix_cgroup_limit("/no/such/file", root), UINT32_MAX);
}

static void affinity_counts(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(kin_cpu_count() <= (uint32_t)CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(kin_cpu_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_of_version_2_are_rounded_up),
        cmocka_unit_test(quotas_of_version_1_count),
        cmocka_unit_test(no_groups_are_no_limit),
        cmocka_unit_test(affinity_counts),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
