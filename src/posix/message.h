/* message.h: how a message travels to a spawned child. */
#ifndef KIN_POSIX_MESSAGE_H
#define KIN_POSIX_MESSAGE_H

#include "os.h"

#define KIN_POSIX_FIRST_FD 3 /* of the handles that a spawned child gets */
#define KIN_POSIX_MESSAGE_TEXT (96 + 2 * (size_t)KIN_OS_MESSAGE_MAX)

/* The environment variable that carries the message, "NAME=value". */
void kin_posix_message_write(char out[KIN_POSIX_MESSAGE_TEXT], const kin_os_message *message,
                             const kin_posix_record *record);

#endif
