/* system.c: see ../system.h. */
#include "../system.h"

#include <stdio.h>
#include <windows.h>

/* FILETIME: 100 ns since 1601
 * (learn.microsoft.com/windows/win32/api/minwinbase/ns-minwinbase-filetime). */
#define TICKS_PER_SECOND 10000000LL
#define TICKS_TO_1970 116444736000000000LL

static int64_t seconds_of(const FILETIME *time)
{
    int64_t ticks = (int64_t)((uint64_t)time->dwHighDateTime << 32 | time->dwLowDateTime);
    return (ticks - TICKS_TO_1970) / TICKS_PER_SECOND;
}

int64_t system_time(void)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return seconds_of(&now);
}

const char *system_time_text(int64_t seconds, char text[SYSTEM_TIME_TEXT])
{
    uint64_t ticks = (uint64_t)(seconds * TICKS_PER_SECOND + TICKS_TO_1970);
    FILETIME time = {(DWORD)ticks, (DWORD)(ticks >> 32)};
    SYSTEMTIME utc, local;
    text[0] = '\0';
    if (seconds >= 0 && FileTimeToSystemTime(&time, &utc) && SystemTimeToTzSpecificLocalTime(NULL, &utc, &local)) {
        snprintf(text, SYSTEM_TIME_TEXT, "%04u-%02u-%02u %02u:%02u:%02u", local.wYear % 10000u, local.wMonth % 100u,
                 local.wDay % 100u, local.wHour % 100u, local.wMinute % 100u, local.wSecond % 100u);
    }
    return text;
}

void system_process(uint32_t pid, char command[SYSTEM_COMMAND_MAX], int64_t *started)
{
    wchar_t path[SYSTEM_COMMAND_MAX];
    DWORD length = SYSTEM_COMMAND_MAX;
    FILETIME created, ended, kernel, user;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    command[0] = '\0';
    *started = -1;
    if (!process) {
        return;
    }
    /* It fails where the path is longer (QueryFullProcessImageNameW, ERROR_INSUFFICIENT_BUFFER). */
    if (QueryFullProcessImageNameW(process, 0, path, &length) &&
        WideCharToMultiByte(CP_UTF8, 0, path, -1, command, SYSTEM_COMMAND_MAX, NULL, NULL) == 0) {
        command[0] = '\0';
    }
    if (GetProcessTimes(process, &created, &ended, &kernel, &user)) {
        *started = seconds_of(&created);
    }
    CloseHandle(process);
}
