/* fuzz_blob.c: the readers of what comes from another process: the blob's head and the argument block.
 *
 * Input: a byte of modes, a 16-bit length, so many bytes of head, and the rest is the block. Mode bit 0: the head's
 * start and checksum are put right, so that the fields behind them are reached; bit 1: both come from the generator
 * below, with the input as its choices, so that whole structures are.
 *
 * Held to: nothing is read out of bounds (the sanitizers), and what is accepted is written back as the same bytes.
 */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kin__reader in = {data, size, 0, false};
    unsigned modes = (unsigned)kin__get_number(&in, 1);
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
