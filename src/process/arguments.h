/* arguments.h: named arguments in private memory, and the argument block they travel in.
 *
 *     block  = count:u32 argument*
 *     argument = kind:u32 name:text value
 *     value  = type:u32 ref:u64,u64 | size:u64 zeros-to-16 bytes | handle:u32 | handle:u32 flags:u32
 *     text   = length:u32 bytes
 *
 * Handles are numbered in the order of their arguments, from 0, those of a pipe's end one after the other; the blob
 * (blob.h) says what each is. For every set of arguments there is exactly one block.
 */
#ifndef KIN_ARGUMENTS_H
#define KIN_ARGUMENTS_H

#include "kin/pipe.h"
#include "os.h"
#include "process/wire.h"

typedef enum kin__arg_kind { /* pinned: the block carries it */
                             KIN__ARG_REF = 1,
                             KIN__ARG_BYTES = 2,
                             KIN__ARG_HANDLE = 3,
                             KIN__ARG_PIPE = 4,
} kin__arg_kind;

typedef struct kin__arg {
    char name[KIN_TASK_NAME_MAX + 1];
    kin__arg_kind kind;
    bool owned;    /* bytes is a block of its own; pipe was made here, and nobody has got it */
    uint32_t type; /* ref: kin_type; handle: kin_os_kind; pipe: the end's flags */
    kin_ref ref;
    const void *bytes;
    uint64_t size;
    kin_os_handle handle;
    kin_pipe *pipe;
} kin__arg;

struct kin_args {
    kin_family *family;
    void *block; /* of an adopted set: what the arguments point into */
    uint32_t count, handle_count;
    kin__arg items[KIN_ARGS_MAX];
};

/* Two of a message's handles are the family's. */
#define KIN__ARG_HANDLES_MAX (KIN_OS_HANDLES_MAX - 2u)

/* Frees what args own, not args. */
void kin__args_clear(kin_args *args);

/* The handles of args (NULL: none) with their kinds, in order. KIN_E_HANDLE: one is closed, or is another one by now;
 * KIN_E_BUSY: an end is in use. */
kin_status kin__args_handles(const kin_args *args, kin_os_handle *handles, uint32_t *kinds);

/* Its ends (args NULL: none) are given to another process; given false: that came to nothing. */
void kin__args_given(const kin_args *args, bool given);

/* Writes args (NULL: none) as a block. */
void kin__args_write(kin__writer *out, const kin_args *args);

/* Reads a block into *out, which need not be initialised; its bytes point into the block. No side effects.
 * KIN_E_BLOB_CORRUPT: unsound, or not with just handle_count handles. */
kin_status kin__args_parse(kin_args *out, const void *block, size_t size, uint32_t handle_count);

/* Whether what a parsed set takes for ends of pipes can be such. Changes nothing. */
bool kin__args_ends_sound(const kin_args *args, const kin_os_handle *handles);

/* Gives the arguments of a parsed set their handles. Those that became an end's are KIN_OS_NO_HANDLE afterwards, also
 * on failure, when there is no end any more. KIN_E_HANDLE, KIN_E_NO_MEMORY. */
kin_status kin__args_bind(kin_args *args, kin_os_handle *handles, const uint32_t *kinds);

#endif
