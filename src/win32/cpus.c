/* cpus.c: how many processors this process can keep busy: its affinity, and the rate of its job.
 *
 * - A process with threads in several groups of 64 processors has no affinity mask: both are 0 (Microsoft,
 *   "GetProcessAffinityMask function").
 * - A hard cap is in hundredths of a percent of all processors ("JOBOBJECT_CPU_RATE_CONTROL_INFORMATION structure").
 */
#include "os.h"

#define WHOLE 10000u

static uint32_t all_processors(void)
{
    DWORD count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count > 0 ? count : 1;
}

static uint32_t allowed(void)
{
    DWORD_PTR mine = 0, whole = 0;
    uint32_t count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &mine, &whole)) {
        for (; mine; mine &= mine - 1) {
            count++;
        }
    }
    return count > 0 ? count : all_processors();
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
