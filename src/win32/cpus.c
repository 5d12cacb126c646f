/* cpus.c: how many processors this process can keep busy: its affinity, and the rate of its job.
 *
 * - Processors come in groups of at most 64. Before Windows 11 a process with threads in several groups has no affinity
 *   mask: both are 0. Since then a process has all groups by default, and the masks are of its primary group; if it was
 *   restricted by SetProcessAffinityMask its mask is less than the system's, and it has that group alone (Microsoft,
 *   "GetProcessAffinityMask function", "Processor Groups").
 * - A job that limits the groups or the affinity limits those of its processes ("JOBOBJECT_BASIC_LIMIT_INFORMATION").
 * - Of nested jobs, a process can ask for its innermost one alone ("QueryInformationJobObject function").
 * - A hard cap is in hundredths of a percent of all processors ("JOBOBJECT_CPU_RATE_CONTROL_INFORMATION structure").
 */
#include "win32/cpus.h"

#define WHOLE 10000u
#define GROUPS 64 /* Windows has up to 32 */

static uint32_t all_processors(void)
{
    DWORD count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count > 0 ? count : 1;
}

uint32_t kin_win32_allowed(const kin_win32_affinity *found)
{
    uint32_t count = 0;
    if (found->groups > 0 && found->mine == found->whole) {
        return found->active;
    }
    for (uint64_t mine = found->mine; mine; mine &= mine - 1) {
        count++;
    }
    return count;
}

static uint32_t allowed(void)
{
    DWORD_PTR mine = 0, whole = 0;
    USHORT groups[GROUPS], count = GROUPS;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &mine, &whole)) {
        mine = whole = 0;
    }
    if (!GetProcessGroupAffinity(GetCurrentProcess(), &count, groups)) {
        count = 0;
    }
    kin_win32_affinity found = {mine, whole, count, 0};
    for (USHORT i = 0; i < count; i++) {
        found.active += GetActiveProcessorCount(groups[i]);
    }
    uint32_t result = kin_win32_allowed(&found);
    return result > 0 ? result : all_processors();
}

static uint32_t limit_of_job(void)
{
    const DWORD capped = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {.ControlFlags = 0};
    if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &rate, sizeof rate, NULL) ||
        (rate.ControlFlags & capped) != capped || rate.CpuRate == 0 || rate.CpuRate > WHOLE) {
        return UINT32_MAX;
    }
    return (uint32_t)(((uint64_t)all_processors() * rate.CpuRate + WHOLE - 1) / WHOLE);
}

uint32_t kin_os_cpu_count(void)
{
    uint32_t count = allowed(), limit = limit_of_job();
    return limit < count ? limit : count;
}
