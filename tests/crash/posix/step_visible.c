/* step_visible.c: stopping a process after each change that others can see, and nowhere else.
 *
 * Two kills between which the victim changed nothing that others can see are one kill. What others can see is
 *
 *     the shared memory    changed by instructions of the victim, and by the kernel in a system call of it
 *     the kernel           changed by system calls
 *
 * So the writable shared mappings of the victim (all of them: arena, pulse, records of children) are write-protected.
 * It runs at full speed until one of its instructions writes there, which is SIGSEGV, or until it makes a system call:
 *
 *     a write        the page is made writable, the one instruction is stepped over, the page is protected again. If
 *                    its bytes are the same as before (a compare-and-swap that failed) it was no visible step
 *     a system call  all is made writable, as the kernel may write there, and as a fork copies the protection. The call
 *                    is done; then what is shared by now is protected. Each call is a visible step, but those of
 *                    only_asks and only_sleeps
 *
 * A string instruction (rep movs) is a step for each of its iterations, as the processor stops after each (Intel,
 * "Software Developer's Manual", volume 3, 18.3.1.4).
 *
 * The victim is killed with its memory writable: the kernel, too, writes there at a death. So a call in which it may
 * sleep is made with writable memory, though it is no step.
 *
 * Private memory that the kernel reads at a thread's death, the list of robust mutexes, changes only while the mutex
 * in question lies on a private page (src/posix/robust.c). So the death shows nothing of such a change; the mmap that
 * puts the shared page there is a system call, and a step.
 *
 * Other threads of the victim are not stopped. kin has some that wait in the kernel; they write no shared memory.
 */
#include "step_visible.h"

#include <fcntl.h>
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include "../step_os.h"

#if defined(__x86_64__)

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#endif

#define CALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define CALL_SIZE 2                /* of the instruction syscall */
#define PAGE 4096u
#define MAPPINGS 64
#define PAGES_MOST 3 /* that one instruction writes to: two, and one to spare */

#define FUTEX_COMMAND 0x7fu
#define FUTEX_WAITS(op) (((op)&FUTEX_COMMAND) == 0 || ((op)&FUTEX_COMMAND) == 9) /* WAIT, WAIT_BITSET: futex(2) */

typedef struct user_regs_struct registers;

typedef enum standing {
    HALTED,  /* between two instructions */
    RUNNING, /* until a write or a call */
    CALLING, /* in a call, with writable memory */
    ASKING,  /* in one that does not sleep and changes nothing */
} standing;

static struct {
    standing standing;
    int given;        /* a signal that it got and has still to see */
    uint64_t wrote;   /* the instruction, since the last step */
    bool over;        /* the operation's end has been seen */
    uint64_t call_at; /* of an instruction syscall */
    uint64_t called;  /* the instruction of the call that goes on */
    bool counts;      /* it is a step */
    struct {
        uint64_t from, to, at, inode;
    } mappings[MAPPINGS]; /* protected */
    int count;
    uint64_t writers[STEPS_NOTED]; /* of each step: the instruction that wrote; 0: a call */
    int64_t steps;
} now;

/* ---- the victim's memory ---- */

/* One instruction; *status: SIGTRAP, or SIGSEGV: it could not be done. Other signals are kept for later. */
static bool step_over(pid_t victim, int *status)
{
    siginfo_t info;
    do {
        if (ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) != 0 ||
            !step_await_stop(victim, &info, step_now() + KIN_SECONDS(5))) {
            return false;
        }
        now.given = info.si_status == SIGCHLD ? SIGCHLD : now.given;
        now.over = now.over || info.si_status == SIGSTOP;
    } while (info.si_status == SIGCHLD || info.si_status == SIGSTOP);
    *status = info.si_status;
    return true;
}

/* Makes it do a system call of the tracer's. Its registers are to be set afterwards. */
static bool make_call(pid_t victim, const registers *base, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    int status;
    registers call = *base;
    call.rip = now.call_at;
    call.rax = number;
    call.orig_rax = UINT64_MAX; /* nothing to restart */
    call.rdi = a;
    call.rsi = b;
    call.rdx = c;
    return ptrace(PTRACE_SETREGS, victim, NULL, &call) == 0 && step_over(victim, &status) && status == SIGTRAP;
}

static bool protect(pid_t victim, const registers *base, uint64_t from, uint64_t to, int access)
{
    return make_call(victim, base, SYS_mprotect, from, to - from, (uint64_t)access);
}

static void find_mappings(pid_t victim)
{
    char path[32], line[512], access[5];
    unsigned long from, to, at, inode;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)victim);
    FILE *maps = fopen(path, "re");
    now.count = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %4s %lx %*s %lu", &from, &to, access, &at, &inode) == 5 &&
            strcmp(access, "rw-s") == 0 && now.count < MAPPINGS) {
            now.mappings[now.count].from = from;
            now.mappings[now.count].to = to;
            now.mappings[now.count].at = at;
            now.mappings[now.count].inode = inode;
            now.count++;
        }
    }
    if (maps) {
        fclose(maps);
    }
}

static bool protect_all(pid_t victim)
{
    registers base;
    bool done = ptrace(PTRACE_GETREGS, victim, NULL, &base) == 0;
    find_mappings(victim);
    for (int i = 0; done && i < now.count; i++) {
        done = protect(victim, &base, now.mappings[i].from, now.mappings[i].to, PROT_READ);
    }
    return done && ptrace(PTRACE_SETREGS, victim, NULL, &base) == 0;
}

static bool expose_all(pid_t victim, const registers *base)
{
    bool done = true;
    for (int i = 0; done && i < now.count; i++) {
        done = protect(victim, base, now.mappings[i].from, now.mappings[i].to, PROT_READ | PROT_WRITE);
    }
    return done;
}

static bool is_protected(uint64_t address)
{
    for (int i = 0; i < now.count; i++) {
        if (address >= now.mappings[i].from && address < now.mappings[i].to) {
            return true;
        }
    }
    return false;
}

static bool read_page(pid_t victim, uint64_t page, char *out)
{
    struct iovec to = {out, PAGE}, from = {(void *)(uintptr_t)page, PAGE};
    return process_vm_readv(victim, &to, 1, &from, 1, 0) == PAGE;
}

/* ---- a write ---- */

/* The instruction that was stopped at is let write. Whether it changed something. */
static bool write_once(pid_t victim, uint64_t address)
{
    static char before[PAGES_MOST][PAGE], after[PAGE];
    uint64_t pages[PAGES_MOST];
    int count = 0, status = SIGSEGV;
    bool changed = false;
    siginfo_t info;
    registers base;
    if (ptrace(PTRACE_GETREGS, victim, NULL, &base) != 0) {
        return false;
    }
    uint64_t writing = base.rip;
    for (; status == SIGSEGV && count < PAGES_MOST; count++) {
        pages[count] = address & ~(uint64_t)(PAGE - 1);
        if (!protect(victim, &base, pages[count], pages[count] + PAGE, PROT_READ | PROT_WRITE) ||
            !read_page(victim, pages[count], before[count]) || ptrace(PTRACE_SETREGS, victim, NULL, &base) != 0 ||
            !step_over(victim, &status)) {
            return false;
        }
        if (status == SIGSEGV && ptrace(PTRACE_GETSIGINFO, victim, NULL, &info) == 0) {
            address = (uint64_t)(uintptr_t)info.si_addr; /* it goes across the border of a page */
        }
    }
    if (ptrace(PTRACE_GETREGS, victim, NULL, &base) != 0) {
        return false;
    }
    now.wrote = writing;
    for (int i = 0; i < count; i++) {
        changed = changed || !read_page(victim, pages[i], after) || memcmp(before[i], after, PAGE) != 0;
        protect(victim, &base, pages[i], pages[i] + PAGE, PROT_READ);
    }
    ptrace(PTRACE_SETREGS, victim, NULL, &base);
    return changed;
}

/* ---- a system call ---- */

/* Whether no other process can see that the call was made, and it does not sleep. */
static bool only_asks(const registers *at)
{
    switch (at->orig_rax) {
    case SYS_sched_yield:
    case SYS_clock_gettime:
    case SYS_getpid:
    case SYS_getppid:
    case SYS_gettid:
    case SYS_getuid:
    case SYS_geteuid:
    case SYS_fstat:
    case SYS_newfstatat:
    case SYS_lseek:
    case SYS_readlink:
    case SYS_rt_sigprocmask:
        return true;
    case SYS_fcntl:
        return at->rsi == F_GETLK || at->rsi == F_OFD_GETLK || at->rsi == F_GETFD || at->rsi == F_GETFL;
    case SYS_madvise:
        return at->rdx == MADV_POPULATE_READ;
    case SYS_tgkill:
        return at->rdx == 0;
    default:
        return false;
    }
}

static bool only_sleeps(const registers *at)
{
    return at->orig_rax == SYS_nanosleep || at->orig_rax == SYS_clock_nanosleep || at->orig_rax == SYS_poll ||
           (at->orig_rax == SYS_futex && FUTEX_WAITS(at->rsi));
}

/* It stands before a call, in the kernel: is taken back, so that the memory can be made writable, and begins it anew,
 * as the one instruction that it steps over. */
static bool begin_call(pid_t victim)
{
    siginfo_t info;
    registers call;
    if (ptrace(PTRACE_GETREGS, victim, NULL, &call) != 0) {
        return false;
    }
    if (only_asks(&call)) {
        now.standing = ASKING;
        return ptrace(PTRACE_SYSCALL, victim, NULL, NULL) == 0;
    }
    now.counts = !only_sleeps(&call);
    registers none = call;
    none.orig_rax = UINT64_MAX; /* no such call: it does nothing (ptrace(2)) */
    if (ptrace(PTRACE_SETREGS, victim, NULL, &none) != 0 || ptrace(PTRACE_SYSCALL, victim, NULL, NULL) != 0 ||
        !step_await_stop(victim, &info, step_now() + KIN_SECONDS(5))) {
        return false;
    }
    call.rax = call.orig_rax;
    call.orig_rax = UINT64_MAX;
    call.rip -= CALL_SIZE;
    now.called = call.rip;
    now.standing = CALLING;
    return expose_all(victim, &call) && ptrace(PTRACE_SETREGS, victim, NULL, &call) == 0 &&
           ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) == 0;
}

/* It stopped within a call, or behind it. */
static bool go_on_calling(pid_t victim, const siginfo_t *info, bool *step)
{
    registers at;
    if (info->si_status == SIGTRAP && ptrace(PTRACE_GETREGS, victim, NULL, &at) == 0 && at.rip != now.called) {
        now.standing = HALTED;
        *step = now.counts;
        return protect_all(victim) && !now.over;
    }
    if (info->si_status != SIGTRAP && info->si_status != SIGCHLD) {
        return false; /* the end of the operation is a signal, too */
    }
    void *signal = (void *)(intptr_t)(info->si_status == SIGCHLD ? SIGCHLD : 0); /* the call is begun anew */
    return ptrace(PTRACE_SINGLESTEP, victim, NULL, signal) == 0;
}

/* ---- steps ---- */

bool step_visible_begin(pid_t victim)
{
    registers at;
    memset(&now, 0, sizeof now);
    if (ptrace(PTRACE_SETOPTIONS, victim, NULL, (void *)(intptr_t)PTRACE_O_TRACESYSGOOD) != 0 ||
        ptrace(PTRACE_GETREGS, victim, NULL, &at) != 0) {
        return false;
    }
    now.call_at = at.rip - CALL_SIZE; /* the one that stopped it */
    long code = ptrace(PTRACE_PEEKTEXT, victim, (void *)(uintptr_t)now.call_at, NULL);
    return (code & 0xffff) == 0x050f;
}

bool step_visible_watch(pid_t victim)
{
    return now.standing != HALTED || protect_all(victim);
}

void step_visible_unwatch(pid_t victim)
{
    siginfo_t info;
    registers at;
    if (now.standing == RUNNING && kill(victim, SIGSTOP) == 0 &&
        step_await_stop(victim, &info, step_now() + KIN_SECONDS(1)) && info.si_status == SIGSTOP) {
        now.standing = HALTED;
    }
    if (now.standing == HALTED && ptrace(PTRACE_GETREGS, victim, NULL, &at) == 0 && expose_all(victim, &at)) {
        ptrace(PTRACE_SETREGS, victim, NULL, &at);
    }
}

/* It ran, and stopped. *step: behind a visible step. False: that was the end. */
static bool look_at_stop(pid_t victim, const siginfo_t *info, bool *step)
{
    siginfo_t why;
    now.standing = HALTED;
    if (info->si_status == CALL_STOP) {
        return begin_call(victim);
    }
    if (info->si_status == SIGSEGV && ptrace(PTRACE_GETSIGINFO, victim, NULL, &why) == 0 &&
        is_protected((uint64_t)(uintptr_t)why.si_addr)) {
        *step = write_once(victim, (uint64_t)(uintptr_t)why.si_addr);
        return true;
    }
    now.given = info->si_status;
    return info->si_status == SIGCHLD;
}

bool step_visible(pid_t victim, int64_t end)
{
    siginfo_t info;
    for (bool step = false; !step;) {
        now.wrote = 0;
        if (now.standing == HALTED) {
            if (ptrace(PTRACE_SYSCALL, victim, NULL, (void *)(intptr_t)now.given) != 0) {
                return false;
            }
            now.given = 0;
            now.standing = RUNNING;
        }
        if (!step_await_stop(victim, &info, end)) {
            return false;
        }
        if (now.standing == CALLING) {
            if (!go_on_calling(victim, &info, &step)) {
                return false;
            }
        } else if (now.standing == ASKING) {
            now.standing = HALTED; /* the call's end */
        } else if (!look_at_stop(victim, &info, &step)) {
            return false;
        }
    }
    if (now.steps < STEPS_NOTED) {
        now.writers[now.steps] = now.wrote;
    }
    now.steps++;
    return true;
}

/* ---- the same by comparing ---- */

#define FRAMES 16384 /* pages that are there, of all mappings */

static struct {
    uint64_t pages[FRAMES]; /* sorted, as the mappings are */
    int count;
    char (*contents)[PAGE];
} copied;

/* Its copy, which is zeros if it is new. NULL: there are too many. */
static char *copy_of(uint64_t page)
{
    int i = copied.count;
    while (i > 0 && copied.pages[i - 1] >= page) {
        i--;
    }
    if (i == copied.count || copied.pages[i] != page) {
        if (copied.count == FRAMES) {
            return NULL;
        }
        memmove(&copied.pages[i + 1], &copied.pages[i], (size_t)(copied.count - i) * sizeof copied.pages[0]);
        memmove(&copied.contents[i + 1], &copied.contents[i], (size_t)(copied.count - i) * PAGE);
        copied.count++;
        copied.pages[i] = page;
        memset(copied.contents[i], 0, PAGE);
    }
    return copied.contents[i];
}

static void note_page(pid_t victim, uint64_t page, bool *same)
{
    static char contents[PAGE];
    char *copy = copy_of(page);
    if (!copy || (read_page(victim, page, contents) && memcmp(contents, copy, PAGE) != 0)) {
        *same = false;
        memcpy(copy ? copy : contents, contents, PAGE);
    }
}

/* What others have written, and the victim has not looked at yet: where the tracer has the same file mapped. */
static void copy_shared(uint64_t from, uint64_t to, uint64_t at, uint64_t inode)
{
    static unsigned char there[FRAMES];
    char line[512], access[5];
    unsigned long own_from, own_to, own_at, own_inode;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %4s %lx %*s %lu", &own_from, &own_to, access, &own_at, &own_inode) != 5 ||
            strcmp(access, "rw-s") != 0 || own_inode != inode || own_at != at || own_to - own_from != to - from ||
            (to - from) / PAGE > FRAMES || mincore((void *)own_from, own_to - own_from, there) != 0) {
            continue;
        }
        for (uint64_t i = 0; i < (to - from) / PAGE; i++) {
            char *copy = there[i] & 1 ? copy_of(from + i * PAGE) : NULL;
            if (copy) {
                memcpy(copy, (const char *)own_from + i * PAGE, PAGE);
            }
        }
    }
    if (maps) {
        fclose(maps);
    }
}

/* Reads all pages that the victim has touched, which the kernel says (proc(5), pagemap: bits 63 and 62). */
static bool is_same_memory(pid_t victim, int pagemap)
{
    static uint64_t entries[FRAMES];
    bool same = true;
    for (int i = 0; i < now.count; i++) {
        uint64_t from = now.mappings[i].from, pages = (now.mappings[i].to - from) / PAGE;
        pages = pages < FRAMES ? pages : FRAMES;
        ssize_t size = pread(pagemap, entries, pages * sizeof entries[0], (off_t)(from / PAGE * sizeof entries[0]));
        for (uint64_t p = 0; size > 0 && p < (uint64_t)size / sizeof entries[0]; p++) {
            if (entries[p] >> 62) {
                note_page(victim, from + p * PAGE, &same);
            }
        }
    }
    return same;
}

static bool is_step_call(pid_t victim)
{
    registers at;
    if (ptrace(PTRACE_GETREGS, victim, NULL, &at) != 0) {
        return false;
    }
    long code = ptrace(PTRACE_PEEKTEXT, victim, (void *)(uintptr_t)at.rip, NULL);
    at.orig_rax = at.rax;
    bool end = at.rax == SYS_tgkill && at.rdx == SIGSTOP;
    return (code & 0xffff) == 0x050f && !end && !only_asks(&at) && !only_sleeps(&at);
}

int64_t step_changes_of(pid_t victim, int64_t *at, int64_t most, int64_t *length)
{
    char path[32];
    int64_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/pagemap", (int)victim);
    int pagemap = open(path, O_RDONLY | O_CLOEXEC), status;
    copied.contents = malloc(FRAMES * sizeof *copied.contents);
    find_mappings(victim);
    for (int i = 0; i < now.count; i++) {
        copy_shared(now.mappings[i].from, now.mappings[i].to, now.mappings[i].at, now.mappings[i].inode);
    }
    is_same_memory(victim, pagemap);
    for (*length = 0; !now.over;) {
        bool call = is_step_call(victim);
        if (!step_over(victim, &status) || status != SIGTRAP || now.over) {
            break;
        }
        ++*length;
        if (call) {
            find_mappings(victim);
        }
        if ((!is_same_memory(victim, pagemap) || call) && count < most) {
            at[count++] = *length;
        }
    }
    free(copied.contents);
    close(pagemap);
    return count;
}

bool step_within_loop(int64_t step)
{
    return step_is_in_loop(now.writers, now.steps, step);
}

#else

int64_t step_changes_of(pid_t victim, int64_t *at, int64_t most, int64_t *length)
{
    (void)victim;
    (void)at;
    (void)most;
    *length = 0;
    return 0;
}

bool step_within_loop(int64_t step)
{
    (void)step;
    return false;
}

bool step_visible_begin(pid_t victim)
{
    (void)victim;
    return false;
}

bool step_visible_watch(pid_t victim)
{
    (void)victim;
    return false;
}

void step_visible_unwatch(pid_t victim)
{
    (void)victim;
}

bool step_visible(pid_t victim, int64_t end)
{
    (void)victim;
    (void)end;
    return false;
}

#endif
