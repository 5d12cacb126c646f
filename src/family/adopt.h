/* adopt.h: mapping a family that another process has made. */
#ifndef KIN_ADOPT_H
#define KIN_ADOPT_H

#include "family/family.h"

/* The data that a process needs to join. */
typedef struct kin__family_ticket {
    kin_os_id id;
    uint64_t reserve;
    kin_os_handle shm, pulse;    /* pulse may be KIN_OS_NO_HANDLE */
    bool stranger;               /* it does not become the default family */
    const kin_os_account *owner; /* what it must be; or NULL */
    bool to_read;                /* this process does not become a member; pulse is KIN_OS_NO_HANDLE */
} kin__family_ticket;

/* The handles stay the family's. KIN_E_HANDLE: the program has closed one of them. The number may now name a file of
 * the program, which kin must not give away. KIN_E_READ_ONLY: this process is no member. */
kin_status kin__family_ticket_of(kin_family *family, kin__family_ticket *out);
/* Whether a family that this process has mapped may be opened once more, to read or not. KIN_E_READ_ONLY,
 * KIN_E_EXISTS. */
kin_status kin__family_known(const kin_family *family, bool to_read);
/* Maps and checks; this process joins at its first use. Takes the handles, also on failure. The family becomes the
 * default if there is none. If this process has it mapped already, gives that. KIN_E_BLOB_VERSION: another layout;
 * KIN_E_BLOB_CORRUPT: not an arena of that id; KIN_E_READ_ONLY, KIN_E_EXISTS: this process has it mapped already, for
 * reading only, or as a member. */
kin_status kin__family_adopt(kin_family **out, const kin__family_ticket *ticket);
/* Reads the header of memory that might be an arena. kin__family_adopt checks the rest. KIN_E_DAMAGED,
 * KIN_E_BLOB_VERSION. */
kin_status kin__family_header(kin_os_handle shm, kin_os_id *id, uint64_t *reserve);

#endif
