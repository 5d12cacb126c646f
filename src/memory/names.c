/* names.c: names of objects inside a family. A table in the arena, under a lock; an entry counts from the store of
 * `live` on, so a process killed while it sets or removes a name has done it or not.
 *
 * The name of an object that was destroyed (its ref is stale) is free for another object. It is taken over in one hold
 * of the lock: if two processes find it stale and each sets another object, the second finds that of the first. Were it
 * removed first, and then set, the second would remove the name that the first has set. */
#include "base/last_error.h"
#include "family/create.h"
#include "family/input.h"
#include "family/thread_slot.h"
#include "kin/ref.h"
#include "memory/object.h"
#include "park/owner_lock.h"

#include <string.h>

#define PATIENCE KIN_SECONDS(10)
#define NO_NAME "the family has no object of that name"

static kin_status enter(kin_family *family, kin__seat **seat)
{
    kin_status status = kin__seat_take(seat, family);
    if (status == KIN_OK) {
        status = kin__lock_acquire(*seat, &family->arena->name_lock, PATIENCE);
    }
    if (status == KIN_OWNER_DIED) {
        status = kin__lock_repair(*seat, &family->arena->name_lock); /* every state of the table is sound */
    }
    return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
}

static void leave(kin__seat *seat)
{
    kin__lock_release(seat, &seat->family->arena->name_lock);
}

static bool name_valid(const char *name)
{
    /* Not memchr: compilers hold it to be read as far as its bound, which is beyond the end of a shorter array. */
    size_t length = 0;
    while (name && length <= KIN_NAME_MAX && name[length] != '\0') {
        length++;
    }
    return length > 0 && length <= KIN_NAME_MAX;
}

static kin_ref ref_in(const kin__name *entry)
{
    kin_ref ref;
    kin__copy_in(&ref, &entry->ref, sizeof ref);
    return ref;
}

/* A destroyed object is KIN_E_STALE, whatever type is asked for. */
static kin_status resolve(void **out, kin_type type, kin_ref ref)
{
    void *object;
    kin_type is = (kin_type)KIN__TAG_TYPE(ref.opaque[0]);
    kin_status status = kin_ref_get(&object, is, ref);
    if (status == KIN_OK && is != type) {
        status = kin__refuse(KIN_E_TYPE, "the name belongs to an object of another type");
    }
    if (status == KIN_OK) {
        *out = object;
    }
    return status;
}

static bool is_stale(const kin__name *entry)
{
    void *object;
    kin_ref ref = ref_in(entry);
    return kin_ref_get(&object, (kin_type)KIN__TAG_TYPE(ref.opaque[0]), ref) == KIN_E_STALE;
}

/* An entry whose object was destroyed, or NULL. */
static kin__name *find_stale(kin_family *family)
{
    kin__name *names = kin__names_of(family);
    for (uint32_t i = 0; i < KIN__NAMES; i++) {
        if (is_stale(&names[i])) {
            return &names[i];
        }
    }
    return NULL;
}

/* The entry of that name, or NULL; *empty is one that may be used. */
static kin__name *find(kin_family *family, const char *name, kin__name **empty)
{
    kin__name *names = kin__names_of(family);
    for (uint32_t i = 0; i < KIN__NAMES; i++) {
        if (!atomic_load(&names[i].live)) {
            *empty = &names[i];
        } else if (strncmp(names[i].text, name, sizeof names[i].text) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

static kin_status fill(kin_family *family, const char *name, kin_type type, kin_ref ref)
{
    kin__name *empty = NULL, *entry = find(family, name, &empty);
    if (entry && !is_stale(entry)) {
        return kin__refuse(KIN_E_EXISTS, "an object has that name");
    }
    entry = entry ? entry : empty ? empty : find_stale(family);
    if (!entry) {
        return kin__refuse(KIN_E_LIMIT, "the family has 256 names already");
    }
    atomic_store(&entry->live, 0);
    memset(entry->text, 0, sizeof entry->text);
    memcpy(entry->text, name, strlen(name));
    entry->type = (uint32_t)type;
    entry->ref = ref;
    atomic_store(&entry->live, 1);
    return KIN_OK;
}

kin_status kin_name_set(const char *name, kin_type type, const void *object)
{
    kin_family *family;
    kin__seat *seat;
    kin_ref ref;
    if (!name_valid(name)) {
        return kin__refuse(KIN_E_ARGUMENT, "name is not 1 to 47 bytes long");
    }
    kin_status status = kin_ref_of(&ref, type, object);
    if (status == KIN_OK) {
        status = kin_family_of(&family, object);
    }
    if (status == KIN_OK) {
        status = enter(family, &seat);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    status = fill(family, name, type, ref);
    leave(seat);
    return kin__told(status);
}

kin_status kin_name_get(void **out, kin_family *family, const char *name, kin_type type)
{
    kin__seat *seat;
    kin__name *empty = NULL;
    kin_ref ref = {{0, 0}};
    if (!out || !name_valid(name)) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or name is not 1 to 47 bytes long");
    }
    kin_status status = kin__family_resolve(&family, family);
    if (status == KIN_OK) {
        status = enter(family, &seat);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    const kin__name *entry = find(family, name, &empty);
    if (entry) {
        ref = ref_in(entry);
    }
    leave(seat);
    return kin__told(entry ? resolve(out, type, ref) : kin__refuse(KIN_E_NOT_FOUND, NO_NAME));
}

kin_status kin_name_remove(kin_family *family, const char *name)
{
    kin__seat *seat;
    kin__name *empty = NULL;
    if (!name_valid(name)) {
        return kin__refuse(KIN_E_ARGUMENT, "name is not 1 to 47 bytes long");
    }
    kin_status status = kin__family_resolve(&family, family);
    if (status == KIN_OK) {
        status = enter(family, &seat);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin__name *entry = find(family, name, &empty);
    if (entry) {
        atomic_store(&entry->live, 0);
    }
    leave(seat);
    return kin__told(entry ? KIN_OK : kin__refuse(KIN_E_NOT_FOUND, NO_NAME));
}
