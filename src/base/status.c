#include "base/status.h"
#include "kin/status.h"
#include "kin/version.h"

#include "os.h"

const char *kin_status_name(kin_status status)
{
    switch (status) {
#define STATUS_NAME(number, name, text)                                                                                \
    case name:                                                                                                         \
        return #name;
        KIN_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    }
    return "KIN_E_?";
}

const char *kin_status_text(kin_status status)
{
    switch (status) {
#define STATUS_TEXT(number, name, text)                                                                                \
    case name:                                                                                                         \
        return text;
        KIN_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "not a status of kin";
}

int kin_last_os_error(void)
{
    return kin_os_error();
}

kin_status kin__with_error_of_before(kin_status status, int before)
{
    if (status >= 0 || status == KIN_E_TIMED_OUT) {
        kin_os_error_set(before);
    }
    return status;
}

const char *kin_os_error_text(int code, char *buffer, size_t size)
{
    if (!buffer || size == 0) {
        return "";
    }
    buffer[0] = '\0';
    kin_os_error_write(code, buffer, size);
    return buffer;
}

int kin_version(void)
{
    return KIN_VERSION_MAJOR * 1000000 + KIN_VERSION_MINOR * 1000 + KIN_VERSION_PATCH;
}
