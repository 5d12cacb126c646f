/* plugin.h: what test_copies calls in a plugin that has a copy of kin of its own. */
#ifndef KIN_PLUGIN_H
#define KIN_PLUGIN_H

/* Joins the family of that name and acquires its lock "lock". 0, or the number of the step that failed. */
typedef int plugin_hold(const char *name, unsigned char id[16]);
/* Releases it, sweeps, and leaves. */
typedef int plugin_leave(void);

#endif
