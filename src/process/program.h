/* program.h: a program that runs, with its streams. Public face: kin/run.h. */
#ifndef KIN_INTERNAL_PROGRAM_H
#define KIN_INTERNAL_PROGRAM_H

#include "kin/run.h"
#include "os.h"

/* Empties a result of the caller's, and frees nothing; its size stays. */
void kin__run_result_empty(kin_run_result *result);
/* The same at the beginning of a call. KIN_E_ARGUMENT: its size is not set. */
kin_status kin__run_result_begin(kin_run_result *result);

/* Checks argv and options, which may be NULL; *out has no zeros that stand for a default. KIN_E_ARGUMENT. */
kin_status kin__run_options(kin_run_options *out, const char *const *argv, const kin_run_options *options);
/* Starts a program with checked options. Its input's bytes are borrowed until it has ended. */
kin_status kin__program_start(kin_program **out, const char *const *argv, const kin_run_options *options);
/* Until it has ended, or may not be ended, at most until then. KIN_E_TIMED_OUT: the first of these, not the option's
 * timeout. */
kin_status kin__program_serve(kin_program *it, int64_t until);
/* What came of it, as kin_run tells it; and what was collected, which is the caller's afterwards. */
kin_status kin__program_verdict(const kin_program *it, kin_exit *end);
void kin__program_collected(kin_program *it, kin_run_result *result);

/* For a wait for several things. stream 0: its end; 1, 2: something to read, or nothing ever more. What to watch,
 * KIN_OS_NO_HANDLE: nothing, ask now and then; and whether it is ready now. */
kin_os_handle kin__program_watch(kin_program *it, unsigned stream);
bool kin__program_is_ready(kin_program *it, unsigned stream);

#endif
