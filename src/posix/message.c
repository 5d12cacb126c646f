/* message.c: what a spawned child gets at its start: a message in its environment, handles as descriptors 3, 4, ...,
 * and behind them the descriptor of its record (returns.c).
 *
 * - The environment passes to grandchildren: the variable names the pid of the parent that wrote it.
 * - A descriptor made by dup2 in the child survives exec. So the child sets close-on-exec first of all.
 * - kin uses neither sscanf nor sprintf here: they cost a starting child ten microseconds of page faults.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "posix/environment.h"
#include "posix/message.h"
#include "posix/posix.h"
#include "posix/returns.h"

/* ---- the parent writes ---- */

static char *put_text(char *out, const char *text)
{
    while (*text != '\0') {
        *out++ = *text++;
    }
    return out;
}

static char *put_number(char *out, uint64_t number)
{
    char digits[3 * sizeof number];
    char *first = digits + sizeof digits;
    *--first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put_text(out, first);
}

void kin_posix_message_write(char out[KIN_POSIX_MESSAGE_TEXT], const kin_os_message *message,
                             const kin_posix_record *record)
{
    const unsigned char *bytes = message->data;
    char *at = put_text(out, KIN_POSIX_MESSAGE "=");
    const uint64_t numbers[] = {(uint64_t)getpid(), message->handle_count, record->slot, record->token};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        at = put_number(at, numbers[i]);
        *at++ = ':';
    }
    for (size_t i = 0; i < message->size; i++) {
        *at++ = "0123456789abcdef"[bytes[i] >> 4];
        *at++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *at = '\0';
}

/* ---- the child reads ---- */

/* 16: not a digit. */
static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* Reads a decimal number and the colon behind it. */
static bool get_number(const char **text, uint64_t most, uint64_t *out)
{
    const char *at = *text;
    *out = 0;
    for (; digit_of(*at) < 10; at++) {
        if (*out > (most - digit_of(*at)) / 10) {
            return false;
        }
        *out = *out * 10 + digit_of(*at);
    }
    bool sound = at != *text && *at == ':';
    *text = at + 1;
    return sound;
}

static kin_status get_bytes(const char *text, unsigned char *data, size_t capacity, size_t *size)
{
    size_t count = 0;
    for (; text[0] != '\0'; text += 2) {
        unsigned high = digit_of(text[0]), low = high < 16 ? digit_of(text[1]) : 16;
        if (low > 15) {
            return KIN_E_BLOB_CORRUPT;
        }
        if (count == capacity) {
            return KIN_E_TOO_BIG;
        }
        data[count++] = (unsigned char)(high << 4 | low);
    }
    *size = count;
    return KIN_OK;
}

static kin_status take_handles(kin_os_handle *handles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        handles[i] = KIN_POSIX_FIRST_FD + (int)i;
        if (fcntl(handles[i], F_SETFD, FD_CLOEXEC) != 0) {
            return kin_posix_fail(errno);
        }
    }
    return KIN_OK;
}

bool kin_os_message_pending(void)
{
    if (kin_posix_secure()) {
        unsetenv(KIN_POSIX_MESSAGE); /* a program that this one runs with full rights would take it for this one's */
    }
    return kin_os_variable(KIN_POSIX_MESSAGE) != NULL;
}

static kin_status take(const char *text, void *data, size_t capacity, size_t *size, kin_os_handle *handles,
                       size_t *handle_count)
{
    uint64_t parent, count, slot;
    kin_posix_record record = {.at = NULL};
    if (!get_number(&text, INT_MAX, &parent) || !get_number(&text, *handle_count, &count) ||
        !get_number(&text, UINT32_MAX, &slot) || !get_number(&text, UINT64_MAX, &record.token)) {
        return KIN_E_BLOB_CORRUPT;
    }
    record.slot = (uint32_t)slot;
    if (parent != (uint64_t)getppid()) {
        return KIN_E_CLOSED; /* the descriptors may be anything by now, so they are left alone */
    }
    kin_status status = get_bytes(text, data, capacity, size);
    if (status == KIN_OK) {
        status = take_handles(handles, (size_t)count);
    }
    if (status == KIN_OK) {
        status = kin_posix_record_adopt(KIN_POSIX_FIRST_FD + (int)count, &record);
    }
    *handle_count = (size_t)count;
    return status;
}

/* A process is called as the file that was executed: after a start by /proc/self/exe, "exe" (execve(2), proc(5)). */
static void restore_name(void)
{
    char name[16] = "";
    if (prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, "exe") == 0) {
        prctl(PR_SET_NAME, program_invocation_short_name, 0, 0, 0);
    }
}

kin_status kin_os_message_take(void *data, size_t capacity, size_t *size, kin_os_handle *handles, size_t *handle_count)
{
    const char *text = kin_os_variable(KIN_POSIX_MESSAGE);
    if (!text) {
        return KIN_E_NOT_FOUND;
    }
    kin_status status = take(text, data, capacity, size, handles, handle_count);
    unsetenv(KIN_POSIX_MESSAGE);
    restore_name();
    return status;
}
