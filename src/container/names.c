/* names.c: names of objects inside a family. They are a dict in the arena's header. The name is the key, the object's
 * ref is the value. So there may be any number of names, and they are found without a lock. If a process is killed
 * while it sets or removes a name, this has been done completely or not at all (container.c). Two things differ from a
 * program's dict:
 *
 * - A call waits at most ten seconds for the lock. So a process that is stopped while it holds the lock blocks no other
 *   process for longer.
 * - The name of a destroyed object (its ref is stale) is free for another object. The name is taken over without
 *   releasing the lock in between. If two processes find it stale and each sets its own object, the second one finds
 *   the first one's object. If the name were removed first and then set, the second process would remove the first
 *   one's.
 *
 * Stale names that are never set again would stay for ever. So each call that sets a new name looks at a few slots
 * behind its own, and removes a stale name there. The hash chooses the slots. So after a while a table in which names
 * come and go has about as many stale names as one call finds: an eighth of the slots. In a full family all stale names
 * are removed.
 */
#include "base/last_error.h"
#include "container/cursor.h"
#include "container/hash.h"
#include "container/hash_table.h"
#include "family/create.h"
#include "family/reader.h"
#include "family/thread_slot.h"
#include "kin/ref.h"
#include "memory/object.h"

#include <string.h>

#define PATIENCE KIN_SECONDS(10)
#define ATTEMPTS 100 /* to find a name, before the lock is taken */
#define TIDIED 8     /* slots that a set looks at */
#define NO_NAME "the family has no object of that name"
#define BAD_NAME "name is not 1 to 255 bytes long"

_Static_assert(KIN_NAME_MAX == 255, "BAD_NAME says so");

typedef struct work { /* of one call */
    kin_family *family;
    kin__seat *seat;
    kin__container *names;
    kin__key key;
    kin__way way;
    kin__place place;
    bool there; /* under the lock: the name is set, at place */
} work;

/* ---- names and refs ---- */

/* The length of a name; 0: it is not a valid name. It does not call memchr, because compilers assume that memchr reads
 * up to its bound, which is beyond the end of a shorter array. */
static size_t length_of(const char *name)
{
    size_t length = 0;
    while (name && length <= KIN_NAME_MAX && name[length] != '\0') {
        length++;
    }
    return length <= KIN_NAME_MAX ? length : 0;
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

static bool is_stale(kin_ref ref)
{
    void *object;
    return kin_ref_get(&object, (kin_type)KIN__TAG_TYPE(ref.opaque[0]), ref) == KIN_E_STALE;
}

/* The ref in an entry that was found; false: the entry is damaged. */
static bool ref_in(const char *value, size_t size, kin_ref *out)
{
    if (size != sizeof *out) {
        return false;
    }
    kin__copy_in(out, value, sizeof *out);
    return true;
}

static bool found_stale(const kin__found *found)
{
    kin_ref ref;
    return ref_in(found->value, found->value_size, &ref) && is_stale(ref);
}

/* ---- under the lock ---- */

static void set_key(work *w, const void *name, size_t length)
{
    w->key = (kin__key){name, length, kin__hash(w->names->seed, name, length)};
}

static kin_status look_up(work *w)
{
    kin_status status = kin__table_find(w->family, w->names, &w->key, &w->way, &w->place);
    w->there = status == KIN_OK;
    return status == KIN_E_NOT_FOUND ? KIN_OK : status;
}

static kin_status enter(work *w)
{
    kin_status status = kin__seat_take(&w->seat, w->family);
    if (status == KIN_OK) {
        status = kin__container_enter_for(w->seat, w->names, &kin__dict_kind, PATIENCE);
    }
    return status == KIN_E_TIMED_OUT ? KIN_E_BUSY : status;
}

static kin_status leave(work *w, kin_status status)
{
    kin__container_leave(w->seat, w->names);
    return status;
}

/* family NULL: the default family. KIN_OK: the lock is held, and w says whether the name is set. */
static kin_status begin(work *w, kin_family *family, const char *name)
{
    size_t length = length_of(name);
    kin_status status = length > 0 ? kin__family_resolve(&w->family, family) : kin__refuse(KIN_E_ARGUMENT, BAD_NAME);
    if (status == KIN_OK) {
        w->names = kin__names_of(w->family);
        set_key(w, name, length);
        status = enter(w);
    }
    if (status != KIN_OK) {
        return status;
    }
    status = look_up(w);
    return status == KIN_OK ? KIN_OK : leave(w, status);
}

/* ---- stale names ---- */

/* Returns whether a name was removed. If so, the segments may have changed. */
static bool remove_if_stale(work *w, kin__slot *slot)
{
    kin__found found;
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
    if (word <= KIN__NO_ENTRY || !kin__entry_open(w->family, word, &found) || found.key_size > KIN_NAME_MAX ||
        !found_stale(&found)) {
        return false;
    }
    work stale = {.family = w->family, .seat = w->seat, .names = w->names};
    set_key(&stale, found.entry->bytes, found.key_size);
    if (look_up(&stale) != KIN_OK || !stale.there || stale.place.word != word) {
        return false;
    }
    kin__table_remove(stale.seat, stale.names, &stale.way, &stale.place);
    return true;
}

/* To be called after a new name was set. */
static void tidy_behind(work *w)
{
    if (look_up(w) != KIN_OK || !w->there) {
        return;
    }
    const kin__segment_view *in = &w->way.in;
    uint64_t at = (uint64_t)(w->place.slot - in->slots);
    for (int i = 0; i < TIDIED; i++) {
        at = at + 1 < in->capacity ? at + 1 : 0;
        if (remove_if_stale(w, &in->slots[at])) {
            return;
        }
    }
}

/* Removes all stale names. Returns how many. */
static uint64_t tidy_all(work *w)
{
    kin__cursor cursor;
    uint64_t removed = 0;
    kin_status status = kin__cursor_open(&cursor, w->family, w->names);
    while (status == KIN_OK && (status = kin__cursor_next(&cursor, NULL)) == KIN_OK) {
        kin_ref ref;
        const kin__copy *entry = &cursor.entry;
        work stale = {.family = w->family, .seat = w->seat, .names = w->names};
        set_key(&stale, entry->bytes, entry->key_size <= KIN_NAME_MAX ? entry->key_size : 0);
        if (ref_in(kin__copy_value(entry), entry->value_size, &ref) && is_stale(ref) && look_up(&stale) == KIN_OK &&
            stale.there) {
            kin__table_remove(stale.seat, stale.names, &stale.way, &stale.place);
            removed++;
        }
    }
    kin__cursor_close(&cursor);
    return removed;
}

/* ---- setting and removing ---- */

static kin_status put(work *w, kin_ref ref)
{
    kin__entry *entry;
    kin_status status = w->there ? KIN_OK : kin__table_make_room(w->seat, w->names, &w->key, &w->way, &w->place);
    if (status == KIN_OK) {
        status = kin__entry_make(&entry, w->seat, w->names, w->key.bytes, w->key.size, &ref, sizeof ref);
    }
    if (status == KIN_OK) {
        kin__table_put(w->seat, w->names, &w->key, &w->way, &w->place);
    }
    return status;
}

static kin_status set(work *w, kin_ref ref)
{
    bool is_new = !w->there;
    if (w->there && !found_stale(&w->place.found)) {
        return kin__refuse(KIN_E_EXISTS, "an object has that name");
    }
    kin_status status = put(w, ref);
    if (status == KIN_E_NO_MEMORY && tidy_all(w) > 0) {
        status = look_up(w);
        status = status == KIN_OK ? put(w, ref) : status;
    }
    if (status == KIN_OK && is_new) {
        tidy_behind(w);
    }
    return status;
}

kin_status kin_name_set(const char *name, kin_type type, const void *object)
{
    work w;
    kin_family *family = NULL;
    kin_ref ref;
    kin_status status = length_of(name) > 0 ? kin_ref_of(&ref, type, object) : kin__refuse(KIN_E_ARGUMENT, BAD_NAME);
    if (status == KIN_OK) {
        status = kin_family_of(&family, object);
    }
    if (status == KIN_OK) {
        status = begin(&w, family, name);
    }
    return kin__told(status == KIN_OK ? leave(&w, set(&w, ref)) : status);
}

kin_status kin_name_remove(kin_family *family, const char *name)
{
    work w;
    kin_status status = begin(&w, family, name);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (w.there) {
        kin__table_remove(w.seat, w.names, &w.way, &w.place);
        if (atomic_load_explicit(&w.names->count, memory_order_relaxed) == 0) {
            kin__container_drop(w.seat, w.names, &kin__dict_kind); /* a family without names has no table of them */
        }
    }
    return kin__told(leave(&w, w.there ? KIN_OK : kin__refuse(KIN_E_NOT_FOUND, NO_NAME)));
}

/* ---- finding ---- */

/* KIN_E_NOT_FOUND; KIN_E_BUSY: the table was being changed. */
static kin_status read_ref(work *w, kin_ref *out)
{
    size_t size = 0;
    kin_status status = kin__table_read(w->family, w->names, &w->key, out, sizeof *out, &size);
    bool damaged = status == KIN_E_BUFFER || (status == KIN_OK && size != sizeof *out);
    return damaged ? KIN_E_DAMAGED : status;
}

static kin_status read_ref_patiently(work *w, kin_ref *out)
{
    kin_status status = KIN_E_BUSY;
    for (int i = 0; kin__reader_tries_again(&status, i); i++) {
        status = read_ref(w, out);
    }
    return status;
}

static kin_status read_ref_locked(work *w, kin_ref *out)
{
    if (w->family->reader) {
        return read_ref_patiently(w, out);
    }
    kin_status status = enter(w);
    if (status == KIN_OK) {
        status = read_ref(w, out);
        status = leave(w, status == KIN_E_BUSY ? KIN_E_DAMAGED : status);
    }
    return status;
}

kin_status kin_name_get(void **out, kin_family *family, const char *name, kin_type type)
{
    work w;
    kin_ref ref = {{0, 0}};
    size_t length = length_of(name);
    kin_status status = out && length > 0
                            ? kin__family_resolve(&w.family, family)
                            : kin__refuse(KIN_E_ARGUMENT, "out is NULL, or name is not 1 to 255 bytes long");
    if (status != KIN_OK) {
        return kin__told(status);
    }
    w.names = kin__names_of(w.family);
    set_key(&w, name, length);
    status = KIN_E_BUSY;
    for (int i = 0; i < ATTEMPTS && status == KIN_E_BUSY; i++) {
        status = read_ref(&w, &ref);
    }
    status = status == KIN_E_BUSY ? read_ref_locked(&w, &ref) : status;
    return kin__told(status == KIN_OK            ? resolve(out, type, ref)
                     : status == KIN_E_NOT_FOUND ? kin__refuse(KIN_E_NOT_FOUND, NO_NAME)
                                                 : status);
}

/* Leaves out names of destroyed objects, and keys that are no names. */
static kin_status show(const kin__copy *entry, kin_name_visit *visit, void *context)
{
    char name[KIN_NAME_MAX + 1];
    kin_ref ref;
    if (entry->key_size > KIN_NAME_MAX || !ref_in(kin__copy_value(entry), entry->value_size, &ref) || is_stale(ref)) {
        return KIN_OK;
    }
    memcpy(name, entry->bytes, entry->key_size);
    name[entry->key_size] = '\0';
    return visit(name, (kin_type)KIN__TAG_TYPE(ref.opaque[0]), ref, context);
}

static kin_status show_all(kin_family *family, kin_name_visit *visit, void *context)
{
    kin__cursor cursor;
    kin__seat *seat;
    bool more = true;
    kin_status status = kin__seat_take_to_read(&seat, family);
    if (status != KIN_OK) {
        return status;
    }
    status = kin__cursor_open(&cursor, family, kin__names_of(family));
    while (status == KIN_OK && more) {
        status = kin__cursor_next(&cursor, seat);
        more = status != KIN_E_END;
        if (status == KIN_OK) {
            status = show(&cursor.entry, visit, context);
        }
    }
    kin__cursor_close(&cursor);
    return more ? status : KIN_OK;
}

kin_status kin_name_for_each(kin_family *family, kin_name_visit *visit, void *context)
{
    kin_status status = visit ? kin__family_resolve(&family, family) : kin__refuse(KIN_E_ARGUMENT, "visit is NULL");
    return kin__told(status == KIN_OK ? show_all(family, visit, context) : status);
}
