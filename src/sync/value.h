/* value.h: how much of the arena values and arrays take; see base/hooks.h. Public face: kin/value.h. */
#ifndef KIN_INTERNAL_VALUE_H
#define KIN_INTERNAL_VALUE_H

#include "family/family.h"

uint64_t kin__value_extent(kin_family *family, uint64_t offset);
uint64_t kin__array_extent(kin_family *family, uint64_t offset);

#endif
