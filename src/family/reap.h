/* reap.h: cleaning up after dead members. Protocol: member.c. */
#ifndef KIN_REAP_H
#define KIN_REAP_H

#include "family/family.h"

/* Reaps every dead member; returns how many. */
uint32_t kin__reap_all(kin_family *family);
/* Reaps the members that had this pid and are dead. */
void kin__reap_pid(kin_family *family, uint32_t pid);
/* Reaps that member if a look that costs nothing says that it may be dead, and it is. */
bool kin__reap_suspect(kin_family *family, uint32_t index);
/* For a caller that found no free entry: reaps. Returns whether to look again; tries: how often the caller has. */
bool kin__make_room(kin_family *family, int tries);

#endif
