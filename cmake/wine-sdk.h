/* wine-sdk.h: what the headers of Wine 8 lack of the Windows SDK's, for the toolchain windows-msvc-abi. From
 * Microsoft's reference pages of these functions and structures. Included ahead of every file. */
#ifndef KIN_WINE_SDK_H
#define KIN_WINE_SDK_H

/* https://learn.microsoft.com/windows/win32/api/namedpipeapi/nf-namedpipeapi-createnamedpipew */
#define PIPE_REJECT_REMOTE_CLIENTS 0x00000008

/* https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-jobobject_cpu_rate_control_information */
#define JOB_OBJECT_CPU_RATE_CONTROL_ENABLE 0x1
#define JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP 0x4
#define JobObjectCpuRateControlInformation 15
typedef struct JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
    unsigned long ControlFlags;
    union {
        unsigned long CpuRate;
        unsigned long Weight;
        struct {
            unsigned short MinRate;
            unsigned short MaxRate;
        };
    };
} JOBOBJECT_CPU_RATE_CONTROL_INFORMATION;

/* https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntqueryobject: the type's name comes first. */
#define PUBLIC_OBJECT_TYPE_INFORMATION OBJECT_TYPE_INFORMATION

/* https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-interlockedexchange64: an intrinsic on 64 bits. */
#define InterlockedExchange64(target, value) __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST)

/* https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getprocesshandlecount */
__declspec(dllimport) int __stdcall GetProcessHandleCount(void *process, unsigned long *count);

/* https://learn.microsoft.com/windows/win32/api/processtopologyapi/nf-processtopologyapi-getprocessgroupaffinity */
__declspec(dllimport) int __stdcall GetProcessGroupAffinity(void *process, unsigned short *count,
                                                            unsigned short *groups);

#endif
