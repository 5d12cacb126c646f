#include "process/arguments.h"

#include "base/last_error.h"
#include "family/create.h"
#include "memory/object.h"
#include "pipe/endpoint.h"
#include "pipe/packet.h"
#include "pipe/pipe.h"
#include "process/registry.h"

#include <stdlib.h>

#define WRONG_HANDLE "the handle is closed, or of another kind than was promised"
#define TOO_MANY_HANDLES "the arguments carry 62 handles already"

_Static_assert((int)KIN_HANDLE_OTHER == (int)KIN_OS_KIND_OTHER && (int)KIN_HANDLE_MEMORY == (int)KIN_OS_KIND_SHM,
               "the public kinds are the seam's");

/* ---- adding ---- */

kin_status kin_args_create(kin_args **out, kin_family *family)
{
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = kin__family_resolve(&family, family);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin_args *args = calloc(1, sizeof *args);
    if (!args) {
        return kin__malloc_failed();
    }
    args->family = family;
    *out = args;
    return KIN_OK;
}

void kin__args_clear(kin_args *args)
{
    for (uint32_t i = 0; i < args->count; i++) {
        kin__arg *item = &args->items[i];
        if (item->owned && item->kind == KIN__ARG_PIPE) {
            kin_pipe_close(item->pipe);
        } else if (item->owned) {
            free((void *)(uintptr_t)item->bytes);
        }
    }
    free(args->block);
    args->block = NULL;
    args->count = 0;
}

void kin_args_destroy(kin_args *args)
{
    if (args) {
        kin__args_clear(args);
        free(args);
    }
}

static const kin__arg *find(const kin_args *args, const char *name)
{
    for (uint32_t i = 0; i < args->count; i++) {
        if (strcmp(args->items[i].name, name) == 0) {
            return &args->items[i];
        }
    }
    return NULL;
}

/* The next item, with its name; it counts once the caller raises args->count. */
static kin_status next_item(kin__arg **out, kin_args *args, const char *name)
{
    if (!args || !kin__name_sound(name)) {
        return kin__refuse(KIN_E_ARGUMENT, "args is NULL, or name is not 1 to 47 bytes long");
    }
    if (find(args, name)) {
        return kin__refuse(KIN_E_EXISTS, "there is an argument of that name already");
    }
    if (args->count == KIN_ARGS_MAX) {
        return kin__refuse(KIN_E_LIMIT, "there are 64 arguments already (KIN_ARGS_MAX)");
    }
    kin__arg *item = &args->items[args->count];
    memset(item, 0, sizeof *item);
    memcpy(item->name, name, strlen(name));
    *out = item;
    return KIN_OK;
}

kin_status kin_args_add_object(kin_args *args, const char *name, kin_type type, const void *object)
{
    kin__arg *item;
    kin_family *family;
    kin_status status = next_item(&item, args, name);
    if (status == KIN_OK) {
        status = kin_ref_of(&item->ref, type, object);
    }
    if (status == KIN_OK) {
        status = kin_family_of(&family, object);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (family != args->family) {
        return kin__refuse(KIN_E_FAMILY, "the object lies in another family than the arguments");
    }
    item->kind = KIN__ARG_REF;
    item->type = (uint32_t)type;
    args->count++;
    return KIN_OK;
}

kin_status kin_args_add_bytes(kin_args *args, const char *name, const void *bytes, size_t size)
{
    kin__arg *item;
    kin_status status = next_item(&item, args, name);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (!bytes && size > 0) {
        return kin__refuse(KIN_E_ARGUMENT, "bytes is NULL and size is not 0");
    }
    if (size > KIN_ARG_BYTES_MAX) {
        return kin__refuse(KIN_E_TOO_BIG,
                           "an argument has at most 16 MiB (KIN_ARG_BYTES_MAX): put the bytes into shared memory");
    }
    void *copy = malloc(size > 0 ? size : 1);
    if (!copy) {
        return kin__malloc_failed();
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    item->kind = KIN__ARG_BYTES;
    item->owned = true;
    item->bytes = copy;
    item->size = size;
    args->count++;
    return KIN_OK;
}

kin_status kin_args_add_handle(kin_args *args, const char *name, kin_handle handle)
{
    kin__arg *item;
    kin_os_kind kind;
    kin_status status = next_item(&item, args, name);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (args->handle_count == KIN__ARG_HANDLES_MAX) {
        return kin__refuse(KIN_E_LIMIT, TOO_MANY_HANDLES);
    }
    item->handle = kin_os_handle_from((uint64_t)handle);
    if (item->handle == KIN_OS_NO_HANDLE || kin_os_handle_kind(item->handle, &kind) != KIN_OK) {
        return kin__refuse(KIN_E_HANDLE, WRONG_HANDLE);
    }
    item->kind = KIN__ARG_HANDLE;
    item->type = (uint32_t)kind;
    args->handle_count++;
    args->count++;
    return KIN_OK;
}

kin_status kin_args_add_pipe(kin_args *args, const char *name, kin_pipe *pipe)
{
    kin__arg *item;
    kin_status status = next_item(&item, args, name);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (!pipe) {
        return kin__refuse(KIN_E_ARGUMENT, "pipe is NULL");
    }
    if (args->handle_count + KIN_OS_PIPE_HANDLES > KIN__ARG_HANDLES_MAX) {
        return kin__refuse(KIN_E_LIMIT, TOO_MANY_HANDLES);
    }
    if (pipe->gone) {
        return kin__refuse(KIN_E_HANDLE, WRONG_HANDLE);
    }
    item->kind = KIN__ARG_PIPE;
    item->type = pipe->flags;
    item->pipe = pipe;
    args->handle_count += KIN_OS_PIPE_HANDLES;
    args->count++;
    return KIN_OK;
}

/* ---- getting ---- */

static kin_status get(const kin__arg **out, const kin_args *args, const char *name, kin__arg_kind kind)
{
    if (!args || !name) {
        return kin__refuse(KIN_E_ARGUMENT, "args is NULL, or name is NULL");
    }
    const kin__arg *item = find(args, name);
    if (!item) {
        return kin__refuse(KIN_E_NOT_FOUND, "there is no argument of that name");
    }
    *out = item;
    return item->kind == kind
               ? KIN_OK
               : kin__refuse(KIN_E_TYPE, "the argument is of another kind: object, bytes, handle or pipe");
}

kin_status kin_args_get_object(void **object, const kin_args *args, const char *name, kin_type type)
{
    const kin__arg *item;
    if (!object) {
        return kin__refuse(KIN_E_ARGUMENT, "object is NULL");
    }
    kin_status status = get(&item, args, name, KIN__ARG_REF);
    return kin__told(status == KIN_OK ? kin_ref_get(object, type, item->ref) : status);
}

kin_status kin_args_get_bytes(const void **bytes, size_t *size, const kin_args *args, const char *name)
{
    const kin__arg *item;
    if (!bytes || !size) {
        return kin__refuse(KIN_E_ARGUMENT, "bytes is NULL, or size is NULL");
    }
    kin_status status = get(&item, args, name, KIN__ARG_BYTES);
    if (status == KIN_OK) {
        *bytes = item->bytes;
        *size = (size_t)item->size;
    }
    return kin__told(status);
}

kin_status kin_args_get_handle(kin_handle *out, const kin_args *args, const char *name, kin_handle_kind kind)
{
    const kin__arg *item;
    if (!out || kind < KIN_HANDLE_ANY || kind > KIN_HANDLE_OTHER) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL, or kind is not a kin_handle_kind");
    }
    kin_status status = get(&item, args, name, KIN__ARG_HANDLE);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (kind != KIN_HANDLE_ANY && (uint32_t)kind != item->type) {
        return kin__refuse(KIN_E_HANDLE, WRONG_HANDLE);
    }
    *out = (kin_handle)kin_os_handle_value(item->handle);
    return KIN_OK;
}

kin_status kin_args_get_pipe(kin_pipe **out, const kin_args *args, const char *name)
{
    const kin__arg *item;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = get(&item, args, name, KIN__ARG_PIPE);
    if (status == KIN_OK) {
        ((kin__arg *)(uintptr_t)item)->owned = false; /* the caller's from now on */
        *out = item->pipe;
    }
    return kin__told(status);
}

kin_family *kin_args_family(const kin_args *args)
{
    return args ? args->family : NULL;
}

/* ---- travelling ---- */

static uint32_t handles_of(const kin__arg *item)
{
    return item->kind == KIN__ARG_HANDLE ? 1 : item->kind == KIN__ARG_PIPE ? KIN_OS_PIPE_HANDLES : 0;
}

/* The handles that one argument travels as. */
static kin_status lend(const kin__arg *item, kin_os_handle *handles)
{
    if (item->kind == KIN__ARG_HANDLE) {
        handles[0] = item->handle;
        return KIN_OK;
    }
    kin_status status = kin__pipe_idle(item->pipe);
    if (status == KIN_OK) {
        kin_os_pipe_handles(&item->pipe->os, handles);
    }
    return status;
}

kin_status kin__args_handles(const kin_args *args, kin_os_handle *handles, uint32_t *kinds)
{
    uint32_t n = 0;
    for (uint32_t i = 0; args && i < args->count; i++) {
        const kin__arg *item = &args->items[i];
        uint32_t end = n + handles_of(item);
        kin_status status = n < end ? lend(item, handles + n) : KIN_OK;
        for (; n < end && status == KIN_OK; n++) {
            kin_os_kind kind;
            status = kin_os_handle_kind(handles[n], &kind);
            kinds[n] = (uint32_t)kind;
            if (status != KIN_OK || (item->kind == KIN__ARG_HANDLE && kinds[n] != item->type)) {
                status = KIN_E_HANDLE;
            }
        }
        if (status != KIN_OK) {
            return status;
        }
    }
    return KIN_OK;
}

void kin__args_given(const kin_args *args, bool given)
{
    for (uint32_t i = 0; args && i < args->count; i++) {
        if (args->items[i].kind == KIN__ARG_PIPE) {
            kin_os_pipe_given(&args->items[i].pipe->os, given);
        }
    }
}

static void write_item(kin__writer *out, const kin__arg *item, uint32_t *handle)
{
    kin__put_u32(out, (uint32_t)item->kind);
    kin__put_text(out, item->name);
    switch (item->kind) {
    case KIN__ARG_REF:
        kin__put_u32(out, item->type);
        kin__put_u64(out, item->ref.opaque[0]);
        kin__put_u64(out, item->ref.opaque[1]);
        break;
    case KIN__ARG_BYTES:
        kin__put_u64(out, item->size);
        kin__put_align(out, 16);
        kin__put(out, item->bytes, (size_t)item->size);
        break;
    case KIN__ARG_HANDLE:
        kin__put_u32(out, *handle);
        break;
    case KIN__ARG_PIPE:
        kin__put_u32(out, *handle);
        kin__put_u32(out, item->type);
        break;
    }
    *handle += handles_of(item);
}

void kin__args_write(kin__writer *out, const kin_args *args)
{
    uint32_t handle = 0;
    kin__put_u32(out, args ? args->count : 0);
    for (uint32_t i = 0; args && i < args->count; i++) {
        write_item(out, &args->items[i], &handle);
    }
}

static bool parse_value(kin__reader *in, kin__arg *item, uint32_t *handle)
{
    uint32_t first = *handle;
    *handle += handles_of(item);
    switch (item->kind) {
    case KIN__ARG_REF:
        item->type = kin__get_u32(in);
        item->ref.opaque[0] = kin__get_u64(in);
        item->ref.opaque[1] = kin__get_u64(in);
        return item->type >= KIN_TYPE_MEMORY && item->type <= KIN__TYPE_LAST;
    case KIN__ARG_BYTES:
        item->size = kin__get_u64(in);
        kin__get_align(in, 16);
        item->bytes = kin__get(in, item->size);
        return item->size <= KIN_ARG_BYTES_MAX;
    case KIN__ARG_HANDLE:
        return kin__get_u32(in) == first;
    case KIN__ARG_PIPE: {
        uint32_t at = kin__get_u32(in);
        item->type = kin__get_u32(in);
        return at == first && kin__end_flags_sound(item->type);
    }
    }
    return false;
}

kin_status kin__args_parse(kin_args *out, const void *block, size_t size, uint32_t handle_count)
{
    kin__reader in = {block, size, 0, false};
    uint32_t count = kin__get_u32(&in);
    memset(out, 0, sizeof *out);
    if (in.bad || count > KIN_ARGS_MAX) {
        return KIN_E_BLOB_CORRUPT;
    }
    for (; out->count < count; out->count++) {
        kin__arg *item = &out->items[out->count];
        uint32_t kind = kin__get_u32(&in);
        kin__get_text(&in, item->name, KIN_TASK_NAME_MAX);
        if (in.bad || item->name[0] == '\0' || find(out, item->name) || kind < KIN__ARG_REF || kind > KIN__ARG_PIPE) {
            return KIN_E_BLOB_CORRUPT;
        }
        item->kind = (kin__arg_kind)kind;
        if (!parse_value(&in, item, &out->handle_count) || in.bad) {
            return KIN_E_BLOB_CORRUPT;
        }
    }
    return kin__reader_done(&in) && out->handle_count == handle_count ? KIN_OK : KIN_E_BLOB_CORRUPT;
}

bool kin__args_ends_sound(const kin_args *args, const kin_os_handle *handles)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < args->count; i++) {
        const kin__arg *item = &args->items[i];
        if (item->kind == KIN__ARG_PIPE && !kin_os_pipe_is_end(handles + n)) {
            return false;
        }
        n += handles_of(item);
    }
    return true;
}

static kin_status bind_pipe(kin__arg *item, kin_os_handle *handles)
{
    kin_status status = kin__pipe_adopt(&item->pipe, handles, item->type);
    for (uint32_t i = 0; i < KIN_OS_PIPE_HANDLES; i++) {
        handles[i] = KIN_OS_NO_HANDLE;
    }
    item->owned = status == KIN_OK;
    return status == KIN_E_DAMAGED ? KIN_E_HANDLE : status;
}

static void unbind(kin_args *args)
{
    for (uint32_t i = 0; i < args->count; i++) {
        kin__arg *item = &args->items[i];
        if (item->kind == KIN__ARG_PIPE && item->owned) {
            kin_pipe_close(item->pipe);
            item->owned = false;
        }
    }
}

kin_status kin__args_bind(kin_args *args, kin_os_handle *handles, const uint32_t *kinds)
{
    kin_status status = KIN_OK;
    uint32_t n = 0;
    for (uint32_t i = 0; i < args->count && status == KIN_OK; i++) {
        kin__arg *item = &args->items[i];
        if (item->kind == KIN__ARG_HANDLE) {
            item->handle = handles[n];
            item->type = kinds[n];
        } else if (item->kind == KIN__ARG_PIPE) {
            status = bind_pipe(item, handles + n);
        }
        n += handles_of(item);
    }
    if (status != KIN_OK) {
        unbind(args);
    }
    return status;
}
