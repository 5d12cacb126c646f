/* server.c: there is no fork, so there is nothing to serve. */
#include "os.h"

kin_status kin_os_server_start(kin_os_process *out, const char *program, const kin_os_message *message,
                               const kin_os_setting *setting)
{
    (void)setting;
    (void)out;
    (void)program;
    (void)message;
    return KIN_E_UNSUPPORTED;
}

kin_status kin_os_server_run(void *data, size_t capacity, size_t *size, kin_os_handle *handles, size_t *handle_count)
{
    (void)data;
    (void)capacity;
    (void)size;
    (void)handles;
    (void)handle_count;
    return KIN_OK;
}
