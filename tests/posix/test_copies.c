/* Two copies of kin in one process: in the program, and in a plugin. */
#include "support.h"
#include "posix/children.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin.h"

static const char *plugin_path;
static char name[32];

typedef union symbol { /* what dlsym answers is a function */
    void *address;
    plugin_hold *hold;
    plugin_leave *leave;
} symbol;

static int in_child(int (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(100);
        snprintf(name, sizeof name, "copies-%d", (int)getpid());
        exit(body());
    }
    return end_of(pid);
}

static int start_family(kin_family **family, kin_lock **lock, unsigned char id[16])
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    CHECK(kin_family_open(family, name, KIN_FAMILY_CREATE, NULL) == KIN_OK);
    CHECK(kin_family_inspect(*family, &info) == KIN_OK);
    CHECK(kin_lock_create(lock, *family, 0) == KIN_OK && kin_name_set("lock", KIN_TYPE_LOCK, *lock) == KIN_OK);
    memcpy(id, info.id, sizeof info.id);
    return 0;
}

/* Another process, which comes by the name: the family is there, and its lock is held. */
static int stranger_finds_it_held(void)
{
    kin_family *family;
    void *lock = NULL;
    CHECK(kin_cleanup(NULL) == KIN_OK && kin_cleanup(NULL) == KIN_OK);
    CHECK(kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL) == KIN_OK);
    CHECK(kin_name_get(&lock, family, "lock", KIN_TYPE_LOCK) == KIN_OK);
    CHECK(kin_lock_acquire(lock, KIN_MS(120)) == KIN_E_TIMED_OUT);
    return 0;
}

/* Not a forked child, which would have the family: the answer comes by this program executed anew. */
static int ask_stranger(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "copies", plugin_path, "stranger", name, (char *)NULL);
        _exit(9);
    }
    int status = -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 8;
}

static int live_together(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    symbol hold, leave;
    unsigned char id[16], other[16];
    CHECK(start_family(&family, &lock, id) == 0);
    void *plugin = dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
    CHECK(plugin);
    hold.address = dlsym(plugin, "hold");
    leave.address = dlsym(plugin, "leave");
    CHECK(hold.hold(name, other) == 0 && memcmp(id, other, sizeof id) == 0);
    CHECK(kin_lock_acquire(lock, KIN_MS(120)) == KIN_E_TIMED_OUT); /* the copies are two members */
    CHECK(ask_stranger() == 0);
    CHECK(kin_cleanup(NULL) == KIN_OK && count_names(id) > 0);
    CHECK(leave.leave() == 0 && count_names(id) > 0); /* this copy is still there */
    CHECK(kin_lock_acquire(lock, KIN_NOW) == KIN_OK);
    CHECK(ask_stranger() == 0);
    CHECK(kin_lock_release(lock) == KIN_OK);
    return 0;
}

static void copies_are_two_members(void **state)
{
    (void)state;
    assert_int_equal(in_child(live_together), 0);
}

static void *use_plugin(void *unused)
{
    symbol hold, leave;
    unsigned char id[16];
    (void)unused;
    void *plugin = dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
    hold.address = dlsym(plugin, "hold");
    leave.address = dlsym(plugin, "leave");
    bool used = hold.hold(name, id) == 0 && leave.leave() == 0 && dlclose(plugin) == 0;
    return used ? name : NULL; /* what the thread leaves behind is still code's of the plugin */
}

static int close_the_plugin(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    unsigned char id[16];
    pthread_t thread;
    void *used = NULL;
    CHECK(start_family(&family, &lock, id) == 0);
    CHECK(pthread_create(&thread, NULL, use_plugin, NULL) == 0 && pthread_join(thread, &used) == 0 && used);
    CHECK(dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD)); /* it has stayed */
    pid_t pid = fork();                                 /* runs its fork handlers */
    if (pid == 0) {
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

static void closed_plugin_stays(void **state)
{
    (void)state;
    assert_int_equal(in_child(close_the_plugin), 0);
}

int main(int argc, char **argv)
{
    plugin_path = argc > 1 ? argv[1] : "";
    if (argc == 4 && strcmp(argv[2], "stranger") == 0) {
        snprintf(name, sizeof name, "%s", argv[3]);
        return stranger_finds_it_held();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_two_members),
        cmocka_unit_test(closed_plugin_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
