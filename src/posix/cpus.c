/* cpus.c: how many processors this process can keep busy: sched_getaffinity, and the quotas of control groups.
 *
 * - The kernel refuses a mask that is too short for it with EINVAL (sched_getaffinity(2)).
 * - /proc/self/cgroup has a line ID:CONTROLLERS:PATH for each hierarchy, version 2 being "0::PATH" (cgroups(7)). A
 *   group's time is limited by each of its ancestors, too. In version 2 cpu.max is "MAX PERIOD" or "max PERIOD"; in
 *   version 1 cpu.cfs_quota_us is -1 without a limit.
 * - In a container the path may be the host's, which is not there: what is mounted then is the container's own group,
 *   the root.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os.h"
#include "posix/cpus.h"
#include "posix/linux.h"

#define PROCESSORS_MAX 65536u
#define NO_LIMIT UINT32_MAX

static uint32_t allowed(void)
{
    for (size_t processors = 1024; processors <= PROCESSORS_MAX; processors *= 4) {
        cpu_set_t *set = CPU_ALLOC(processors);
        size_t size = CPU_ALLOC_SIZE(processors);
        if (!set) {
            break;
        }
        int error = sched_getaffinity(0, size, set) == 0 ? 0 : errno;
        int count = error ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (count > 0) {
            return (uint32_t)count;
        }
        if (error != EINVAL) {
            break;
        }
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

static uint32_t rounded_up(long long quota, long long period)
{
    if (quota <= 0 || period <= 0 || quota / period >= (long long)PROCESSORS_MAX) {
        return NO_LIMIT;
    }
    return (uint32_t)((quota + period - 1) / period);
}

/* Numbers of a file DIR/NAME: how many it begins with. */
static int read_numbers(const char *dir, const char *name, long long numbers[2])
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
        return 0;
    }
    FILE *file = fopen(path, "re");
    int count = file ? fscanf(file, "%lld %lld", &numbers[0], &numbers[1]) : 0;
    if (file) {
        fclose(file);
    }
    return count;
}

static uint32_t limit_of(const char *dir, bool second)
{
    long long numbers[2], period[2];
    if (second) {
        return read_numbers(dir, "cpu.max", numbers) == 2 ? rounded_up(numbers[0], numbers[1]) : NO_LIMIT;
    }
    bool known =
        read_numbers(dir, "cpu.cfs_quota_us", numbers) >= 1 && read_numbers(dir, "cpu.cfs_period_us", period) >= 1;
    return known ? rounded_up(numbers[0], period[0]) : NO_LIMIT;
}

/* Of root/path and all above it, down to root. */
static uint32_t least_limit(const char *root, const char *path, bool second)
{
    char dir[PATH_MAX];
    uint32_t least = NO_LIMIT;
    size_t base = strlen(root);
    int length = snprintf(dir, sizeof dir, "%s%s", root, path);
    if (length < 0 || length >= (int)sizeof dir || strstr(path, "..")) { /* outside of what is mounted: only the root */
        return limit_of(root, second);
    }
    for (;;) {
        uint32_t limit = limit_of(dir, second);
        least = limit < least ? limit : least;
        char *cut = strrchr(dir + base, '/');
        if (!cut) {
            return least;
        }
        *cut = '\0';
    }
}

static bool lists(const char *controllers, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = controllers; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* One line of /proc/self/cgroup. */
static uint32_t limit_of_line(char *line, const char *mounts)
{
    char root[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) {
        return NO_LIMIT;
    }
    *path++ = '\0';
    controllers++;
    path[strcspn(path, "\n")] = '\0';
    bool second = *controllers == '\0';
    if (!second && !lists(controllers, "cpu")) {
        return NO_LIMIT;
    }
    uint32_t least = NO_LIMIT;
    static const char *const seconds[] = {"", "/unified"}, *const firsts[] = {"/cpu", "/cpu,cpuacct"};
    for (int i = 0; i < 2; i++) {
        snprintf(root, sizeof root, "%s%s", mounts, second ? seconds[i] : firsts[i]);
        uint32_t limit = least_limit(root, path, second);
        least = limit < least ? limit : least;
    }
    return least;
}

uint32_t kin_posix_cgroup_limit(const char *groups, const char *mounts)
{
    char line[PATH_MAX + 256];
    uint32_t least = NO_LIMIT;
    FILE *file = fopen(groups, "re");
    while (file && fgets(line, sizeof line, file)) {
        uint32_t limit = limit_of_line(line, mounts);
        least = limit < least ? limit : least;
    }
    if (file) {
        fclose(file);
    }
    return least;
}

uint32_t kin_os_cpu_count(void)
{
    uint32_t count = allowed(), limit = kin_posix_cgroup_limit(KIN_POSIX_PROC "/self/cgroup", "/sys/fs/cgroup");
    return limit < count ? limit : count;
}
