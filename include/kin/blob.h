/* blob.h: carry a family and arguments into a child that the program starts by itself: with its own CreateProcess or
 * posix_spawn, through a GUI toolkit or a service manager. Children started by kin_process_start need none of this.
 *
 *     parent:  unsigned char blob[KIN_BLOB_MAX];
 *              size_t size = sizeof blob;
 *              kin_blob_pack(blob, &size, args, target);       // then bring blob's bytes to the child
 *     child:   kin_args *args;
 *              kin_blob_adopt(&args, blob, size);
 *
 * The handles inside must be valid in the child. Windows: give the child's process handle as target, and they are
 * duplicated into it; or KIN_BLOB_NO_TARGET, and let the child inherit, under the same values, those that
 * kin_blob_handles lists. POSIX: there is only inheritance: see to it that the descriptors listed survive into the
 * child (posix_spawn_file_actions_adddup2(fd, fd), or fcntl(fd, F_SETFD, 0) between fork and exec).
 *
 * A blob is checked field by field before anything in it is used, and each way in which it can be wrong has an error
 * of its own. The values of handles in it are a claim: its maker may have named any handle of this process. So
 * a blob that is refused has changed nothing, and the handles that it names stay as they are, the caller's:
 * kin_blob_handles lists them.
 */
#ifndef KIN_BLOB_H
#define KIN_BLOB_H

#include "process.h"

KIN_BEGIN

#define KIN_BLOB_MAX 4096u
#define KIN_BLOB_NO_TARGET KIN_DETAIL_CAST(kin_handle, 0u)

/* Packs the family of args, and args, into buffer. *size: in, its capacity; out, the bytes used. args NULL: own
 * family, no arguments. The arguments lie in the arena until the blob is adopted, so adopt it once; those of a blob
 * that nobody adopts stay there. Duplicates that are in the target already when a later one fails stay until the
 * target ends.
 * Errors: KIN_E_ARGUMENT, KIN_E_BUFFER (*size is what is needed), KIN_E_HANDLE (target, an argument's handle, or
 * without target the same handle twice), KIN_E_UNSUPPORTED (POSIX: a target), KIN_E_NO_MEMORY, KIN_E_PERMISSION,
 * KIN_E_OS. */
KIN_API kin_status kin_blob_pack(void *buffer, size_t *size, const kin_args *args, kin_handle target);

/* The handles in a blob: their number in *count (in: capacity of handles), their values in handles (NULL: only count).
 * Errors: those of a malformed blob, KIN_E_BUFFER (more than the capacity; *count is the number). */
KIN_API kin_status kin_blob_handles(const void *blob, size_t size, kin_handle *handles, size_t *count);

/* Joins the family, takes the handles, and gives the arguments, the caller's; kin_args_destroy. If this process has
 * no own family yet, the blob's becomes it. The family's own two handles go on under other values, not inheritable;
 * those of arguments keep theirs.
 * Errors: KIN_E_ARGUMENT, KIN_E_BLOB_TRUNCATED, KIN_E_BLOB_CORRUPT, KIN_E_BLOB_VERSION, KIN_E_BLOB_TARGET (made for
 * another process, or in this one), KIN_E_HANDLE (one is not open here, or of another kind), KIN_E_STALE (adopted
 * already), KIN_E_LIMIT, KIN_E_NO_MEMORY, KIN_E_OS. */
KIN_API kin_status kin_blob_adopt(kin_args **out, const void *blob, size_t size);

KIN_END

#endif
