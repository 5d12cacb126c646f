/* progress.h: for kin_job.progress. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* context: a text, what is being done. Nothing where the standard error stream is no terminal. */
void progress_bar(void *context, uint64_t done, uint64_t total);

#endif
