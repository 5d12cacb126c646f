#include "posix/inside.h"

#include "posix/children.h"
#include "support.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAY_MAX 4000
#define SOON KIN_MS(5)         /* in which the child comes anywhere on its way, mostly */
#define AT_ONCE KIN_SECONDS(5) /* on a machine that is busy */
#define BREAKPOINT 0xcc        /* int3 */
#define SYSTEM_CALL 0x050f

typedef struct board {           /* shared with the child */
    _Atomic int64_t begun, done; /* rounds */
    _Atomic int status;          /* of the one that is done */
} board;

static struct {
    pid_t pid;
    int64_t round;
    uint64_t way[WAY_MAX];
    size_t length;
    uint64_t armed; /* a breakpoint is there, instead of: */
    long text;
} child;

static board *shared;

extern const char __executable_start, etext;

static void be_the_child(inside_deed *prepare, inside_deed *body)
{
    alarm(300); /* not longer than this, if the test fails in the middle */
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    for (int64_t round = 1;; round++) {
        while (atomic_load(&shared->begun) != round) {
            usleep(20);
        }
        kin_status status = prepare();
        raise(SIGSTOP);
        atomic_store(&shared->status, (int)(status == KIN_OK ? body() : status));
        atomic_store(&shared->done, round);
    }
}

void inside_start(inside_deed *prepare, inside_deed *body)
{
    if (!shared) {
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(shared != MAP_FAILED);
    }
    atomic_store(&shared->begun, 0);
    atomic_store(&shared->done, 0);
    child.round = 0;
    child.armed = 0;
    child.pid = fork_child();
    if (child.pid == 0) {
        be_the_child(prepare, body);
    }
}

void inside_end(void)
{
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
}

int64_t inside_round(void)
{
    return child.round;
}

unsigned long inside_offset(uint64_t place)
{
    return (unsigned long)(place - (uint64_t)(uintptr_t)&__executable_start);
}

bool inside_is_done(void)
{
    return atomic_load(&shared->done) == child.round;
}

/* ---- stopping ---- */

static void disarm(void)
{
    if (child.armed) {
        assert_int_equal(ptrace(PTRACE_POKETEXT, child.pid, (void *)child.armed, (void *)child.text), 0);
        child.armed = 0;
    }
}

void inside_begin(void)
{
    int status = 0;
    child.round++;
    atomic_store(&shared->begun, child.round);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}

void inside_go_on(void)
{
    assert_int_equal(ptrace(PTRACE_CONT, child.pid, NULL, NULL), 0);
}

/* It stands at the breakpoint, which is then none any more. */
static void take_back(void)
{
    struct user_regs_struct regs;
    assert_int_equal(ptrace(PTRACE_GETREGS, child.pid, NULL, &regs), 0);
    regs.rip = child.armed;
    assert_int_equal(ptrace(PTRACE_SETREGS, child.pid, NULL, &regs), 0);
    disarm();
}

/* Stops it wherever it is. Whether it has come to the breakpoint just now. */
static bool stop_late(void)
{
    int status = 0;
    kill(child.pid, SIGSTOP);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    if (WSTOPSIG(status) == SIGSTOP) {
        disarm();
        return false;
    }
    take_back();
    inside_go_on(); /* the signal stops it there */
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    return true;
}

bool inside_run_to(uint64_t place)
{
    int status = 0;
    child.armed = place;
    child.text = ptrace(PTRACE_PEEKTEXT, child.pid, (void *)place, NULL);
    long text = (child.text & ~0xffl) | BREAKPOINT;
    assert_int_equal(ptrace(PTRACE_POKETEXT, child.pid, (void *)place, (void *)text), 0);
    inside_go_on();
    for (int64_t end = now_ns() + SOON; now_ns() < end; usleep(20)) {
        if (waitpid(child.pid, &status, WNOHANG) == child.pid) {
            assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
            take_back();
            return true;
        }
    }
    if (!stop_late()) {
        inside_go_on();
        return false;
    }
    return true;
}

bool inside_await(kin_status *status)
{
    for (int64_t end = now_ns() + AT_ONCE; !inside_is_done() && now_ns() < end; usleep(20)) {
    }
    *status = (kin_status)atomic_load(&shared->status);
    return inside_is_done();
}

/* ---- its way ---- */

static bool is_system_call(const struct user_regs_struct *regs)
{
    return (ptrace(PTRACE_PEEKTEXT, child.pid, (void *)regs->rip, NULL) & 0xffff) == SYSTEM_CALL;
}

/* Of ppoll: NULL, or not zero. */
static bool has_time(uint64_t time)
{
    return time == 0 || ptrace(PTRACE_PEEKDATA, child.pid, (void *)time, NULL) != 0 ||
           ptrace(PTRACE_PEEKDATA, child.pid, (void *)(time + 8), NULL) != 0;
}

static bool falls_asleep(const struct user_regs_struct *regs)
{
    if ((regs->rax != SYS_futex && regs->rax != SYS_ppoll) || !is_system_call(regs)) {
        return false;
    }
    return regs->rax == SYS_ppoll ? has_time(regs->rdx) : ((int)regs->rsi & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

static void note(uint64_t address)
{
    bool is_new = address >= (uint64_t)(uintptr_t)&__executable_start && address < (uint64_t)(uintptr_t)&etext;
    for (size_t i = 0; i < child.length && is_new; i++) {
        is_new = child.way[i] != address;
    }
    if (is_new && child.length < WAY_MAX) {
        child.way[child.length++] = address;
    }
}

size_t inside_learn(const uint64_t **way)
{
    struct user_regs_struct regs;
    int status = 0;
    child.length = 0;
    while (!inside_is_done() && ptrace(PTRACE_GETREGS, child.pid, NULL, &regs) == 0 && !falls_asleep(&regs)) {
        note(regs.rip);
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, child.pid, NULL, NULL), 0);
        assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
        assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    }
    *way = child.way;
    return child.length;
}
