#include "process/blob.h"

#include "base/handles.h"
#include "base/last_error.h"
#include "family/adopt.h"
#include "family/create.h"
#include "family/input.h"
#include "family/member.h"
#include "kin/memory.h"
#include "memory/ref.h"
#include "process/arguments.h"

#include <stdlib.h>

#define MAGIC UINT64_C(0x31626f6c624e494b) /* "KINblob1" */
#define VERSION 1u

#define FLAG_MODE 3u
#define FLAG_PULSE 4u
#define FLAG_BOUND 8u /* only with KIN__BLOB_INDEX */

#define AT_TOTAL 16u
#define AT_SUM 24u

/* ---- writing ---- */

static void put_at(void *bytes, size_t offset, uint64_t value, unsigned width)
{
    kin__writer out = {bytes, offset + width, offset};
    kin__put_number(&out, value, width);
}

/* Of everything but itself. */
static uint64_t sum_of(const unsigned char *bytes, size_t size)
{
    uint64_t sum = kin__sum(KIN__SUM_START, bytes, AT_SUM);
    return kin__sum(sum, bytes + AT_SUM + 8, size - AT_SUM - 8);
}

void kin__blob_seal(void *bytes, size_t size)
{
    put_at(bytes, AT_TOTAL, size, 4);
    put_at(bytes, AT_SUM, sum_of(bytes, size), 8);
}

size_t kin__blob_write(const kin__blob *blob, void *buffer, size_t size)
{
    kin__writer out = {buffer, size, 0};
    kin__put_u64(&out, MAGIC);
    kin__put_u32(&out, VERSION);
    kin__put_u32(&out, KIN__LAYOUT);
    kin__put_u32(&out, 0);
    kin__put_u32(&out, (uint32_t)blob->mode | (blob->has_pulse ? FLAG_PULSE : 0) | (blob->bound ? FLAG_BOUND : 0));
    kin__put_u64(&out, 0);
    kin__put_u32(&out, blob->target);
    kin__put_u32(&out, blob->packer);
    kin__put(&out, blob->family.bytes, sizeof blob->family.bytes);
    kin__put_u64(&out, blob->reserve);
    kin__put_u64(&out, blob->block.opaque[0]);
    kin__put_u64(&out, blob->block.opaque[1]);
    kin__put_u64(&out, blob->block_size);
    kin__put_u64(&out, blob->block_sum);
    kin__put_text(&out, blob->entry);
    kin__put_u32(&out, blob->handle_count);
    for (uint32_t i = 0; i < blob->handle_count; i++) {
        kin__put_u64(&out, blob->values[i]);
        kin__put_u32(&out, blob->kinds[i]);
        kin__put_u32(&out, 0);
    }
    if (buffer && out.used <= size) {
        kin__blob_seal(buffer, out.used);
    }
    return out.used;
}

/* ---- reading ---- */

static uint32_t own_handles(const kin__blob *blob)
{
    return blob->has_pulse ? 2 : 1;
}

static kin_status parse_start(kin__reader *in, uint32_t *flags)
{
    uint64_t magic = kin__get_u64(in);
    uint32_t version = kin__get_u32(in), layout = kin__get_u32(in), total = kin__get_u32(in);
    if (in->bad) {
        return KIN_E_BLOB_TRUNCATED;
    }
    if (magic != MAGIC) {
        return KIN_E_BLOB_CORRUPT;
    }
    if (version != VERSION || layout != KIN__LAYOUT) { /* before the checksum: another version's may be elsewhere */
        return kin__refuse(KIN_E_BLOB_VERSION,
                           "the other program uses another version of kin: build both with the same one");
    }
    if (in->size < KIN__BLOB_FIXED || in->size < total) {
        return KIN_E_BLOB_TRUNCATED;
    }
    *flags = kin__get_u32(in);
    uint64_t sum = kin__get_u64(in);
    bool sound = total == in->size && total <= KIN_BLOB_MAX && sum == sum_of(in->start, in->size);
    return sound ? KIN_OK : KIN_E_BLOB_CORRUPT;
}

static void parse_fields(kin__reader *in, kin__blob *out)
{
    out->target = kin__get_u32(in);
    out->packer = kin__get_u32(in);
    kin__get_bytes(in, out->family.bytes, sizeof out->family.bytes);
    out->reserve = kin__get_u64(in);
    out->block.opaque[0] = kin__get_u64(in);
    out->block.opaque[1] = kin__get_u64(in);
    out->block_size = kin__get_u64(in);
    out->block_sum = kin__get_u64(in);
    kin__get_text(in, out->entry, KIN_TASK_NAME_MAX);
    out->handle_count = kin__get_u32(in);
}

static bool repeats_value(const kin__blob *blob, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (blob->values[i] == blob->values[index]) {
            return true;
        }
    }
    return false;
}

static bool parse_handles(kin__reader *in, kin__blob *out)
{
    if (out->handle_count > KIN_OS_HANDLES_MAX || out->handle_count < own_handles(out)) {
        out->handle_count = 0;
        return false;
    }
    for (uint32_t i = 0; i < out->handle_count; i++) {
        out->values[i] = kin__get_u64(in);
        out->kinds[i] = kin__get_u32(in);
        uint32_t kind = out->kinds[i], zero = kin__get_u32(in);
        bool own = i < own_handles(out); /* a file where the system has no memfd; a memfd where it has no /dev/shm */
        if (zero != 0 || kind == KIN_OS_KIND_ANY || kind > KIN_OS_KIND_OTHER || repeats_value(out, i) ||
            (own && kind != KIN_OS_KIND_SHM && kind != KIN_OS_KIND_FILE) ||
            (out->mode == KIN__BLOB_INDEX && out->values[i] != i)) {
            return false;
        }
    }
    return true;
}

static bool fields_sound(const kin__blob *blob)
{
    const kin_ref *block = &blob->block;
    bool no_block = block->opaque[0] == 0 && block->opaque[1] == 0 && blob->block_sum == 0;
    return blob->reserve > 0 && blob->reserve <= KIN__RESERVE_MAX && blob->reserve % KIN__SPAN_SIZE == 0 &&
           blob->block_size <= blob->reserve &&
           (blob->block_size > 0 || (no_block && blob->handle_count == own_handles(blob)));
}

kin_status kin__blob_parse(kin__blob *out, const void *bytes, size_t size)
{
    kin__reader in = {bytes, size, 0, false};
    uint32_t flags;
    memset(out, 0, sizeof *out);
    kin_status status = parse_start(&in, &flags);
    if (status != KIN_OK) {
        return status;
    }
    uint32_t mode = flags & FLAG_MODE;
    if (mode > KIN__BLOB_INHERIT || (flags & ~(FLAG_MODE | FLAG_PULSE | FLAG_BOUND)) != 0 ||
        ((flags & FLAG_BOUND) && mode != KIN__BLOB_INDEX)) {
        return KIN_E_BLOB_CORRUPT;
    }
    out->mode = (kin__blob_mode)mode;
    out->has_pulse = (flags & FLAG_PULSE) != 0;
    out->bound = (flags & FLAG_BOUND) != 0;
    parse_fields(&in, out);
    bool sound = parse_handles(&in, out) && kin__reader_done(&in) && fields_sound(out);
    return sound ? KIN_OK : KIN_E_BLOB_CORRUPT;
}

/* ---- making ---- */

kin_status kin__blob_describe(kin__blob *out, kin_os_handle *handles, kin_family *family, const kin_args *args)
{
    kin__family_ticket ticket;
    kin_status status = kin__family_ticket_of(family, &ticket);
    if (status != KIN_OK) {
        return status;
    }
    memset(out, 0, sizeof *out);
    out->mode = KIN__BLOB_INDEX;
    out->has_pulse = ticket.pulse != KIN_OS_NO_HANDLE;
    out->packer = kin_os_pid();
    out->family = ticket.id;
    out->reserve = ticket.reserve;
    handles[0] = ticket.shm;
    handles[1] = ticket.pulse;
    uint32_t own = own_handles(out);
    for (uint32_t i = 0; i < own; i++) {
        out->kinds[i] = KIN_OS_KIND_SHM; /* see own_kinds */
    }
    out->handle_count = own + (args ? args->handle_count : 0);
    for (uint32_t i = 0; i < out->handle_count; i++) {
        out->values[i] = i;
    }
    return kin__args_handles(args, handles + own, out->kinds + own);
}

kin_status kin__blob_store(kin__blob *blob, kin_family *family, const kin_args *args)
{
    void *block;
    kin__writer measure = {NULL, 0, 0};
    kin__args_write(&measure, args);
    kin_status status = kin_alloc(&block, family, measure.used);
    if (status != KIN_OK) {
        return status;
    }
    status = kin_ref_of(&blob->block, KIN_TYPE_MEMORY, block);
    if (status != KIN_OK) {
        kin_free(block);
        return status;
    }
    kin__writer out = {block, measure.used, 0};
    kin__args_write(&out, args);
    blob->block_size = out.used;
    blob->block_sum = kin__sum(KIN__SUM_START, block, out.used);
    return KIN_OK;
}

void kin__blob_discard(uint64_t size, kin_ref block)
{
    if (size > 0) {
        kin__ref_free(block);
    }
}

/* ---- taking ---- */

/* The block's bytes, checked for bounds: sizes that lie in the arena are only a claim. */
static kin_status find_block(void **out, const kin__blob *blob, kin_family *family)
{
    size_t size;
    void *block;
    kin_status status = kin_ref_get(&block, KIN_TYPE_MEMORY, blob->block);
    if (status != KIN_OK) {
        return status == KIN_E_STALE ? status : KIN_E_BLOB_CORRUPT;
    }
    if (kin__family_at(block) != family || kin_alloc_size(block, &size) != KIN_OK || size != blob->block_size ||
        !kin__family_covers(family, kin__offset(family, block), size)) {
        return KIN_E_BLOB_CORRUPT;
    }
    *out = block;
    return KIN_OK;
}

/* The owner of the handles. The handles of a message were sent to this process, which closes them in any case. The
 * values in a packed blob are only a claim. Until the blob is adopted, they may be handles of any part of this process.
 * kin looks at them, but closes neither them nor duplicates of them (closing any descriptor of a pulse ends a sign of
 * life: os.h). */
static bool were_sent(const kin__blob *blob)
{
    return blob->mode == KIN__BLOB_INDEX;
}

/* Its arguments, without their handles; what they point into is out->block. Changes nothing outside of *out. */
static kin_status read_block(kin_args *out, const kin__blob *blob, const kin_os_handle *handles, kin_family *family)
{
    void *block;
    kin_status status = find_block(&block, blob, family);
    if (status != KIN_OK) {
        return status;
    }
    void *copy = malloc((size_t)blob->block_size);
    if (!copy) {
        return KIN_E_NO_MEMORY;
    }
    memcpy(copy, block, (size_t)blob->block_size); /* checked in private memory: nobody changes it meanwhile */
    status = kin__sum(KIN__SUM_START, copy, (size_t)blob->block_size) == blob->block_sum
                 ? kin__args_parse(out, copy, (size_t)blob->block_size, blob->handle_count - own_handles(blob))
                 : KIN_E_BLOB_CORRUPT;
    if (status == KIN_OK && !were_sent(blob) && !kin__args_ends_sound(out, handles + own_handles(blob))) {
        status = KIN_E_HANDLE; /* to adopt what is no end would close it */
    }
    if (status != KIN_OK) {
        free(copy);
        return status;
    }
    out->block = copy;
    return KIN_OK;
}

/* The blob is adopted by who frees its block. */
static kin_status claim_block(const kin__blob *blob, kin_family *family)
{
    void *block;
    kin_status status = find_block(&block, blob, family);
    return status == KIN_OK ? kin__ref_free(blob->block) : status;
}

/* Whether each handle from number `first` on is what the blob says. */
static kin_status check_kinds(const kin__blob *blob, const kin_os_handle *handles, uint32_t first)
{
    for (uint32_t i = first; i < blob->handle_count; i++) {
        kin_os_kind kind;
        if (kin_os_handle_kind(handles[i], &kind) != KIN_OK || (uint32_t)kind != blob->kinds[i]) {
            return KIN_E_HANDLE;
        }
    }
    return KIN_OK;
}

/* Adopts the family by copies of its handles, which are not inheritable. */
static kin_status join_by_copies(kin_family **out, const kin__blob *blob, const kin_os_handle *handles)
{
    kin_os_id id;
    uint64_t reserve;
    kin__family_ticket ticket = {
        .id = blob->family, .reserve = blob->reserve, .shm = KIN_OS_NO_HANDLE, .pulse = KIN_OS_NO_HANDLE};
    kin_status status = kin__family_header(handles[0], &id, &reserve);
    if (status != KIN_OK || memcmp(&id, &blob->family, sizeof id) != 0 || reserve != blob->reserve) {
        return status == KIN_E_BLOB_VERSION ? status : KIN_E_BLOB_CORRUPT;
    }
    if (blob->has_pulse && !kin_os_pulse_is(handles[1], &blob->family)) {
        return KIN_E_HANDLE; /* signs of life would be written into it */
    }
    status = kin_os_handle_duplicate(&ticket.shm, handles[0]);
    if (status == KIN_OK && blob->has_pulse) {
        status = kin_os_handle_duplicate(&ticket.pulse, handles[1]);
    }
    if (status != KIN_OK) {
        kin_os_handle_close(ticket.shm);
        return status;
    }
    return kin__family_adopt(out, &ticket);
}

static kin_status join_by_message(kin_family **out, const kin__blob *blob, const kin_os_handle *handles)
{
    kin__family_ticket ticket = {.id = blob->family,
                                 .reserve = blob->reserve,
                                 .shm = handles[0],
                                 .pulse = blob->has_pulse ? handles[1] : KIN_OS_NO_HANDLE};
    return kin__family_adopt(out, &ticket);
}

/* Takes handles 0 and, if there is one, 1 of a message. */
static kin_status join_family(kin_family **out, const kin__blob *blob, const kin_os_handle *handles)
{
    kin_family *known = kin__family_by_id(&blob->family);
    kin_status status = blob->reserve > SIZE_MAX / 2 ? KIN_E_NO_MEMORY : KIN_OK;
    if (were_sent(blob)) {
        if (status == KIN_OK) {
            return join_by_message(out, blob, handles);
        }
        kin__handles_close(handles, own_handles(blob));
        return status;
    }
    if (known) { /* the handles may be the very ones that are in use */
        *out = known;
        return kin__family_known(known, false);
    }
    return status == KIN_OK ? join_by_copies(out, blob, handles) : status;
}

/* Whether it is memory of that family, and not the handle that the family uses. */
static bool is_duplicate(kin_os_handle handle, const kin_family *family)
{
    kin_os_id id;
    uint64_t reserve;
    return kin_os_handle_value(handle) != kin_os_handle_value(family->shm) &&
           kin__family_header(handle, &id, &reserve) == KIN_OK && memcmp(&id, &family->id, sizeof id) == 0;
}

/* The blob is sound and this process's: the family goes on with its copies of the first handles. Duplicates that the
 * packer made for a family that this process is in already are not needed; but the packer may lie. */
static void close_own_handles(const kin__blob *blob, const kin_os_handle *handles, kin_family *family, bool known)
{
    if (!were_sent(blob) && (!known || (blob->mode == KIN__BLOB_INTO && is_duplicate(handles[0], family)))) {
        kin__handles_close(handles, own_handles(blob));
        kin__member_check(family); /* a sign of life that it gave already went with them */
    }
}

static kin_status fill_args(kin_args *out, const kin__blob *blob, kin_family *family, kin_os_handle *handles,
                            bool known)
{
    uint32_t own = own_handles(blob);
    out->block = NULL;
    out->count = out->handle_count = 0;
    kin_status status = blob->block_size > 0 ? read_block(out, blob, handles, family) : KIN_OK;
    if (status != KIN_OK) {
        return status;
    }
    close_own_handles(blob, handles, family, known); /* before this process joins by freeing the block */
    if (blob->block_size > 0) {
        status = claim_block(blob, family);
    }
    if (status == KIN_OK) {
        status = kin__args_bind(out, handles + own, blob->kinds + own);
    }
    if (status != KIN_OK) {
        free(out->block);
        memset(out, 0, sizeof *out);
    }
    out->family = family;
    return status;
}

kin_status kin__blob_take(kin_args *out, const kin__blob *blob, kin_os_handle *handles)
{
    kin_family *family = NULL;
    bool known = kin__family_by_id(&blob->family) != NULL;
    /* The family's own are not used if it is known, and are known for sure if the parent sent them: adopting looks into
     * them, which tells more than their kind and is cheaper. */
    bool skip = were_sent(blob) || (known && blob->mode == KIN__BLOB_INHERIT);
    kin_status status = check_kinds(blob, handles, skip ? own_handles(blob) : 0);
    if (status == KIN_OK) {
        status = join_family(&family, blob, handles);
    } else if (were_sent(blob)) {
        kin__handles_close(handles, own_handles(blob));
    }
    if (status == KIN_OK) {
        status = fill_args(out, blob, family, handles, known);
    }
    if (status != KIN_OK) {
        if (were_sent(blob)) {
            kin__handles_close(handles + own_handles(blob), blob->handle_count - own_handles(blob));
        }
        if (!known) {
            kin_family_close(family);
        }
    }
    return status;
}

/* ---- public ---- */

/* The family's own handles need a true kind only where the child cannot know that they came from kin. */
static kin_status own_kinds(kin__blob *blob, const kin_os_handle *handles)
{
    for (uint32_t i = 0; i < own_handles(blob); i++) {
        kin_os_kind kind;
        kin_status status = kin_os_handle_kind(handles[i], &kind);
        if (status != KIN_OK) {
            return status;
        }
        blob->kinds[i] = (uint32_t)kind;
    }
    return KIN_OK;
}

/* The handles as values that are good in the target. Last of all: duplicates in another process cannot be taken back.
 */
static kin_status place_handles(kin__blob *blob, const kin_os_handle *handles, kin_handle target)
{
    kin_os_handle process = kin_os_handle_from((uint64_t)target);
    blob->mode = target == KIN_BLOB_NO_TARGET ? KIN__BLOB_INHERIT : KIN__BLOB_INTO;
    blob->target = target == KIN_BLOB_NO_TARGET ? 0 : kin_os_handle_pid(process);
    for (uint32_t i = 0; i < blob->handle_count; i++) {
        if (blob->mode == KIN__BLOB_INTO) {
            kin_status status = kin_os_handle_duplicate_into(&blob->values[i], handles[i], process);
            if (status != KIN_OK) {
                return status;
            }
        } else {
            blob->values[i] = kin_os_handle_value(handles[i]);
        }
        if (repeats_value(blob, i)) {
            return KIN_E_HANDLE;
        }
    }
    return KIN_OK;
}

kin_status kin_blob_pack(void *buffer, size_t *size, const kin_args *args, kin_handle target)
{
    kin__blob blob;
    kin_family *family;
    kin_os_handle handles[KIN_OS_HANDLES_MAX];
    if (!buffer || !size) {
        return kin__refuse(KIN_E_ARGUMENT, "buffer is NULL, or size is NULL");
    }
    kin_status status = kin__family_resolve(&family, args ? args->family : NULL);
    if (status == KIN_OK) {
        status = kin__blob_describe(&blob, handles, family, args);
    }
    if (status == KIN_OK) {
        status = own_kinds(&blob, handles);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    size_t capacity = *size, needed = kin__blob_write(&blob, NULL, 0);
    if (needed > capacity) {
        *size = needed;
        return kin__refuse(KIN_E_BUFFER, "the buffer is too small for the blob");
    }
    status = kin__blob_store(&blob, family, args); /* a block in any case: it is how a second adopt is noticed */
    if (status == KIN_OK) {
        kin__args_given(args, true);
        status = place_handles(&blob, handles, target);
    }
    if (status != KIN_OK) {
        kin__args_given(args, false);
        kin__blob_discard(blob.block_size, blob.block);
        return kin__told(status);
    }
    *size = kin__blob_write(&blob, buffer, capacity);
    return KIN_OK;
}

/* One that was packed, not one of kin's own messages. */
static kin_status parse_packed(kin__blob *out, const void *blob, size_t size)
{
    if (!blob) {
        return kin__refuse(KIN_E_ARGUMENT, "blob is NULL");
    }
    kin_status status = kin__blob_parse(out, blob, size);
    bool packed = out->mode != KIN__BLOB_INDEX && out->block_size > 0 && out->entry[0] == '\0';
    return status == KIN_OK && !packed ? KIN_E_BLOB_CORRUPT : status;
}

kin_status kin_blob_handles(const void *blob, size_t size, kin_handle *handles, size_t *count)
{
    kin__blob parsed;
    if (!count) {
        return kin__refuse(KIN_E_ARGUMENT, "count is NULL");
    }
    kin_status status = parse_packed(&parsed, blob, size);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    size_t capacity = *count;
    *count = parsed.handle_count;
    if (handles && capacity < parsed.handle_count) {
        return kin__refuse(KIN_E_BUFFER, "the array is too small for the handles");
    }
    for (uint32_t i = 0; handles && i < parsed.handle_count; i++) {
        handles[i] = (kin_handle)parsed.values[i];
    }
    return KIN_OK;
}

kin_status kin_blob_adopt(kin_args **out, const void *blob, size_t size)
{
    kin__blob parsed;
    void *block;
    kin_os_handle handles[KIN_OS_HANDLES_MAX];
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = parse_packed(&parsed, blob, size);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin_family *known = kin__family_by_id(&parsed.family);
    if ((parsed.target != 0 && parsed.target != kin_os_pid()) || (known && parsed.packer == kin_os_pid())) {
        return kin__told(KIN_E_BLOB_TARGET);
    }
    if (parsed.mode == KIN__BLOB_INTO && (!KIN_OS_DUPLICATES_INTO || parsed.has_pulse)) {
        return kin__told(KIN_E_BLOB_CORRUPT); /* kin packs no such blob */
    }
    if (known) { /* if it was adopted before, its handles may belong to another part of the process now */
        status = find_block(&block, &parsed, known);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    for (uint32_t i = 0; i < parsed.handle_count; i++) {
        handles[i] = kin_os_handle_from(parsed.values[i]);
    }
    kin_args *args = calloc(1, sizeof *args);
    if (!args) {
        return kin__malloc_failed();
    }
    status = kin__blob_take(args, &parsed, handles);
    if (status != KIN_OK) {
        kin_args_destroy(args);
        return kin__told(status);
    }
    *out = args;
    return KIN_OK;
}
