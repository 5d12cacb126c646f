/* reader.c: families that this process has opened for reading only (KIN_FAMILY_READ_ONLY).
 *
 * Such a process is no member. The others neither see it nor count it nor wait for it, and its death leaves nothing:
 *
 * 1. The arena is mapped for reading, by a handle that is open for reading. So no fault of the program or of kin
 *    changes it: a store is SIGSEGV (Windows: an access violation).
 * 2. It has no member entry, no sign of life, no thread slot and no hold of the family's name. The system lets the
 *    memory go when the process ends.
 * 3. It cleans up after nobody and removes no names. kin_family_inspect asks the system about the members' processes,
 *    and changes nothing.
 *
 * What refuses to change the arena, with KIN_E_READ_ONLY:
 *
 *     the call needs a seat (locks, waits, allocates, frees, ...)  ──► kin__member_join: this process never joins
 *     it makes, ends or changes an object without a seat           ──► kin__object_check_place, kin__object_fini,
 *                                                                      kin__object_check_to_change, kin__may_change
 *     it passes the family to a child                              ──► kin__family_ticket_of
 *
 * 4. Since no thread has a seat there, kin__seat_fast finds none. So the short ways of members need no check.
 * 5. A call that only reads, and uses a seat to find its family or for a lock that it rarely takes, gets the family's
 *    own seat here: no thread slot, no token.
 * 6. Such a call reads as members do: it copies without the lock, and then checks (container.c). Where a member takes
 *    the lock after many failed attempts, a reader rests and tries again, for a bounded time: then KIN_E_BUSY. If a
 *    writer is killed in the middle of a change of several stores, some keys may be BUSY until a member enters the
 *    container and finishes the change.
 * 7. All bytes that it reads are input (input.h), as for members. The arena may grow: the mapping has the whole
 *    reserve, and kin__family_covers asks the system where it ends.
 *
 * A process has a family once: as a member, or for reading. kin_family of both kinds at one time would be found by the
 * same id, and the member's would be what the reader must not have.
 */
#include "family/reader.h"

#include <stdlib.h>

#define RESTS 200
#define REST KIN_US(50)

kin_status kin__reader_make(kin_family *family)
{
    family->reader = calloc(1, sizeof *family->reader);
    if (!family->reader) {
        return kin__malloc_failed();
    }
    family->reader->family = family;
    return KIN_OK;
}

kin_status kin__seat_find_to_read(kin__seat **out, const void *p, uint32_t type)
{
    kin_family *family = kin__family_at(p);
    if (!family || !family->reader) {
        return kin__seat_find(out, p, type);
    }
    uint64_t offset = kin__offset(family, p);
    if (offset % 8 != 0 || !kin__family_covers(family, offset, sizeof(kin__object)) ||
        atomic_load(&((kin__object *)(uintptr_t)p)->tag) != KIN__TAG(type, offset)) {
        return kin__wrong_type();
    }
    *out = family->reader;
    return KIN_OK;
}

kin_status kin__seat_take_to_read(kin__seat **out, kin_family *family)
{
    if (family->reader) {
        *out = family->reader;
        return KIN_OK;
    }
    return kin__seat_take(out, family);
}

bool kin__reader_rests(int n)
{
    if (n < RESTS) {
        kin_os_sleep_until(kin_os_now() + REST);
    }
    return n < RESTS;
}

bool kin__reader_tries_again(kin_status *status, int n)
{
    if (*status != KIN_E_BUSY || kin__reader_rests(n)) {
        return *status == KIN_E_BUSY;
    }
    *status = kin__always_changing();
    return false;
}
