/* sleepers.c: what it costs to wake another process, which sleeps: a lock handed over, a permit, a message. The other
 * process is native also where this one runs under valgrind, and not traced. It says what it is about to wait for;
 * that it sleeps then is what the system says of it.
 */
#include "guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE KIN_SECONDS(60)

/* In shared memory. */
typedef struct meeting {
    kin_lock lock;
    kin_cond cond;
    kin_event event;
    kin_sem permits, go, done;
    _Atomic int waits; /* the sleeper is about to wait */
    _Atomic int pid;
} meeting;

static meeting *here;
static kin_queue *queue;
static kin_process *sleeper;

enum { LOCK, COND, EVENT, SEM, QUEUE, KINDS };

/* ---- the process that waits ---- */

static kin_status wait_for(meeting *it, kin_queue *from, int kind)
{
    char byte;
    kin_status status = KIN_OK;
    if (kind == LOCK || kind == COND) {
        if (kind == COND) {
            status = kin_lock_acquire(&it->lock, PATIENCE);
        }
        atomic_store(&it->waits, 1);
        status = kind == LOCK ? kin_lock_acquire(&it->lock, PATIENCE) : kin_cond_wait(&it->cond, &it->lock, PATIENCE);
        return status < 0 ? status : kin_lock_release(&it->lock);
    }
    atomic_store(&it->waits, 1);
    if (kind == EVENT) {
        return kin_event_wait(&it->event, PATIENCE);
    }
    return kind == SEM ? kin_sem_acquire(&it->permits, 1, PATIENCE) : kin_queue_get(from, &byte, 1, NULL, PATIENCE);
}

int guard_sleeper(const kin_args *args)
{
    meeting *it = NULL;
    kin_queue *from = NULL;
    kin_process_info info = KIN_PROCESS_INFO_INIT;
    void *memory = NULL;
    must(kin_args_get_object(&memory, args, "meeting", KIN_TYPE_MEMORY), "meeting");
    it = memory;
    must(kin_args_get_queue(&from, args, "queue"), "queue");
    must(kin_process_current(&info), "kin_process_current");
    atomic_store(&it->pid, (int)info.pid);
    for (int kind = 0;; kind = (kind + 1) % KINDS) {
        must(kin_sem_acquire(&it->go, 1, PATIENCE), "go");
        kin_status status = wait_for(it, from, kind);
        if (status == KIN_E_CLOSED) {
            return 0;
        }
        must(status, "the sleeper");
        must(kin_sem_release(&it->done, 1), "done");
    }
}

/* ---- the process that wakes it ---- */

void guard_prepare_sleepers(const char *program)
{
    kin_args *args = NULL;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.method = KIN_START_SPAWN;
    options.program = program; /* by default kin starts /proc/self/exe, which is valgrind's program */
    must(KIN_ALLOC(&here, NULL, 1), "kin_alloc");
    must(kin_lock_init(&here->lock, 0), "kin_lock_init");
    must(kin_cond_init(&here->cond), "kin_cond_init");
    must(kin_event_init(&here->event), "kin_event_init");
    must(kin_sem_init(&here->permits, 0, 0), "kin_sem_init");
    must(kin_sem_init(&here->go, 0, 0), "kin_sem_init");
    must(kin_sem_init(&here->done, 0, 0), "kin_sem_init");
    must(kin_queue_create(&queue, NULL, NULL), "kin_queue_create");
    must(kin_args_create(&args, NULL), "kin_args_create");
    must(kin_args_add_object(args, "meeting", KIN_TYPE_MEMORY, here), "meeting");
    must(kin_args_add_queue(args, "queue", queue), "queue");
    must(kin_process_start(&sleeper, "guard_sleeper", args, &options), "kin_process_start");
    kin_args_destroy(args);
}

/* Its state is the letter behind the name in parentheses: proc(5). */
static int asleep(int pid)
{
    char text[512] = "";
    snprintf(text, sizeof text, "/proc/%d/stat", pid);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[got > 0 ? got : 0] = 0;
    const char *state = strchr(text, ')');
    return state && state[1] == ' ' && state[2] == 'S';
}

/* Lets it wait for the next thing, and returns when it sleeps. */
static void let_it_sleep(void)
{
    struct timespec pause = {0, 1000000};
    atomic_store(&here->waits, 0);
    must(kin_sem_release(&here->go, 1), "go");
    while (!atomic_load(&here->waits) || !asleep(atomic_load(&here->pid))) {
        nanosleep(&pause, NULL);
    }
}

static void until_it_woke(void)
{
    must(kin_sem_acquire(&here->done, 1, PATIENCE), "done");
}

void guard_run_sleepers(void)
{
    must(kin_lock_acquire(&here->lock, PATIENCE), "kin_lock_acquire");
    let_it_sleep();
    STEP("lock release, one sleeps", kin_lock_release(&here->lock));
    until_it_woke();
    let_it_sleep();
    STEP("cond notify one, one sleeps", kin_cond_notify(&here->cond, 1));
    until_it_woke();
    let_it_sleep();
    STEP("event set, one sleeps", kin_event_set(&here->event));
    until_it_woke();
    must(kin_event_clear(&here->event), "kin_event_clear");
    let_it_sleep();
    STEP("sem release, one sleeps", kin_sem_release(&here->permits, 1));
    until_it_woke();
    let_it_sleep();
    STEP("queue put, one sleeps", kin_queue_put(queue, "m", 1, PATIENCE));
    until_it_woke();
}

void guard_end_sleepers(void)
{
    must(kin_queue_close(queue), "kin_queue_close");
    for (int i = 0; i < KINDS; i++) { /* it goes through what it waits for, to the queue */
        must(kin_sem_release(&here->go, 1), "go");
    }
    must(kin_event_set(&here->event), "kin_event_set");
    must(kin_sem_release(&here->permits, 1), "kin_sem_release");
    while (kin_process_join(sleeper, KIN_MS(10), NULL) == KIN_E_TIMED_OUT) {
        must(kin_cond_notify(&here->cond, 1), "kin_cond_notify");
    }
    kin_process_close(sleeper);
}
