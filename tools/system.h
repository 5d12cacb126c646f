/* system.h: what the commands ask of the system about processes and the time. posix/system.c, win32/system.c. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdint.h>

#define SYSTEM_COMMAND_MAX 256

/* UTC, seconds since 1970. */
int64_t system_time(void);
/* The moment in the local time zone, as "2026-11-27 23:10:30"; "" where it makes no sense. */
#define SYSTEM_TIME_TEXT 20
const char *system_time_text(int64_t seconds, char text[SYSTEM_TIME_TEXT]);
/* A process's command line (Windows: its program's path), cut off where it is longer, and when it started, as
 * system_time. "" and -1 where the system does not say. Others have written the text. */
void system_process(uint32_t pid, char command[SYSTEM_COMMAND_MAX], int64_t *started);

#endif
