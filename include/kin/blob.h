/* blob.h: carry a family and arguments into a child that the program starts by itself: with its own CreateProcess or
 * posix_spawn, through a GUI toolkit or a service manager. Children started by kin_process_start do not need it.
 *
 *     parent:  unsigned char blob[KIN_BLOB_MAX];
 *              size_t size = sizeof blob;
 *              kin_blob_pack(blob, &size, args, target);       // then bring blob's bytes to the child
 *     child:   kin_args *args;
 *              kin_blob_adopt(&args, blob, size);
 *
 * The handles that a blob names must be valid in the child. Windows: pass the child's process handle as target, and
 * kin_blob_pack duplicates them into it. Or pass KIN_BLOB_NO_TARGET, and let the child inherit the handles that
 * kin_blob_handles lists, under the same values. POSIX has only inheritance: make sure that the descriptors that
 * kin_blob_handles lists stay open in the child (posix_spawn_file_actions_adddup2(fd, fd), or fcntl(fd, F_SETFD, 0)
 * between fork and exec).
 *
 * A blob is checked field by field before anything in it is used. Each way in which it can be wrong has an error of its
 * own. The handle values in a blob are not proven: its sender may have named any handle of this process. So a blob that
 * is refused changes nothing. The handles that it names stay open and belong to the caller; kin_blob_handles lists
 * them.
 *
 * Any thread may call all of these functions.
 */
#ifndef KIN_BLOB_H
#define KIN_BLOB_H

#include "process.h"

KIN_BEGIN

#define KIN_BLOB_MAX 4096u
#define KIN_BLOB_NO_TARGET KIN_DETAIL_CAST(kin_handle, 0u)

/* Packs args and their family into buffer. *size: on entry the buffer's capacity in bytes, on return the bytes used. At
 * most KIN_BLOB_MAX bytes are needed. args NULL: the default family, no arguments. The arguments lie in the arena until
 * the blob is adopted: adopt it once. If it is never adopted, or if the child dies before, they stay in the arena.
 * target: see above. If duplicating a handle into target fails, the handles that are already there stay until target
 * ends.
 * Errors: KIN_E_ARGUMENT (buffer or size null), KIN_E_BUFFER (*size is the size that is needed), KIN_E_HANDLE (target,
 * an argument's handle or the family's descriptor is not open; without target: the same handle twice),
 * KIN_E_UNSUPPORTED (POSIX: a target was passed), KIN_E_PERMISSION (the system denies duplicating into target), those
 * of kin_alloc, KIN_E_OS. */
KIN_API kin_status kin_blob_pack(void *buffer, size_t *size, const kin_args *args, kin_handle target);

/* Writes the values of the handles in a blob to handles, and their number to *count. On entry *count is the number of
 * elements of handles. handles NULL: only the number is written. The handles stay the caller's. Errors: KIN_E_ARGUMENT
 * (blob or count null), KIN_E_BUFFER (handles has too few elements; *count is the number that is needed), and
 * KIN_E_BLOB_TRUNCATED, KIN_E_BLOB_CORRUPT and KIN_E_BLOB_VERSION, as kin_blob_adopt. */
KIN_API kin_status kin_blob_handles(const void *blob, size_t size, kin_handle *handles, size_t *count);

/* Joins the blob's family and takes over its handles and arguments. The caller owns *out and frees it with
 * kin_args_destroy. If this process has no default family yet, the blob's family becomes it. The family's own two
 * handles are replaced by duplicates with other values, not inheritable; the handles of arguments keep their values.
 * Errors: KIN_E_ARGUMENT (out or blob null), KIN_E_BLOB_TRUNCATED (it ends too early), KIN_E_BLOB_CORRUPT (checksum or
 * contents are wrong), KIN_E_BLOB_VERSION (another version of kin packed it), KIN_E_BLOB_TARGET (it was packed for
 * another process, or by this process), KIN_E_HANDLE (a handle is not open here, or is of another kind), KIN_E_STALE
 * (adopted already), KIN_E_LIMIT (8 families in this process, no free descriptor, or no room in the family),
 * KIN_E_BUSY (as kin_free), KIN_E_NO_MEMORY, KIN_E_OS. */
KIN_API kin_status kin_blob_adopt(kin_args **out, const void *blob, size_t size);

KIN_END

#endif
