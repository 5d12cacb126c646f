/* close.h: leaving families. Public face: kin/family.h. */
#ifndef KIN_CLOSE_H
#define KIN_CLOSE_H

/* Leaves all families; for a process about to end. They stay mapped. */
void kin__family_leave_all(void);

#endif
