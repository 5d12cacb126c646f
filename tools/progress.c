/* progress.c: how far a pool's work has come, as a bar on a terminal. */
#include "progress.h"

#include <stdio.h>

#include "terminal.h"

#define WIDTH 40

void progress_bar(void *context, uint64_t done, uint64_t total)
{
    static const char full[] = "########################################";
    const char *what = context;
    int filled = (int)(done * WIDTH / total);
    if (terminal_has_errors()) {
        fprintf(stderr, "\r%s [%.*s%*s] %3d %%%s", what, filled, full, WIDTH - filled, "", (int)(done * 100 / total),
                done == total ? "\n" : "");
    }
}
