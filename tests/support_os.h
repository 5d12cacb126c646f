/* support_os.h: what the tests ask of the system itself. The same for both backends. */
#ifndef KIN_SUPPORT_OS_H
#define KIN_SUPPORT_OS_H

#include <stddef.h>
#include <stdint.h>

/* Open descriptors or handles of this process. */
size_t count_handles(void);
/* Names in the system that belong to the family of this id. */
size_t count_names(const uint8_t id[16]);
/* Whether children can be forked here. */
int has_fork(void);
/* Makes a file with this text and opens it for reading; a pipe (ends: read, write). As kin_handle numbers. */
intptr_t open_file_with(const char *text);
void make_pipe(intptr_t ends[2]);
/* Reads at most size bytes; returns how many, or -1. write_handle: whether all was written. */
long read_handle(intptr_t handle, void *buffer, size_t size);
int write_handle(intptr_t handle, const void *buffer, size_t size);
void close_handle(intptr_t handle);
/* Something that can be waited for; and makes it ready, once and for all. */
intptr_t make_signal(void);
void raise_signal(intptr_t signal);
/* Starts this program once more, without kin: with one argument, input as its standard input, and these handles
 * inherited under the same values. Returns the process (a HANDLE, a pid). */
intptr_t start_self(const char *argument, intptr_t input, const intptr_t *inherited, size_t count);
/* Waits for its end; returns its exit code. */
int end_of_self(intptr_t process);
/* Kills the process of that id, if there is one; Windows: with that exit code. */
void kill_pid(uint32_t pid);
void kill_pid_with(uint32_t pid, uint32_t code);
/* Ends this process by a signal or an exception. */
void crash(void);
/* Reads all of the standard input; returns how much. */
size_t read_input(void *buffer, size_t size);
/* Closes the standard input; writes all of it to standard output (1) or error (2), as it is, or returns 0. */
void close_input(void);
int write_output(int stream, const void *bytes, size_t size);
/* This program's arguments in UTF-8, ended by NULL, as the C runtime took them apart (Windows: and as
 * CommandLineToArgvW does, or NULL). They stay. */
char **own_arguments(void);
/* An environment variable of this process in UTF-8: its length, -1 if there is none. Sets one, or removes it (NULL). */
int own_variable(char *out, size_t size, const char *name);
void set_variable(const char *name, const char *value);
/* Makes a program's directory the current one; puts back the old one, and PATH. PATH becomes another one. */
typedef struct test_place {
    char before[4096], path[32768];
    char directory[4096], parent[4096], name[256]; /* the program's */
} test_place;
test_place enter_place_of(const char *program);
void set_path(const char *path);
void leave_place(const test_place *left);
/* A file with this text that is no program; its path, for remove_plain_file. */
char *make_plain_file(const char *text);
void remove_plain_file(char *path);
/* A file that any program started by other means would inherit. */
intptr_t open_inheritable_file(void);
/* Runs body(argument) in a thread of its own; end waits for its end. run: both. */
void *begin_thread(void (*body)(void *argument), void *argument);
void end_thread(void *thread);
void run_thread(void (*body)(void *argument), void *argument);
/* Whether the system says, within so many milliseconds, that the handle is ready: for reading, or signalled. */
int handle_is_ready(intptr_t handle, int milliseconds);

#endif
