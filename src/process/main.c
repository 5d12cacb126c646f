/* main.c: what children may be started with, and the door by which a spawned one, or one that a server forked,
 * comes in. */
#include "base/handles.h"
#include "base/last_error.h"
#include "process/arguments.h"
#include "process/blob.h"
#include "process/children.h"
#include "process/entries.h"

#include <stdlib.h>

static kin_status check(kin__blob *out, const unsigned char *bytes, size_t size, size_t count)
{
    kin_status status = kin__blob_parse(out, bytes, size);
    if (status != KIN_OK) {
        return status;
    }
    if (out->mode != KIN__BLOB_INDEX || out->handle_count != count) {
        return KIN_E_BLOB_CORRUPT;
    }
    return kin__entry_find(out->entry) ? KIN_OK : KIN_E_ENTRY;
}

/* Everything up to the entry: what it is to run, and with what. */
static kin_status come_in(const kin_child_entry **entry, kin_args *args)
{
    kin__blob blob;
    unsigned char bytes[KIN_BLOB_MAX];
    kin_os_handle handles[KIN_OS_HANDLES_MAX];
    size_t size, count = KIN_OS_HANDLES_MAX;
    kin_status status = kin_os_message_take(bytes, sizeof bytes, &size, handles, &count);
    if (status == KIN_OK) {
        status = kin_os_server_run(bytes, sizeof bytes, &size, handles, &count);
    }
    if (status != KIN_OK) {
        return status;
    }
    status = check(&blob, bytes, size, count);
    if (status != KIN_OK) {
        kin__handles_close(handles, count);
        return status;
    }
    *entry = kin__entry_find(blob.entry);
    kin__origin_set(blob.packer, (*entry)->name);
    status = blob.bound ? kin_os_follow_parent(blob.packer) : KIN_OK;
    if (status == KIN_OK) {
        status = kin__blob_take(args, &blob, handles);
    }
    if (status == KIN_OK) {
        kin__family_set_default(args->family); /* whatever the program has done before kin_child_main */
    }
    return status;
}

kin_status kin_child_main(const kin_child_entry *list, size_t count)
{
    static kin_args args; /* not from the allocator, which a child that needs none may then leave alone */
    const kin_child_entry *entry;
    bool usable = kin__entries_set(list, count), child = kin_os_message_pending();
    if (!child) {
        return kin__told(
            usable ? KIN_OK
                   : kin__refuse(KIN_E_ARGUMENT,
                                 "an entry has no name, a name twice or of more than 47 bytes, or no function"));
    }
    if (!usable || come_in(&entry, &args) != KIN_OK) {
        exit(KIN_EXIT_START);
    }
    int result = entry->run(&args);
    kin__args_clear(&args);
    exit(kin_os_returned(result & 0xff));
}
