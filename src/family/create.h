/* create.h: making a family. Public face: kin/family.h. */
#ifndef KIN_CREATE_H
#define KIN_CREATE_H

#include "family/family.h"

/* family, or the default family for NULL, which is made if there is none. Never gives NULL with KIN_OK. */
kin_status kin__family_resolve(kin_family **out, kin_family *family);
/* kin_family_create for a family that is to get this name, and for that group. Cleans up nothing first. options: not
 * NULL, and of this version. */
kin_status kin__family_create_named(kin_family **out, const char *name, const kin_os_access *access,
                                    const kin_family_options *options);

#endif
