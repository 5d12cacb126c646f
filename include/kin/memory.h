/* memory.h: allocate any struct of yours in shared memory.
 *
 *     struct bank { kin_lock lock; long balance; } *bank;
 *     KIN_ALLOC(&bank, NULL, 1);
 *     kin_lock_init(&bank->lock, 0);
 *
 * Allocating and freeing are lock-free for up to 32 KiB; larger blocks take whole spans of 64 KiB, under a lock that
 * survives its holder's death. A process killed inside kin_alloc leaks nothing; what it had been given is shared, has
 * no owner, and stays until somebody frees it.
 */
#ifndef KIN_MEMORY_H
#define KIN_MEMORY_H

#include "family.h"

KIN_BEGIN

/* Allocates size zeroed bytes, aligned to 16, in the family's arena (NULL: this process's own). Any member may free
 * them. Errors: KIN_E_ARGUMENT (out null, size 0), KIN_E_NO_MEMORY (the reserve is used up, or the system has no more:
 * an error here, never a SIGBUS later), KIN_E_TOO_BIG (more than 64 GiB), KIN_E_LIMIT (no thread entry), KIN_E_BUSY
 * (another process holds the heap's lock for more than ten seconds: it is stopped), KIN_E_HANDLE (POSIX: the program
 * has closed the descriptor of the family's memory, which has to grow, and it cannot be opened again; blocks that fit
 * into what there is are still to be had), and those of kin_family_default. Linux: where a memory cgroup's limit is
 * reached, the kernel kills a process of the cgroup, and nothing is returned. */
KIN_API kin_status kin_alloc(void **out, kin_family *family, size_t size);

/* The same for count objects of the type that *out points to, without a cast: KIN_ALLOC(&bank, NULL, 1). out is
 * evaluated once. Errors: also KIN_E_ARGUMENT (count 0) and KIN_E_TOO_BIG (the product overflows). */
#define KIN_ALLOC(out, family, count) kin_alloc_array(KIN_DETAIL_CAST(void *, out), (family), (count), sizeof **(out))

/* What KIN_ALLOC calls: out is the address of a pointer to objects of size bytes. */
KIN_API kin_status kin_alloc_array(void *out, kin_family *family, size_t count, size_t size);

/* Frees what kin_alloc gave; the memory serves blocks of any size then, and that of a block of 8 MiB or more goes back
 * to the system (not on Windows). Refs to it become stale. NULL: KIN_OK. The caller sees to it that nobody uses it any
 * more. The bytes of smaller blocks stay as they are until another block needs them, and so do those of deleted entries
 * and received messages: every member can read them. Write over a secret before it is freed. Errors: KIN_E_NOT_SHARED
 * (not in an arena), KIN_E_ARGUMENT (not the start of a block), KIN_E_STALE (freed already), KIN_E_BUSY (as kin_alloc;
 * nothing is freed). */
KIN_API kin_status kin_free(void *memory);

/* The bytes that were asked for. Errors: as kin_free. */
KIN_API kin_status kin_alloc_size(const void *memory, size_t *size);

/* How many blocks are allocated in the family (NULL: this process's own), and how many bytes were asked for, counted
 * one by one: for looking for leaks. Exact while nobody allocates or frees. Errors: KIN_E_ARGUMENT, and those of
 * kin_family_default. */
KIN_API kin_status kin_alloc_total(kin_family *family, uint64_t *blocks, uint64_t *bytes);

KIN_END

#endif
