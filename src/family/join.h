/* join.h: this process becomes a member, and leaves. Protocol: member.c. */
#ifndef KIN_JOIN_H
#define KIN_JOIN_H

#include "family/family.h"

/* Does nothing if the process is a member already. KIN_E_LIMIT: no entry is free. KIN_E_READ_ONLY: it
 * has opened the family for reading only. */
kin_status kin__member_join(kin_family *family);
/* Does nothing if the process is no member, or if threads of it still have slots. ending: the process is about to end.
 * Then the family's names are removed even in that case, if no other process lives in the family. */
void kin__member_leave(kin_family *family, bool ending);

#endif
