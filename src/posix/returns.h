/* returns.h: whether a child's entry has returned. */
#ifndef KIN_POSIX_RETURNS_H
#define KIN_POSIX_RETURNS_H

#include "os.h"

/* ---- the parent ---- */

/* A record for a child to be started. *fd, borrowed: what the child adopts. KIN_E_LIMIT, KIN_E_NO_MEMORY. */
kin_status kin_posix_record_claim(kin_posix_record *out, int *fd);
/* Whether the child has noted that its entry returned that code. */
bool kin_posix_record_has(const kin_posix_record *record, int code);
/* Gives it back, also while the child runs. One that is all zero: nothing. */
void kin_posix_record_release(kin_posix_record *record);

/* ---- the child ---- */

/* A forked child's record is this one. */
void kin_posix_record_inherit(const kin_posix_record *record);
/* The same for a child that was given its descriptor; fd is closed. */
kin_status kin_posix_record_adopt(int fd, const kin_posix_record *record);
/* Its entry has returned that code. */
void kin_posix_record_note(int code);

#endif
