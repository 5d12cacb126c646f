/* memory.h: allocate your own structs in shared memory.
 *
 *     struct bank { kin_lock lock; long balance; } *bank;
 *     KIN_ALLOC(&bank, NULL, 1);
 *     kin_lock_init(&bank->lock, 0);
 *
 * Allocating and freeing blocks of up to 32 KiB is lock-free. A larger block takes whole spans of 64 KiB, under a lock
 * that survives its owner's death.
 *
 * Death of a process: a process killed inside kin_alloc leaks nothing. Blocks that it has allocated before are shared
 * and have no owner: they stay until a process frees them.
 *
 * Any thread of any member may call all of these functions.
 */
#ifndef KIN_MEMORY_H
#define KIN_MEMORY_H

#include "family.h"

KIN_BEGIN

/* Allocates size zeroed bytes, aligned to 16 bytes, in the family's arena (NULL: the default family). Any member may
 * free the block with kin_free. Errors:
 *   - KIN_E_ARGUMENT: out null, or size 0.
 *   - KIN_E_NO_MEMORY: the reserve is used up, or the system has no more memory. Running out is this error, never a
 *     SIGBUS later.
 *   - KIN_E_TOO_BIG: size is more than 64 GiB.
 *   - KIN_E_LIMIT: no free thread slot, or too many members.
 *   - KIN_E_BUSY: another process has held the heap's lock for more than ten seconds; it is stopped.
 *   - KIN_E_HANDLE (POSIX): the family's memory has to grow, but the program has closed its descriptor, and the memory
 *     cannot be opened again. Blocks that fit into the existing memory can still be allocated.
 *   - Those of kin_family_default when family is NULL.
 * Linux: at the limit of a memory cgroup the kernel kills a process of the cgroup, and the call does not return. */
KIN_API kin_status kin_alloc(void **out, kin_family *family, size_t size);

/* As kin_alloc, for count objects of the type that *out points to, without a cast: KIN_ALLOC(&bank, NULL, 1). out is
 * evaluated once. Errors: also KIN_E_ARGUMENT (count 0) and KIN_E_TOO_BIG (the size in bytes overflows). */
#define KIN_ALLOC(out, family, count) kin_alloc_array(KIN_DETAIL_CAST(void *, out), (family), (count), sizeof **(out))

/* The function that KIN_ALLOC calls. out is the address of a pointer to objects of size bytes each. */
KIN_API kin_status kin_alloc_array(void *out, kin_family *family, size_t count, size_t size);

/* Frees a block of kin_alloc or KIN_ALLOC. Its memory is then used for blocks of any size; the memory of a block of
 * 8 MiB or more goes back to the system (not on Windows). Refs to the block become stale. NULL: does nothing and
 * returns KIN_OK. The caller makes sure that no process uses the block any more.
 *
 * The bytes of a smaller block keep their values until another block uses them, and every member can read them. The
 * same is true of removed entries and received messages. Overwrite a secret before it is freed.
 *
 * Errors: KIN_E_NOT_SHARED (not in an arena), KIN_E_ARGUMENT (not the start of a block), KIN_E_STALE (freed already),
 * KIN_E_LIMIT (no free thread slot), KIN_E_BUSY (as kin_alloc; nothing is freed). */
KIN_API kin_status kin_free(void *memory);

/* *size receives the number of bytes that were asked for. Errors: KIN_E_ARGUMENT (a null pointer, or not the start of a
 * block), KIN_E_NOT_SHARED (not in an arena), KIN_E_STALE (freed already). */
KIN_API kin_status kin_alloc_size(const void *memory, size_t *size);

/* *blocks receives the number of allocated blocks in the family (NULL: the default family), *bytes the sum of the bytes
 * that were asked for. Use it to look for leaks. It visits every block. The numbers are exact if no thread allocates or
 * frees meanwhile. Errors: KIN_E_ARGUMENT (blocks or bytes null), and those of kin_family_default when family is
 * NULL. */
KIN_API kin_status kin_alloc_total(kin_family *family, uint64_t *blocks, uint64_t *bytes);

KIN_END

#endif
