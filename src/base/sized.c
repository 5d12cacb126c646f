#include "base/sized.h"

#include <stdbool.h>
#include <string.h>

#include "base/last_error.h"

#define SIZE_LEAST (2 * sizeof(size_t)) /* a size, and something to set */
#define SIZE_MOST ((size_t)4096)        /* more was never set on purpose */

static kin_status check_size(const void *given, const char *init)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size < SIZE_LEAST || size > SIZE_MOST) {
        return kin__explain(KIN_E_ARGUMENT, "the struct's size is %zu: initialise the struct with %s", size, init);
    }
    return KIN_OK;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

kin_status kin__options_read(void *own, size_t size, const void *given, const char *init)
{
    size_t theirs = size;
    memset(own, 0, size);
    if (given) {
        kin_status status = check_size(given, init);
        if (status != KIN_OK) {
            return status;
        }
        memcpy(&theirs, given, sizeof theirs);
        if (theirs > size && !is_zero((const unsigned char *)given + size, theirs - size)) {
            return kin__explain(KIN_E_ARGUMENT, "the options set a field that this version of kin does not have");
        }
        memcpy(own, given, theirs < size ? theirs : size);
    }
    memcpy(own, &size, sizeof size);
    return KIN_OK;
}

kin_status kin__info_check(const void *given, const char *init)
{
    if (!given) {
        return kin__explain(KIN_E_ARGUMENT, "the struct to fill in is NULL (it begins as %s)", init);
    }
    return check_size(given, init);
}

void kin__info_write(void *given, const void *own, size_t size)
{
    size_t theirs;
    memcpy(&theirs, given, sizeof theirs);
    size_t both = theirs < size ? theirs : size;
    unsigned char *bytes = given;
    memcpy(bytes + sizeof theirs, (const unsigned char *)own + sizeof theirs, both - sizeof theirs);
    memset(bytes + both, 0, theirs - both);
}
