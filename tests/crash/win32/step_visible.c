/* step_visible.c: the steps of this process that others can see; posix/step_visible.c says what these are.
 *
 * The handler in step_os.c comes here after each instruction. The writable views of sections (all of them: arena,
 * pulse, records of children) are write-protected, so that an instruction that writes there raises an access violation:
 *
 *     a write        the page is made writable, the one instruction is stepped over, the page is protected again. If
 *                    its bytes are the same as before, it was no visible step
 *     a system call  is seen by its instruction, which stands in a function of ntdll. All is made writable, as the
 *                    kernel may write there; after the call, what is shared by then is protected. Each call is a
 *                    visible step, but those that only ask or sleep, and waits that got nothing
 *
 * Other threads of the process are not stepped. They must not write shared memory: that would end the process.
 */
#include "step_visible.h"

#include <string.h>

#define PAGE 4096u
#define RANGES 1024  /* of pages with the same protection */
#define PAGES_MOST 3 /* that one instruction writes to: two, and one to spare */
#define STUB 32      /* bytes of a function of ntdll that makes a system call */

typedef enum call_kind {
    CALL_NONE,
    CALL_ASKS,   /* others see nothing of it */
    CALL_SLEEPS, /* nor of that */
    CALL_WAITS,  /* sleeps, and may take something: a semaphore's count */
    CALL_CHANGES,
} call_kind;

static const struct {
    const char *name;
    call_kind kind;
} known[] = {
    {"NtQueryPerformanceCounter", CALL_ASKS},  {"NtQuerySystemTime", CALL_ASKS},
    {"NtQueryInformationProcess", CALL_ASKS},  {"NtQueryInformationThread", CALL_ASKS},
    {"NtQueryVirtualMemory", CALL_ASKS},       {"NtQueryObject", CALL_ASKS},
    {"NtYieldExecution", CALL_ASKS},           {"NtDelayExecution", CALL_SLEEPS},
    {"NtWaitForAlertByThreadId", CALL_SLEEPS}, {"NtWaitForSingleObject", CALL_WAITS},
    {"NtWaitForMultipleObjects", CALL_WAITS},
};

#define KNOWN (sizeof known / sizeof known[0])

static uintptr_t stubs[KNOWN];

static struct {
    const void *apart;
    DWORD thread;
    struct {
        char *from;
        size_t size;
    } ranges[RANGES]; /* protected */
    int count;
    struct {
        char *page;
        char before[PAGE];
    } written[PAGES_MOST]; /* by the instruction that is stepped over */
    int pages;
    uint64_t writer;
    call_kind call; /* that it is */
} now;

/* ---- memory ---- */

static bool protect(void *from, size_t size, DWORD access)
{
    DWORD before;
    return VirtualProtect(from, size, access, &before) != 0;
}

static bool find_ranges(void)
{
    MEMORY_BASIC_INFORMATION region;
    now.count = 0;
    for (char *at = NULL; VirtualQuery(at, &region, sizeof region) != 0; at += region.RegionSize) {
        at = region.BaseAddress;
        if (region.State != MEM_COMMIT || region.Type != MEM_MAPPED || region.Protect != PAGE_READWRITE ||
            region.AllocationBase == now.apart) {
            continue;
        }
        if (now.count == RANGES) {
            return false;
        }
        now.ranges[now.count].from = at;
        now.ranges[now.count++].size = region.RegionSize;
    }
    return true;
}

static bool protect_all(DWORD access)
{
    bool done = true;
    for (int i = 0; done && i < now.count; i++) {
        done = protect(now.ranges[i].from, now.ranges[i].size, access);
    }
    return done;
}

static bool is_protected(const char *address)
{
    for (int i = 0; i < now.count; i++) {
        if (address >= now.ranges[i].from && address < now.ranges[i].from + now.ranges[i].size) {
            return true;
        }
    }
    return false;
}

bool step_visible_begin(const void *apart)
{
    memset(&now, 0, sizeof now);
    now.apart = apart;
    now.thread = GetCurrentThreadId();
    return find_ranges() && protect_all(PAGE_READONLY);
}

void step_visible_end(void)
{
    protect_all(PAGE_READWRITE);
}

/* ---- a write ---- */

bool step_visible_write(const EXCEPTION_RECORD *why, const CONTEXT *at)
{
    char *page = (char *)(why->ExceptionInformation[1] & ~(ULONG_PTR)(PAGE - 1));
    bool writes = why->ExceptionInformation[0] == 1; /* Microsoft, "EXCEPTION_RECORD structure" */
    if (!writes || !is_protected(page) || now.pages == PAGES_MOST || GetCurrentThreadId() != now.thread) {
        return false;
    }
    now.writer = at->Rip;
    now.written[now.pages].page = page;
    memcpy(now.written[now.pages++].before, page, PAGE);
    return protect(page, PAGE, PAGE_READWRITE);
}

static bool end_write(bool *step)
{
    bool done = true;
    for (int i = 0; i < now.pages; i++) {
        *step = *step || memcmp(now.written[i].before, now.written[i].page, PAGE) != 0;
        done = protect(now.written[i].page, PAGE, PAGE_READONLY) && done;
    }
    now.pages = 0;
    return done;
}

/* ---- a system call ---- */

void step_learn_calls(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    for (size_t i = 0; i < KNOWN; i++) {
        stubs[i] = (uintptr_t)GetProcAddress(ntdll, known[i].name);
    }
}

/* Which call the instruction makes. Under Wine the functions of ntdll call what this address holds. */
static call_kind call_at(uint64_t rip)
{
    static const unsigned char syscall[] = {0x0f, 0x05};
    static const unsigned char call_of_wine[] = {0xff, 0x14, 0x25, 0x00, 0x10, 0xfe, 0x7f};
    const void *code = (const void *)(uintptr_t)rip;
    if (memcmp(code, syscall, sizeof syscall) != 0 && memcmp(code, call_of_wine, sizeof call_of_wine) != 0) {
        return CALL_NONE;
    }
    for (size_t i = 0; i < KNOWN; i++) {
        if (rip >= stubs[i] && rip < stubs[i] + STUB) {
            return known[i].kind;
        }
    }
    return CALL_CHANGES;
}

bool step_sleeps(const CONTEXT *at)
{
    call_kind kind = call_at(at->Rip);
    return kind == CALL_SLEEPS || kind == CALL_WAITS;
}

static bool end_call(const CONTEXT *at, bool *step)
{
    *step = *step || now.call == CALL_CHANGES || (now.call == CALL_WAITS && (uint32_t)at->Rax != WAIT_TIMEOUT);
    return find_ranges() && protect_all(PAGE_READONLY);
}

bool step_visible(const CONTEXT *at, bool *step, uint64_t *writer)
{
    *step = false;
    *writer = now.pages > 0 ? now.writer : 0;
    bool done = end_write(step);
    if (now.call > CALL_SLEEPS) {
        done = end_call(at, step) && done;
    }
    now.call = call_at(at->Rip);
    return done && (now.call <= CALL_SLEEPS || protect_all(PAGE_READWRITE));
}
