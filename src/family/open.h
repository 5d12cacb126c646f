/* open.h: families with a name. Public face: kin/family.h. */
#ifndef KIN_OPEN_H
#define KIN_OPEN_H

/* In any forked child. */
void kin__open_after_fork(void);

#endif
