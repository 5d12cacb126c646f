/* textbook.c: a mutex and semaphores between processes are handles here, which each process opens for itself
 * (learn.microsoft.com/windows/win32/sync/interprocess-synchronization): not what a textbook's ring is made of. See
 * ../textbook.h. */
#include "../textbook.h"

const peer_textbook peer_textbook_ring = {0};
