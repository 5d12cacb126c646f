/* wine-sdk.c: what a program of MSVC's ABI has from the static part of Microsoft's C library, and Wine has not: atexit,
 * the entry of a DLL, and the directory of thread-local storage. For the toolchain windows-msvc-abi, which compiles it
 * and links it first.
 *
 * https://learn.microsoft.com/windows/win32/debug/pe-format: the .tls section; its parts are sorted by what follows
 * "$". */
#include <stdint.h>

int _crt_atexit(void (*function)(void)); /* ucrtbase.dll */

int atexit(void (*function)(void))
{
    return _crt_atexit(function);
}

/* What Wine's <stdlib.h> makes of a call of atexit: it declares it to be a DLL's. */
int (*const __imp_atexit)(void (*function)(void)) = atexit;

/* Where a DLL begins. */
int _DllMainCRTStartup(void *module, unsigned long reason, void *reserved)
{
    (void)module;
    (void)reason;
    (void)reserved;
    return 1;
}

unsigned long _tls_index;

#pragma section(".tls", long, read, write)
#pragma section(".tls$ZZZ", long, read, write)
__declspec(allocate(".tls")) char _tls_start;
__declspec(allocate(".tls$ZZZ")) char _tls_end;

const struct {
    uint64_t start, end, index, callbacks;
    uint32_t zero_fill, flags;
} _tls_used = {(uint64_t)&_tls_start, (uint64_t)&_tls_end, (uint64_t)&_tls_index, 0, 0, 0};
