/* fuzz_blob.c: the readers of what comes from another process: the blob's head, the argument block, and refs.
 *
 * Input: a byte of modes, a 16-bit length, so many bytes of head, and the rest is the block. Mode bit 0: the head's
 * start and checksum are put right, so that the fields behind them are reached; bit 1: both come from the generator
 * below, with the input as its choices, so that whole structures are; bit 2: all of it is refs into a family that
 * there is.
 *
 * Held to: nothing is read out of bounds (the sanitizers), what is accepted is written back as the same bytes, and a
 * ref leads to one of the family's objects, by its own type, or nowhere.
 */
#include "kin/kin.h"
#include "process/blob.h"

#include <stdlib.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* A copy of exactly the size, so that reading past the end is seen. */
static unsigned char *copy_of(const void *bytes, size_t size)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);
    require(copy != NULL);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static void try_head(const unsigned char *bytes, size_t size, bool mend)
{
    static kin__blob parsed, blank;
    unsigned char again[KIN_BLOB_MAX], start[KIN__BLOB_FIXED];
    kin_handle handles[KIN_OS_HANDLES_MAX];
    size_t count = KIN_OS_HANDLES_MAX;
    unsigned char *head = copy_of(bytes, size);
    if (mend && size >= KIN__BLOB_FIXED) {
        kin__blob_write(&blank, start, sizeof start);
        memcpy(head, start, 16); /* magic, version, layout */
        kin__blob_seal(head, size);
    }
    kin_status status = kin__blob_parse(&parsed, head, size);
    if (status == KIN_OK) {
        require(kin__blob_write(&parsed, again, sizeof again) == size && memcmp(again, head, size) == 0);
    } else {
        require(status == KIN_E_BLOB_TRUNCATED || status == KIN_E_BLOB_CORRUPT || status == KIN_E_BLOB_VERSION);
    }
    kin_status listed = kin_blob_handles(head, size, handles, &count);
    require(listed == status || (status == KIN_OK && listed == KIN_E_BLOB_CORRUPT));
    free(head);
}

static void try_block(const unsigned char *bytes, size_t size)
{
    static kin_args parsed;
    unsigned char *block = copy_of(bytes, size);
    for (uint32_t handles = 0; handles < 3; handles++) {
        if (kin__args_parse(&parsed, block, size, handles) != KIN_OK) {
            continue;
        }
        unsigned char *again = copy_of(block, size);
        kin__writer out = {again, size, 0};
        memset(again, 0xa5, size);
        kin__args_write(&out, &parsed);
        require(out.used == size && memcmp(again, block, size) == 0);
        free(again);
    }
    free(block);
}

/* ---- generated ---- */

static uint32_t choose(kin__reader *in, uint32_t limit)
{
    return (uint32_t)(kin__get_number(in, 1) % limit);
}

static void make_text(kin__reader *in, char *out)
{
    uint32_t length = choose(in, KIN_NAME_MAX + 1);
    kin__get_bytes(in, out, length);
    out[length] = '\0';
}

static void try_made_head(kin__reader *in)
{
    static kin__blob made;
    unsigned char bytes[KIN_BLOB_MAX];
    memset(&made, 0, sizeof made);
    made.mode = (kin__blob_mode)choose(in, 4);
    made.has_pulse = choose(in, 2);
    made.reserve = (uint64_t)choose(in, 255) * KIN__SPAN_SIZE;
    made.block_size = choose(in, 255);
    made.block_sum = choose(in, 2);
    make_text(in, made.entry);
    made.handle_count = choose(in, KIN_OS_HANDLES_MAX + 1);
    for (uint32_t i = 0; i < made.handle_count; i++) {
        made.values[i] = made.mode == KIN__BLOB_INDEX ? i : choose(in, 255);
        made.kinds[i] = choose(in, KIN_OS_KIND_OTHER + 2);
    }
    size_t size = kin__blob_write(&made, bytes, sizeof bytes);
    require(size <= sizeof bytes);
    if (choose(in, 2)) {
        bytes[choose(in, 255) % size] ^= (unsigned char)(1u << choose(in, 8));
        kin__blob_seal(bytes, size);
    }
    try_head(bytes, size, false);
}

static void try_made_block(kin__reader *in)
{
    static kin_args made;
    memset(&made, 0, sizeof made);
    made.count = choose(in, 8);
    for (uint32_t i = 0; i < made.count; i++) {
        kin__arg *item = &made.items[i];
        make_text(in, item->name);
        item->kind = (kin__arg_kind)(1 + choose(in, 3));
        item->type = choose(in, 8);
        item->size = choose(in, 64);
        item->bytes = kin__get(in, item->size);
        item->size = item->bytes ? item->size : 0;
    }
    kin__writer measure = {NULL, 0, 0};
    kin__args_write(&measure, &made);
    unsigned char *bytes = malloc(measure.used);
    require(bytes != NULL);
    kin__writer out = {bytes, measure.used, 0};
    kin__args_write(&out, &made);
    if (choose(in, 2)) {
        bytes[kin__get_u32(in) % out.used] ^= (unsigned char)(1u << choose(in, 8));
    }
    try_block(bytes, out.used);
    free(bytes);
}

/* ---- refs ---- */

enum { OBJECTS = 8 };

static struct {
    kin_type type;
    void *object;
    kin_ref ref;
} all[OBJECTS];

static void make_objects(void)
{
    kin_queue_options small = {.size = sizeof small, .capacity = 100};
    static const kin_type types[OBJECTS] = {KIN_TYPE_LOCK, KIN_TYPE_SEM,  KIN_TYPE_ARRAY, KIN_TYPE_QUEUE,
                                            KIN_TYPE_DICT, KIN_TYPE_LIST, KIN_TYPE_EVENT, KIN_TYPE_MEMORY};
    bool made = kin_lock_create((kin_lock **)&all[0].object, NULL) == KIN_OK &&
                kin_sem_create_leased((kin_sem **)&all[1].object, NULL, 5) == KIN_OK &&
                kin_array_create((kin_array **)&all[2].object, NULL, KIN_I32, 10, 0) == KIN_OK &&
                kin_queue_create((kin_queue **)&all[3].object, NULL, &small) == KIN_OK &&
                kin_dict_create((kin_dict **)&all[4].object, NULL) == KIN_OK &&
                kin_list_create((kin_list **)&all[5].object, NULL) == KIN_OK &&
                kin_event_create((kin_event **)&all[6].object, NULL) == KIN_OK &&
                kin_alloc(&all[7].object, NULL, 100) == KIN_OK;
    require(made);
    for (int i = 0; i < OBJECTS; i++) {
        all[i].type = types[i];
        require(kin_ref_of(&all[i].ref, types[i], all[i].object) == KIN_OK);
    }
}

static void require_known(kin_type type, const void *found, kin_ref ref)
{
    kin_ref back;
    for (int i = 0; i < OBJECTS; i++) {
        if (all[i].object == found && all[i].type == type) {
            return;
        }
    }
    /* A lock inside of another object, or the block that an object lies in: the ref has to be its very own. */
    require(kin_ref_of(&back, type, found) == KIN_OK && memcmp(&back, &ref, sizeof ref) == 0);
}

static void try_refs(kin__reader *in)
{
    if (!all[0].object) {
        make_objects();
    }
    while (!in->bad && in->used < in->size) {
        uint32_t which = choose(in, OBJECTS), how = choose(in, 4);
        kin_ref ref = all[which].ref;
        kin_type type = how & 1 ? (kin_type)choose(in, KIN_TYPE_LIST + 2) : all[which].type;
        void *found = NULL;
        if (how & 2) {
            ref.opaque[0] ^= kin__get_u64(in);
            ref.opaque[1] ^= kin__get_u32(in);
        } else {
            ref.opaque[0] += (uint64_t)choose(in, 255) * 8 - 1024;
        }
        ref.opaque[0] = (ref.opaque[0] & UINT64_C(0x00ffffffffffffff)) | (uint64_t)type << 56;
        if (kin_ref_get(&found, type, ref) == KIN_OK) {
            require_known(type, found, ref);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kin__reader in = {data, size, 0, false};
    unsigned modes = (unsigned)kin__get_number(&in, 1);
    if (modes & 4) {
        try_refs(&in);
        return 0;
    }
    if (modes & 2) {
        try_made_head(&in);
        try_made_block(&in);
        return 0;
    }
    size_t length = (size_t)kin__get_number(&in, 2);
    size_t left = in.size - in.used;
    length = length < left ? length : left;
    try_head(data + in.used, length, modes & 1);
    try_block(data + in.used + length, left - length);
    return 0;
}
