/* fuzz_blob.c: the readers of what comes from another process: the blob's head, the argument block, and refs.
 *
 * Input: a byte of modes, a 16-bit length, so many bytes of head, and the rest is the block. Mode bit 0: the head's
 * start and checksum are put right, so that the fields behind them are reached; bit 1: both come from the generator
 * below, with the input as its choices, so that whole structures are; bit 2: all of it is refs into a family that
 * there is; bit 3: blobs that a member of that family has made, to mislead, are adopted, and their arguments looked at.
 *
 * Held to: nothing is read out of bounds (the sanitizers), what is accepted is written back as the same bytes, a ref
 * leads to one of the family's objects, by its own type, or nowhere, and adopting closes no handle of this process,
 * whatever values the blob names; the family goes on.
 */
#include "family/family.h"
#include "kin/kin.h"
#include "pipe/endpoint.h"
#include "process/blob.h"

#include <fcntl.h>
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
    for (uint32_t handles = 0; handles < 5; handles++) {
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
    uint32_t length = choose(in, KIN_TASK_NAME_MAX + 1);
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

/* ---- a family ---- */

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
    bool made = kin_lock_create((kin_lock **)&all[0].object, NULL, 0) == KIN_OK &&
                kin_sem_create_leased((kin_sem **)&all[1].object, NULL, 5) == KIN_OK &&
                kin_array_create((kin_array **)&all[2].object, NULL, KIN_ELEMENT_I32, 10, 0) == KIN_OK &&
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

/* One of an object, or nearly so; its type, or another. */
static void choose_ref(kin__reader *in, kin_ref *out, uint32_t *type)
{
    if (!all[0].object) {
        make_objects();
    }
    uint32_t which = choose(in, OBJECTS), how = choose(in, 4);
    *out = all[which].ref;
    *type = how & 1 ? choose(in, KIN_TYPE_LIST + 2) : (uint32_t)all[which].type;
    if (how & 2) {
        out->opaque[0] ^= kin__get_u64(in);
        out->opaque[1] ^= kin__get_u32(in);
    } else {
        out->opaque[0] += (uint64_t)choose(in, 255) * 8 - 1024;
    }
    out->opaque[0] = (out->opaque[0] & UINT64_C(0x00ffffffffffffff)) | (uint64_t)*type << 56;
}

/* Returns how many handles go with them. */
static uint32_t make_args(kin__reader *in, kin_args *out)
{
    uint32_t handles = 0;
    memset(out, 0, sizeof *out);
    out->count = choose(in, 8);
    for (uint32_t i = 0; i < out->count; i++) {
        kin__arg *item = &out->items[i];
        make_text(in, item->name);
        item->kind = (kin__arg_kind)(1 + choose(in, 4));
        item->type = choose(in, 8);
        item->size = choose(in, 64);
        item->bytes = kin__get(in, item->size);
        item->size = item->bytes ? item->size : 0;
        handles += item->kind == KIN__ARG_HANDLE ? 1 : item->kind == KIN__ARG_PIPE ? KIN_OS_PIPE_HANDLES : 0;
        if (item->kind == KIN__ARG_REF) {
            choose_ref(in, &item->ref, &item->type);
        }
    }
    return handles;
}

/* *size bytes; perhaps with a bit that is wrong. */
static unsigned char *write_args(kin__reader *in, const kin_args *args, size_t *size)
{
    kin__writer measure = {NULL, 0, 0};
    kin__args_write(&measure, args);
    unsigned char *bytes = malloc(measure.used);
    require(bytes != NULL);
    kin__writer out = {bytes, measure.used, 0};
    kin__args_write(&out, args);
    if (choose(in, 2)) {
        bytes[kin__get_u32(in) % out.used] ^= (unsigned char)(1u << choose(in, 8));
    }
    *size = out.used;
    return bytes;
}

static void try_made_block(kin__reader *in)
{
    static kin_args made;
    size_t size;
    make_args(in, &made);
    unsigned char *bytes = write_args(in, &made, &size);
    try_block(bytes, size);
    free(bytes);
}

/* ---- refs ---- */

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
    while (!in->bad && in->used < in->size) {
        kin_ref ref;
        uint32_t type;
        void *found = NULL;
        choose_ref(in, &ref, &type);
        if (kin_ref_get(&found, (kin_type)type, ref) == KIN_OK) {
            require_known((kin_type)type, found, ref);
        }
    }
}

/* ---- adopting ---- */

enum { FILES = 6 };

static int files[FILES]; /* the first is an end's */

static void make_files(void)
{
    static kin_pipe *ends[2];
    kin_os_handle handles[KIN_OS_PIPE_HANDLES];
    make_objects();
    require(kin_pipe_create(ends, 0) == KIN_OK);
    kin_os_pipe_handles(&ends[0]->os, handles);
    files[0] = handles[0];
    for (int i = 1; i < FILES; i++) {
        files[i] = open(i % 2 ? "/dev/null" : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
        require(files[i] >= 0);
    }
}

static void choose_handle(kin__reader *in, const kin_family *family, kin__blob *out, uint32_t index)
{
    uint32_t which = choose(in, FILES + 3);
    int fd = which < FILES ? files[which] : which == FILES ? family->shm : family->pulse.fd;
    kin_os_kind kind = KIN_OS_KIND_FILE;
    kin_os_handle_kind(fd, &kind);
    out->values[index] = which == FILES + 2 ? kin__get_u32(in) : (uint64_t)fd;
    out->kinds[index] = choose(in, 8) ? (uint32_t)kind : choose(in, KIN_OS_KIND_OTHER + 2);
}

static void use_args(const kin_args *args)
{
    for (uint32_t i = 0; i < args->count; i++) {
        const char *name = args->items[i].name;
        const void *bytes = NULL;
        void *object = NULL;
        size_t size = 0;
        kin_handle handle;
        for (int type = 0; type < KIN_TYPE_LIST + 2; type++) {
            if (kin_args_get_object(&object, args, name, (kin_type)type) == KIN_OK) {
                require_known((kin_type)type, object, args->items[i].ref);
            }
        }
        if (kin_args_get_bytes(&bytes, &size, args, name) == KIN_OK) {
            free(copy_of(bytes, size));
        }
        kin_args_get_handle(&handle, args, name, KIN_HANDLE_ANY);
    }
}

static void require_open(const kin_family *family)
{
    for (int i = 1; i < FILES; i++) {
        require(fcntl(files[i], F_GETFD) >= 0);
    }
    require(kin_os_shm_holds(family->shm, family->base) && kin_os_pulse_is(family->pulse.fd, &family->id));
}

/* Sound in every respect but for what the input says. */
static void try_adopting(kin__reader *in)
{
    static kin_args made;
    static kin__blob blob;
    unsigned char bytes[KIN_BLOB_MAX];
    kin_args *adopted = NULL;
    kin_family *family;
    void *block;
    size_t size;
    if (files[0] == 0) {
        make_files();
    }
    require(kin_family_default(&family) == KIN_OK);
    memset(&blob, 0, sizeof blob);
    uint32_t handles = make_args(in, &made);
    unsigned char *written = write_args(in, &made, &size);
    require(kin_alloc(&block, NULL, size) == KIN_OK && kin_ref_of(&blob.block, KIN_TYPE_MEMORY, block) == KIN_OK);
    memcpy(block, written, size);
    free(written);
    blob.mode = choose(in, 4) ? KIN__BLOB_INHERIT : (kin__blob_mode)choose(in, 3);
    blob.has_pulse = choose(in, 4) > 0;
    blob.target = blob.mode == KIN__BLOB_INTO ? kin_os_pid() : 0;
    blob.family = family->id;
    blob.family.bytes[choose(in, 16)] ^= choose(in, 16) ? 0 : 1;
    blob.reserve = family->layout.reserve;
    blob.block_size = size;
    blob.block_sum = kin__sum(KIN__SUM_START, block, size);
    blob.handle_count = (blob.has_pulse ? 2 : 1) + handles;
    for (uint32_t i = 0; i < blob.handle_count && i < KIN_OS_HANDLES_MAX; i++) {
        choose_handle(in, family, &blob, i);
    }
    if (blob.handle_count <= KIN_OS_HANDLES_MAX &&
        kin_blob_adopt(&adopted, bytes, kin__blob_write(&blob, bytes, sizeof bytes)) == KIN_OK) {
        use_args(adopted);
        kin_args_destroy(adopted);
    } else if (kin_ref_get(&block, KIN_TYPE_MEMORY, blob.block) == KIN_OK) {
        require(kin_free(block) == KIN_OK);
    }
    require_open(family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kin__reader in = {data, size, 0, false};
    unsigned modes = (unsigned)kin__get_number(&in, 1);
    if (modes & 8) {
        try_adopting(&in);
        return 0;
    }
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
