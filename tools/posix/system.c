/* system.c: see ../system.h. */
#include "../system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t system_time(void)
{
    return (int64_t)time(NULL);
}

const char *system_time_text(int64_t seconds, char text[SYSTEM_TIME_TEXT])
{
    struct tm parts;
    time_t when = (time_t)seconds;
    text[0] = '\0';
    if (seconds >= 0 && localtime_r(&when, &parts)) {
        strftime(text, SYSTEM_TIME_TEXT, "%Y-%m-%d %H:%M:%S", &parts);
    }
    return text;
}

/* The file's beginning; how many bytes it is. The text is ended by a 0. */
static size_t read_file(uint32_t pid, const char *name, char *text, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/%s", (unsigned)pid, name);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, room - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    text[size] = '\0';
    return size;
}

/* Field 22 of /proc/PID/stat: clock ticks from the system's start to the process's (proc(5)). The command's name before
 * it may contain anything. */
static int64_t ticks_of(uint32_t pid)
{
    char text[1024];
    read_file(pid, "stat", text, sizeof text);
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at ? strtoll(at, NULL, 10) : -1;
}

void system_process(uint32_t pid, char command[SYSTEM_COMMAND_MAX], int64_t *started)
{
    size_t size = read_file(pid, "cmdline", command, SYSTEM_COMMAND_MAX);
    if (size == 0) {
        size = read_file(pid, "comm", command, SYSTEM_COMMAND_MAX); /* of a process that has ended, or of the kernel */
    }
    while (size > 0 && (command[size - 1] == '\0' || command[size - 1] == '\n')) {
        command[--size] = '\0';
    }
    for (size_t i = 0; i < size; i++) {
        command[i] = command[i] == '\0' ? ' ' : command[i];
    }
    *started = -1;
#ifdef CLOCK_BOOTTIME /* Linux; it counts the time that the system sleeps, as the ticks do */
    struct timespec up, now;
    int64_t ticks = ticks_of(pid), second = sysconf(_SC_CLK_TCK);
    if (ticks >= 0 && second > 0 && clock_gettime(CLOCK_BOOTTIME, &up) == 0 &&
        clock_gettime(CLOCK_REALTIME, &now) == 0) {
        int64_t age_ms = up.tv_sec * 1000LL + up.tv_nsec / 1000000 - ticks * 1000 / second;
        *started = (now.tv_sec * 1000LL + now.tv_nsec / 1000000 - age_ms) / 1000;
    }
#endif
}
