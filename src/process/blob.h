/* blob.h: the head that brings a process into a family. At most KIN_BLOB_MAX bytes, whatever the arguments: those lie
 * in a block of the arena (args.h), which the head names by ref, length and checksum, and which the receiver frees.
 *
 *     head   = magic:u64 version:u32 layout:u32 total:u32 flags:u32 checksum:u64
 *              target:u32 packer:u32 family:16 reserve:u64
 *              block:u64,u64 block-size:u64 block-sum:u64 entry:text handle-count:u32 handle*
 *     handle = value:u64 kind:u32 zero:u32
 *
 * Handle 0 is the arena's shared memory; then the pulse, where there is one; then those of the arguments.
 */
#ifndef KIN_INTERNAL_BLOB_H
#define KIN_INTERNAL_BLOB_H

#include "process/arguments.h"
#include "family/family.h"
#include "kin/blob.h"

typedef enum kin__blob_mode {                        /* pinned. How its handles come into the child */
                              KIN__BLOB_INDEX = 0,   /* beside the head, in a message; values are their numbers */
                              KIN__BLOB_INTO = 1,    /* duplicated into the child, under these values */
                              KIN__BLOB_INHERIT = 2, /* inherited by the child, under these values */
} kin__blob_mode;

typedef struct kin__blob {
    kin__blob_mode mode;
    bool has_pulse, bound;   /* bound: the child is to die with the packer */
    uint32_t target, packer; /* pids; target 0: any process */
    kin_os_id family;
    uint64_t reserve;
    kin_ref block;
    uint64_t block_size, block_sum;    /* size 0: there is no block */
    char entry[KIN_TASK_NAME_MAX + 1]; /* empty: none */
    uint32_t handle_count;
    uint64_t values[KIN_OS_HANDLES_MAX];
    uint32_t kinds[KIN_OS_HANDLES_MAX];
} kin__blob;

/* The head of family and args (NULL: none), by index, without block, entry and target; and its handles, all borrowed.
 * KIN_E_HANDLE. */
kin_status kin__blob_describe(kin__blob *out, kin_os_handle *handles, kin_family *family, const kin_args *args);
/* Writes args into a block of the arena, and its name into blob. */
kin_status kin__blob_store(kin__blob *blob, kin_family *family, const kin_args *args);
/* Frees the block if nobody has yet. */
void kin__blob_discard(uint64_t size, kin_ref block);

/* Writes the head if it fits into size; returns its length either way. */
size_t kin__blob_write(const kin__blob *blob, void *buffer, size_t size);
/* Puts right the total and the checksum of size bytes, at least a head without entry and handles. */
void kin__blob_seal(void *bytes, size_t size);
/* Reads a head. No side effects. KIN_E_BLOB_TRUNCATED, _CORRUPT, _VERSION. */
kin_status kin__blob_parse(kin__blob *out, const void *bytes, size_t size);
#define KIN__BLOB_FIXED 104u /* bytes of a head without entry and handles */

/* Adopts the family and fills in the arguments, which need not be initialised. Takes the handles; on failure with
 * KIN__BLOB_INDEX only: the values in other blobs are a claim, and are left alone. */
kin_status kin__blob_take(kin_args *out, const kin__blob *blob, kin_os_handle *handles);

#endif
