/* crowd.c: Windows has no barrier and no condition between processes: SYNCHRONIZATION_BARRIER and CONDITION_VARIABLE
 * belong to one (learn.microsoft.com/windows/win32/sync/synchronization-barriers, .../condition-variables). See
 * ../crowd.h. */
#include "../crowd.h"

#include <stdlib.h>
#include <windows.h>

#define STACK 65536

const peer_crowd *const peer_crowds[] = {NULL};

typedef struct thread {
    HANDLE handle;
    void (*body)(void *argument);
    void *argument;
} thread;

static DWORD WINAPI run(void *thread_)
{
    thread *it = thread_;
    it->body(it->argument);
    return 0;
}

int peer_thread_start(void **out, void (*body)(void *argument), void *argument)
{
    thread *it = malloc(sizeof *it);
    if (!it) {
        return 1;
    }
    *it = (thread){.body = body, .argument = argument};
    it->handle = CreateThread(NULL, STACK, run, it, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!it->handle) {
        free(it);
        return 1;
    }
    *out = it;
    return 0;
}

void peer_thread_join(void *thread_)
{
    thread *it = thread_;
    WaitForSingleObject(it->handle, INFINITE);
    CloseHandle(it->handle);
    free(it);
}
