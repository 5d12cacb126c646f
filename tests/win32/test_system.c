/* What kin promises of Windows' own things: consoles, streams and directories of what it starts, the clock, processors.
 * Programs and children are this program.
 */
#include "support.h"

#include <io.h>
#include <wchar.h>
#include <windows.h>
#include <winternl.h>

#include "os.h"
#include "win32/cpus.h"

static char self[4096];

/* ---- programs ---- */

enum { NONE, HIDDEN, SHOWN };

/* What it has of a console. Where Wine has no display, one that is to be shown is there, but does not work. */
static int own_console(void)
{
    DWORD one;
    return GetConsoleProcessList(&one, 1) == 0 ? NONE : GetConsoleCP() != 0 && !GetConsoleWindow() ? HIDDEN : SHOWN;
}

/* Wine lets any process set the mode. So the right to do so is checked, too ("NtQueryObject function"). */
static int set_mode_of_input(void)
{
    typedef NTSTATUS(NTAPI * query_object)(HANDLE, OBJECT_INFORMATION_CLASS, PVOID, ULONG, PULONG);
    PUBLIC_OBJECT_BASIC_INFORMATION info = {.GrantedAccess = 0};
    DWORD mode = PIPE_READMODE_BYTE | PIPE_NOWAIT;
    HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    FARPROC found = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryObject");
    query_object query = (query_object)(void (*)(void))found;
    CHECK(query && query(input, ObjectBasicInformation, &info, sizeof info, NULL) >= 0);
    CHECK(info.GrantedAccess & FILE_WRITE_ATTRIBUTES);
    CHECK(SetNamedPipeHandleState(input, &mode, NULL, NULL));
    return 7;
}

static int console_of_program(uint32_t flags)
{
    const char *const argv[] = {self, "console", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_exit end = {.code = -1};
    options.flags = flags;
    options.input = options.output = options.errors = KIN_RUN_NOTHING;
    return kin_run(argv, &options, &end) == KIN_OK ? end.code : 9;
}

static int child_console(const kin_args *args)
{
    (void)args;
    return own_console();
}

static int console_of_child(int no_window)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    kin_exit end = {.code = -1};
    options.no_window = no_window;
    if (kin_process_start(&process, "console", NULL, &options) != KIN_OK ||
        kin_process_join(process, PATIENCE, &end) != KIN_OK) {
        return 9;
    }
    kin_process_close(process);
    return end.code;
}

/* Started without a console, as a program with windows is. */
static int start_without_console(void)
{
    CHECK(own_console() == NONE);
    CHECK(console_of_program(0) == SHOWN);
    CHECK(console_of_program(KIN_RUN_NO_WINDOW) == HIDDEN);
    CHECK(console_of_child(0) == SHOWN);
    CHECK(console_of_child(1) == HIDDEN);
    return 0;
}

/* How many processes have its console. */
static int count_sharers(void)
{
    DWORD list[8];
    return (int)GetConsoleProcessList(list, 8);
}

static int start_with_console(void)
{
    const char *const argv[] = {self, "count", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_exit end = {.code = -1};
    CHECK(own_console() == HIDDEN && count_sharers() == 1);
    options.flags = KIN_RUN_NO_WINDOW;
    CHECK(kin_run(argv, &options, &end) == KIN_OK && end.code == 2);
    CHECK(console_of_program(0) == HIDDEN);
    return 0;
}

/* ---- the keeper of a manager, which is this program: a thread of it looks about when it is told to ---- */

#define TOLD L"KIN_TEST_KEEPER"

static HANDLE open_event(const wchar_t *name, const wchar_t *suffix)
{
    wchar_t whole[80];
    swprintf(whole, 80, L"%ls-%ls", name, suffix);
    return CreateEventW(NULL, TRUE, FALSE, whole);
}

static bool is_nothing(HANDLE handle)
{
    char byte;
    DWORD moved = 1;
    return GetFileType(handle) == FILE_TYPE_CHAR && ReadFile(handle, &byte, 1, &moved, NULL) && moved == 0 &&
           WriteFile(handle, "x", 1, &moved, NULL);
}

/* Those of the C library, too, after other files were opened. */
static bool all_streams_are_nothing(void)
{
    static const DWORD streams[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    for (int i = 0; i < 40; i++) {
        open_file_with("this is not the input");
    }
    for (int i = 0; i < 3; i++) {
        if (!is_nothing(GetStdHandle(streams[i])) || !is_nothing((HANDLE)_get_osfhandle(i))) {
            return false;
        }
    }
    return true;
}

static DWORD WINAPI look_about(void *name)
{
    wchar_t here[MAX_PATH + 1], system[MAX_PATH + 1];
    WaitForSingleObject(open_event(name, L"look"), INFINITE);
    GetCurrentDirectoryW(MAX_PATH + 1, here);
    GetSystemDirectoryW(system, MAX_PATH + 1);
    bool good = all_streams_are_nothing() && own_console() == NONE && _wcsicmp(here, system) == 0;
    SetEvent(open_event(name, good ? L"good" : L"bad"));
    return 0;
}

static void be_told(void)
{
    static wchar_t name[64];
    if (GetEnvironmentVariableW(TOLD, name, 64) > 0 && kin_os_message_pending()) {
        CreateThread(NULL, 0, look_about, name, 0, NULL);
    }
}

/* ---- tests ---- */

static int run_self(const wchar_t *argument, DWORD flags)
{
    wchar_t path[MAX_PATH], line[64];
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION info;
    DWORD code = (DWORD)-1;
    swprintf(line, 64, L"self %ls", argument);
    assert_true(GetModuleFileNameW(NULL, path, MAX_PATH) > 0);
    assert_true(CreateProcessW(path, line, NULL, NULL, FALSE, flags, NULL, NULL, &startup, &info));
    assert_int_equal(WaitForSingleObject(info.hProcess, 60000), WAIT_OBJECT_0);
    GetExitCodeProcess(info.hProcess, &code);
    CloseHandle(info.hThread);
    CloseHandle(info.hProcess);
    return (int)code;
}

static void no_window_opens_if_it_is_not_wanted(void **state)
{
    (void)state;
    assert_int_equal(run_self(L"without", DETACHED_PROCESS), 0);
}

/* A host of its own costs as much as the start. The middle process has a console without a window; those that it
 * starts are with it in the list of that console's processes. */
static void a_console_is_shared(void **state)
{
    (void)state;
    assert_int_equal(run_self(L"share", CREATE_NO_WINDOW), 0);
}

static void a_program_may_set_the_mode_of_its_input(void **state)
{
    (void)state;
    const char *const argv[] = {self, "mode", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_exit end = {.code = -1};
    options.input = KIN_RUN_BYTES;
    options.input_bytes = "x";
    options.input_size = 1;
    assert_ok(kin_run(argv, &options, &end));
    assert_int_equal(end.code, 7);
}

static void a_keeper_holds_nothing_of_its_starter(void **state)
{
    (void)state;
    wchar_t told[64];
    char name[64];
    kin_manager *manager = NULL;
    swprintf(told, 64, L"kin-test-keeper-%lu", GetCurrentProcessId());
    snprintf(name, sizeof name, "system-%lu", GetCurrentProcessId());
    HANDLE look = open_event(told, L"look");
    HANDLE answers[] = {open_event(told, L"good"), open_event(told, L"bad")};
    SetEnvironmentVariableW(TOLD, told);
    assert_ok(kin_manager_open(&manager, name, NULL));
    SetEvent(look);
    assert_int_equal(WaitForMultipleObjects(2, answers, FALSE, 60000), WAIT_OBJECT_0);
    SetEnvironmentVariableW(TOLD, NULL);
    kin_manager_close(manager);
    assert_ok(kin_manager_stop(name, PATIENCE));
    CloseHandle(look);
    CloseHandle(answers[0]);
    CloseHandle(answers[1]);
}

/* Under Wine 8 there is no precise clock of this kind; the other one ticks every few milliseconds. */
static void the_clock_does_not_count_suspension(void **state)
{
    (void)state;
    ULONGLONG before, after;
    QueryUnbiasedInterruptTime(&before);
    int64_t begun = kin_now();
    Sleep(300);
    int64_t took = kin_now() - begun;
    QueryUnbiasedInterruptTime(&after);
    int64_t expected = (int64_t)(after - before) * 100;
    assert_true(took - expected < KIN_MS(50) && expected - took < KIN_MS(50));
    if (GetProcAddress(GetModuleHandleW(L"kernelbase.dll"), "QueryUnbiasedInterruptTimePrecise")) {
        int64_t apart = kin_now() - (int64_t)after * 100;
        assert_true(apart >= 0 && apart < KIN_MS(50));
    }
}

static void all_groups_of_processors_count(void **state)
{
    (void)state;
    static const struct {
        kin_win32_affinity found;
        uint32_t expected;
    } cases[] = {
        {{0xf, 0xf, 1, 4}, 4},                 /* one group */
        {{0x5, 0xf, 1, 4}, 2},                 /* of it, some */
        {{UINT64_MAX, UINT64_MAX, 1, 64}, 64}, /* Windows 10: one of two groups */
        {{0, 0, 2, 128}, 128},                 /* Windows 10: threads in both */
        {{UINT64_MAX, UINT64_MAX, 2, 96}, 96}, /* Windows 11: both by default */
        {{0xff, UINT64_MAX, 2, 96}, 8},        /* restricted to some of the first */
        {{0x7, 0xf, 0, 0}, 3},                 /* no groups can be asked for */
        {{0, 0, 0, 0}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(kin_win32_allowed(&cases[i].found), cases[i].expected);
    }
    DWORD_PTR mine, whole;
    assert_true(GetProcessAffinityMask(GetCurrentProcess(), &mine, &whole));
    assert_true(kin_cpu_count() >= 1 && kin_cpu_count() <= GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
    assert_true(SetProcessAffinityMask(GetCurrentProcess(), mine & (~mine + 1)));
    assert_int_equal(kin_cpu_count(), 1);
    assert_true(SetProcessAffinityMask(GetCurrentProcess(), mine));
}

static int play(const char *part)
{
    return strcmp(part, "console") == 0   ? own_console()
           : strcmp(part, "mode") == 0    ? set_mode_of_input()
           : strcmp(part, "without") == 0 ? start_without_console()
           : strcmp(part, "share") == 0   ? start_with_console()
           : strcmp(part, "count") == 0   ? count_sharers()
                                          : 99;
}

int main(int argc, char **argv)
{
    static const kin_child_entry entries[] = {{"console", child_console}};
    be_told();
    kin_child_main(entries, 1);
    if (kin_os_self_path(self, sizeof self) != KIN_OK) {
        return 1;
    }
    if (argc > 1) {
        return play(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_opens_if_it_is_not_wanted),
        cmocka_unit_test(a_console_is_shared),
        cmocka_unit_test(a_program_may_set_the_mode_of_its_input),
        cmocka_unit_test(a_keeper_holds_nothing_of_its_starter),
        cmocka_unit_test(the_clock_does_not_count_suspension),
        cmocka_unit_test(all_groups_of_processors_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
