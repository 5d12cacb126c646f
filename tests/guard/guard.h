/* guard.h: what an operation costs, without a clock: instructions, system calls, and cache lines of shared memory that
 * it writes. Linux, x86-64.
 *
 * A program of its own runs the operations (steps.c). It runs twice: under valgrind's Lackey, which reports each
 * instruction and each store (trace.c), and under ptrace, which reports each system call (calls.c). The result is
 * compared with the figures that are committed (figures.c).
 *
 * The program marks where an operation begins and ends. The marks are in a page that it shares with the program that
 * measures, at an address that both know: Lackey reports a store to begun[i] as any other store.
 */
#ifndef KIN_TESTS_GUARD_H
#define KIN_TESTS_GUARD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "kin/kin.h"

#define STEPS_MAX 160
#define WARM_UP 4 /* rounds that are not counted */
#define ROUNDS 20 /* rounds that are */
#define KEYS 6    /* of a dict, in each round: how far an entry is from its place depends on a random seed */
#define SAMPLES (ROUNDS * KEYS)
#define SLEEP_EVERY 3 /* rounds between those in which another process sleeps */

/* begun[NO_STEP]: an operation has ended. begun[UNCOUNTED]: an operation of the warm-up begins. */
#define NO_STEP 0
#define UNCOUNTED (STEPS_MAX - 1)

typedef struct marks {
    unsigned char begun[STEPS_MAX];
    atomic_int now;            /* the step that runs; for calls.c */
    int count;                 /* steps: 1 to count - 1 */
    int measuring;             /* 0: a round of the warm-up */
    uint64_t low, high;        /* where the family's shared memory is */
    int together;              /* 1: another process takes part in what runs now */
    int times[STEPS_MAX];      /* that each step was counted */
    int varies[STEPS_MAX];     /* 1: another process took part in it */
    char names[STEPS_MAX][48]; /* of the steps */
} marks;

#define MARKS_ADDRESS UINT64_C(0x700000000)
#define MARKS ((volatile marks *)MARKS_ADDRESS)

/* The number of the step with this name; UNCOUNTED during the warm-up. */
int guard_step(const char *name);
void guard_failed(const char *name, kin_status status);

static inline void must(kin_status status, const char *what)
{
    if (status < 0) {
        guard_failed(what, status);
    }
}

/* One operation, whose status must not be negative. Nothing but the call stands between the two marks. */
#define STEP(name, call)                                                                                               \
    do {                                                                                                               \
        int step_ = guard_step(name);                                                                                  \
        MARKS->now = step_;                                                                                            \
        MARKS->begun[step_] = 1;                                                                                       \
        kin_status status_ = (call);                                                                                   \
        MARKS->begun[NO_STEP] = 1;                                                                                     \
        MARKS->now = NO_STEP;                                                                                          \
        if (status_ < 0) {                                                                                             \
            guard_failed(name, status_);                                                                               \
        }                                                                                                              \
    } while (0)

/* What runs between the marks: both are for the program that is measured. */
void guard_prepare_steps(void);
void guard_run_steps(void);
void guard_prepare_sleepers(const char *program);
void guard_run_sleepers(void);
void guard_end_sleepers(void);
void guard_register_jobs(void); /* before kin_child_main */
void guard_prepare_jobs(void);
void guard_run_jobs(void);
void guard_end_jobs(void);
int guard_sleeper(const kin_args *args); /* the entry of a process that waits */

/* ---- the measurement ---- */

typedef struct figure {
    char name[48];
    double instructions, calls, lines; /* of one operation, on average */
} figure;

typedef struct figures {
    int count;
    figure each[STEPS_MAX];
} figures;

/* Of one measure: what each execution of each step took. */
typedef struct samples {
    int32_t of[STEPS_MAX][SAMPLES];
} samples;

/* Of that step: the mean; or the median, if another process took part, which may be late once. */
double guard_summary(samples *it, const volatile marks *page, int step);

/* Each fills in what it measures. 0, or -1 after a message on stderr. */
int guard_trace(const char *program, figures *out);
int guard_count_calls(const char *program, figures *out);

/* Starts `program run FD` with prefix before it (NULL-terminated); traced: by this process. Returns its pid. */
int guard_start(const char *program, const char *const *prefix, int marks_fd, int log_fd, int traced);
/* The marks, for this process; *fd: to hand on. */
volatile marks *guard_open_marks(int *fd);
void guard_close_marks(volatile marks *it, int fd);

int guard_write_figures(const char *path, const figures *it);
/* The number of operations that cost more than the file says, each told on stdout; -1: the file cannot be read. */
int guard_compare(const char *path, const figures *now, int with_trace);

#endif
