/* fuzz_names.c: foreign files in the directories where kin looks for families: BASE/kin-UID, of that user or of another
 * one, with files, links, fifos, sockets and directories in it. The input chooses names, contents, sizes, modes and
 * owners. Some are copies of a real family's. Then families are made, opened by name, listed, forgotten and swept.
 *
 * The checks: a file that is not kin's is not opened, changed or removed (by its inode, and by inotify), and keeps its
 * record locks. No call waits (libFuzzer's -timeout) or crashes, and no descriptor is left over. Kin's files are those
 * in a directory of the user's own that are plain files of the user without other links, called HEX.pulse, HEX.arena,
 * HEX.memory or NAME.removing, and links NAME.family whose text is a family's.
 *
 * The program has a /dev/shm of its own, for which it needs to be root or a user namespace (77: it has neither), and a
 * user number that nobody else has. Without root all files are this user's.
 */
#include "arena.h"
#include "kin/kin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT "/dev/shm/out" /* files that are nobody's business */
#define OTHER 65534

enum { BASES = 4, ENTRIES = 12, FAMILIES = 4, MODEL_MAX = 1 << 20, NAMES = 9, MEMBERS = 8 };

static const char *const bases[BASES] = {"/dev/shm", "/dev/shm/run", "/dev/shm/tmp", "/tmp"};
static const char *const foreign[] = {OUT "/data", OUT "/dir/inside", OUT "/fifo"};
enum { FOREIGN = 3 };

static const char *const names[NAMES] = {
    "a",          "model",      "..",
    ".hidden",    "two words",  "\033[2J",
    "a.removing", "\xff\xfe x", "a-name-of-sixty-three-bytes-which-is-as-long-as-it-may-be-and-no-mo"};

static bool is_root;
static uid_t user;
static char hexes[3][33]; /* the model's, and two of nobody */
static struct {
    unsigned char *bytes;
    size_t size;
    off_t length;       /* of the file; the rest of it is empty */
} model[2];             /* arena, pulse */
static int locked = -1; /* the descriptor with a record lock */
static int notices = -1;

/* ---- the surroundings, once ---- */

static void must(bool holds)
{
    if (!holds) {
        perror("fuzz_names");
        abort();
    }
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void enter_own_surroundings(void)
{
    char map[64];
    uid_t outside = getuid();
    gid_t group = getgid();
    user = (uid_t)(1000000 + getpid());
    is_root = outside == 0 && unshare(CLONE_NEWNS) == 0;
    if (!is_root) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            exit(77);
        }
        snprintf(map, sizeof map, "%u %u 1", (unsigned)user, (unsigned)outside);
        write_text("/proc/self/uid_map", map);
        write_text("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "%u %u 1", (unsigned)user, (unsigned)group);
        write_text("/proc/self/gid_map", map);
    }
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    must(mount("none", "/dev/shm", "tmpfs", 0, "mode=1777") == 0);
}

/* What follows is done as the user; or as root again, with what libFuzzer needs for its own files. */
static void be_user(bool yes)
{
    static char *temporary;
    if (yes) {
        const char *before = getenv("TMPDIR");
        free(temporary);
        temporary = before ? strdup(before) : NULL;
        setenv("XDG_RUNTIME_DIR", bases[1], 1);
        setenv("TMPDIR", bases[2], 1);
    } else if (temporary) {
        setenv("TMPDIR", temporary, 1);
    } else {
        unsetenv("TMPDIR");
    }
    if (is_root) {
        must(seteuid(yes ? user : 0) == 0);
        prctl(PR_SET_DUMPABLE, 1); /* /proc/self stays its own */
    }
}

static void own(const char *path, uint64_t what)
{
    if (is_root) {
        must(lchown(path, what % 4 == 0 ? OTHER : user, (gid_t)-1) == 0);
    }
}

static void read_model(const char *suffix, int which)
{
    char path[300];
    struct stat info;
    snprintf(path, sizeof path, "/dev/shm/kin-%u/%s.%s", (unsigned)user, hexes[0], suffix);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = which == 0 ? MODEL_MAX : MEMBERS * 4096; /* a page for each member */
    model[which].bytes = malloc(size);
    must(fd >= 0 && model[which].bytes && fstat(fd, &info) == 0);
    ssize_t got = read(fd, model[which].bytes, size);
    must(got > 0);
    model[which].size = (size_t)got;
    model[which].length = info.st_size;
    close(fd);
}

static void make_model(void)
{
    kin_family_options options = {
        .size = sizeof options, .reserve = MODEL_MAX, .max_members = MEMBERS, .max_threads = 64};
    kin_family *family;
    kin_lock *lock;
    be_user(true);
    must(kin_family_open(&family, "model", KIN_FAMILY_CREATE, &options) == KIN_OK);
    must(kin_lock_create(&lock, family, 0) == KIN_OK && kin_name_set("lock", KIN_TYPE_LOCK, lock) == KIN_OK);
    for (int i = 0; i < 16; i++) {
        snprintf(hexes[0] + 2 * i, 3, "%02x", family->id.bytes[i]);
        snprintf(hexes[1] + 2 * i, 3, "%02x", 0xab);
        snprintf(hexes[2] + 2 * i, 3, "%02x", i);
    }
    read_model("arena", 0);
    read_model("pulse", 1);
    kin_family_close(family);
    be_user(false);
}

static void make_foreign(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    must(mkdir(OUT, 0777) == 0 && mkdir(OUT "/dir", 0777) == 0 && mkfifo(OUT "/fifo", 0666) == 0);
    write_text(foreign[0], "somebody's");
    write_text(foreign[1], "somebody's, too");
    for (int i = 0; i < FOREIGN; i++) {
        own(foreign[i], 1);
        must(chmod(foreign[i], 0400) == 0);
    }
    locked = open(foreign[0], O_RDWR | O_CLOEXEC);
    must(locked >= 0 && fcntl(locked, F_SETLK, &lock) == 0);
    notices = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    must(notices >= 0);
}

/* ---- what is planted ---- */

typedef struct entry {
    char path[700];
    struct stat info;
    int watch; /* of inotify, or -1 */
} entry;

static struct {
    entry all[ENTRIES + 2 * BASES + FOREIGN];
    uint32_t count;
} kept; /* what is to stay as it is */

static bool is_hex(const char *name, const char *suffix)
{
    return strspn(name, "0123456789abcdef") == 32 && name[32] == '.' && strcmp(name + 33, suffix) == 0;
}

/* Whether a link's text is a family's of that name. */
static bool is_family_text(const char *path, const char *name, size_t length)
{
    char text[600], kept_text[600];
    ssize_t size = readlink(path, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    snprintf(kept_text, sizeof kept_text, "%.*s kept", (int)length, name);
    return strspn(text, "0123456789abcdef") == 32 && text[32] == ' ' &&
           (strcmp(text + 33, kept_text) == 0 ||
            (strlen(text + 33) == length && strncmp(text + 33, name, length) == 0));
}

static bool is_kins(const entry *it)
{
    struct stat dir;
    char path[700];
    const char *slash = strrchr(it->path, '/'), *dot = strrchr(slash, '.');
    snprintf(path, sizeof path, "%.*s", (int)(slash - it->path), it->path);
    if (lstat(path, &dir) != 0 || !S_ISDIR(dir.st_mode) || dir.st_uid != user || it->info.st_uid != user || !dot) {
        return false;
    }
    if (S_ISLNK(it->info.st_mode)) {
        return strcmp(dot, ".family") == 0 && is_family_text(it->path, slash + 1, (size_t)(dot - slash - 1));
    }
    bool pulse = is_hex(slash + 1, "pulse");
    bool named = pulse || is_hex(slash + 1, "arena") || is_hex(slash + 1, "memory") || strcmp(dot, ".removing") == 0;
    bool linked = it->info.st_nlink > 1 && !(pulse && it->info.st_mode & S_IWGRP);
    return named && S_ISREG(it->info.st_mode) && !linked;
}

/* From here on it has to stay, unless it is kin's. */
static void keep(const char *path)
{
    entry *it = &kept.all[kept.count];
    snprintf(it->path, sizeof it->path, "%s", path);
    if (lstat(path, &it->info) != 0 || is_kins(it)) {
        return;
    }
    it->watch = S_ISLNK(it->info.st_mode)
                    ? -1
                    : inotify_add_watch(notices, path, IN_OPEN | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
    kept.count++;
}

static void choose_name(kin__reader *in, char name[256])
{
    static const char *const suffixes[] = {"pulse",    "arena", "memory", "family",
                                           "removing", "pulse", "family", "pulsf"};
    const char *suffix = suffixes[choose(in, 1) % 8];
    uint64_t what = choose(in, 1);
    switch (what % 8) {
    case 0: {
        uint64_t length = 1 + choose(in, 1) % 250;
        kin__get_bytes(in, name, (size_t)length);
        name[length] = '\0';
        for (char *at = name; *at; at++) {
            *at = *at == '/' ? '.' : *at;
        }
        break;
    }
    case 1:
        snprintf(name, 256, "%.*s.%s", 30 + (int)(choose(in, 1) % 4), "ABcdef0123456789abcdef0123456789ab", suffix);
        break;
    case 2:
    case 3:
        snprintf(name, 256, "%s.%s", names[choose(in, 1) % NAMES], suffix);
        break;
    default:
        snprintf(name, 256, "%s.%s", hexes[what / 8 % 3], suffix);
        break;
    }
    if (strspn(name, ".") == strlen(name)) {
        strcpy(name, "x");
    }
}

static void write_pulse_words(kin__reader *in, int fd)
{
    for (uint64_t left = choose(in, 1) % 4; left > 0; left--) {
        uint64_t page = choose(in, 1) % 10, words[6], word = choose(in, 8);
        for (int i = 0; i < 6; i++) {
            words[i] = choose(in, 1) % 2 ? choose(in, 8) : (uint64_t)getpid();
        }
        must(pwrite(fd, words, sizeof words, (off_t)(page * 4096)) == sizeof words);
        must(pwrite(fd, &word, sizeof word, (off_t)(page * 4096 + 4088)) == sizeof word);
    }
}

static void make_file(kin__reader *in, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;
    }
    uint64_t what = choose(in, 1);
    if (what % 4 < 2) { /* a copy */
        int which = (what & 1) != 0;
        must(write(fd, model[which].bytes, model[which].size) == (ssize_t)model[which].size);
        must(ftruncate(fd, model[which].length) == 0);
    }
    if (what % 4 > 0) {
        write_pulse_words(in, fd);
    }
    if (what & 64) {
        (void)!ftruncate(fd, (off_t)(choose(in, 8) >> choose(in, 1) % 64 >> 1));
    }
    must(fchmod(fd, what & 128 ? 0600 : (mode_t)(choose(in, 2) & 0777)) == 0);
    close(fd);
}

static void make_link(kin__reader *in, const char *path, const char *name)
{
    char text[600], family[256];
    uint64_t what = choose(in, 1);
    const char *dot = strrchr(name, '.');
    snprintf(family, sizeof family, "%.*s", dot ? (int)(dot - name) : 0, name);
    switch (what % 6) {
    case 0:
        snprintf(text, sizeof text, "%s", foreign[what / 6 % FOREIGN]);
        break;
    case 1: {
        size_t length = (size_t)(1 + choose(in, 1));
        kin__get_bytes(in, text, length);
        text[length] = '\0';
        break;
    }
    default:
        snprintf(text, sizeof text, "%s %s%s", hexes[what / 6 % 3], family, what & 128 ? " kept" : "");
        break;
    }
    (void)!symlink(text, path);
}

static void plant(kin__reader *in, char paths[ENTRIES][700], uint32_t number)
{
    char name[256], *path = paths[number];
    uint64_t what = choose(in, 1);
    choose_name(in, name);
    snprintf(path, 700, "%s/kin-%u/%s", bases[what & 1 ? 0 : what / 2 % BASES], (unsigned)user, name);
    switch (what >> 4) {
    case 0:
        (void)!mkfifo(path, 0666);
        break;
    case 1:
        (void)!mknod(path, S_IFSOCK | 0666, 0);
        break;
    case 2:
        (void)!mkdir(path, 0755);
        break;
    case 3:
    case 4:
        (void)!link(foreign[choose(in, 1) % FOREIGN], path);
        return; /* the owner is the file's */
    case 5:
    case 6:
    case 7:
    case 8:
        make_link(in, path, name);
        break;
    default:
        make_file(in, path);
        break;
    }
    struct stat info;
    if (lstat(path, &info) == 0) {
        own(path, choose(in, 1));
    }
}

static void plant_directory(kin__reader *in, const char *base)
{
    char path[100];
    uint64_t what = choose(in, 1);
    snprintf(path, sizeof path, "%s/kin-%u", base, (unsigned)user);
    switch (what % 16) {
    case 0:
        (void)!symlink(OUT "/dir", path);
        break;
    case 1:
        (void)!mkfifo(path, 0666);
        break;
    case 2:
        write_text(path, "no directory");
        break;
    case 3:
        return;
    default: {
        static const mode_t modes[] = {0755, 0755, 0700, 0777};
        must(mkdir(path, 0700) == 0 && chmod(path, modes[what >> 4 & 3]) == 0);
        break;
    }
    }
    own(path, what >> 6 ? 1 : choose(in, 1));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void clear(void)
{
    char path[100];
    for (int i = BASES - 1; i >= 0; i--) {
        snprintf(path, sizeof path, "%s/kin-%u", bases[i], (unsigned)user);
        nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    for (int i = 1; i < 3; i++) {
        rmdir(bases[i]);
    }
}

static void plant_all(kin__reader *in)
{
    static char paths[ENTRIES][700];
    static const mode_t modes[] = {0700, 01777, 0777, 0755};
    uint64_t what = choose(in, 1);
    kept.count = 0;
    for (int i = 1; i < 3; i++) {
        must(mkdir(bases[i], 0700) == 0 && chmod(bases[i], modes[what >> 2 * i & 3]) == 0);
        own(bases[i], 1);
    }
    for (int i = 0; i < BASES; i++) {
        plant_directory(in, bases[i]);
    }
    uint32_t count = (uint32_t)(choose(in, 1) % (ENTRIES + 1));
    for (uint32_t i = 0; i < count; i++) {
        plant(in, paths, i);
    }
    for (uint32_t i = 0; i < count; i++) { /* a later one may be another name of an earlier one */
        keep(paths[i]);
    }
    for (int i = 0; i < FOREIGN; i++) {
        keep(foreign[i]);
    }
}

/* ---- what is held to ---- */

static bool is_as_it_was(const entry *it)
{
    struct stat now;
    return lstat(it->path, &now) == 0 && now.st_ino == it->info.st_ino && now.st_mode == it->info.st_mode &&
           now.st_uid == it->info.st_uid && now.st_size == it->info.st_size &&
           memcmp(&now.st_mtim, &it->info.st_mtim, sizeof now.st_mtim) == 0 &&
           memcmp(&now.st_ctim, &it->info.st_ctim, sizeof now.st_ctim) == 0;
}

static void expect_kept(void)
{
    char room[4096] __attribute__((aligned(8)));
    const struct inotify_event *event = (const struct inotify_event *)(const void *)room;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool touched = read(notices, room, sizeof room) > 0, held = true;
    for (uint32_t i = 0; i < kept.count; i++) {
        const entry *it = &kept.all[i];
        bool this_one = touched && it->watch == event->wd;
        if (this_one || !is_as_it_was(it)) {
            fprintf(stderr, "%s: mode %o, user %u: %x\n", it->path, (unsigned)it->info.st_mode,
                    (unsigned)it->info.st_uid, this_one ? (unsigned)event->mask : 0);
            held = false;
        }
    }
    require(held && !touched);
    require(fcntl(locked, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK);
}

static void drop_notices(void)
{
    char room[4096];
    while (read(notices, room, sizeof room) > 0) {
    }
}

/* ---- what the user does ---- */

static void look_at(kin_family *family, void *context)
{
    (void)context;
    kin_family_inspect_all(family, &fuzz_sight);
}

static void use(kin_family *family)
{
    kin_lock *lock;
    if (kin_lock_create(&lock, family, 0) == KIN_OK) {
        kin_lock_acquire(lock, KIN_MS(1));
        kin_lock_release(lock);
    }
}

static void act(kin__reader *in, kin_family *open[FAMILIES])
{
    static const uint32_t flags[] = {0, 0, KIN_FAMILY_CREATE, KIN_FAMILY_JOIN, KIN_FAMILY_JOIN, KIN_FAMILY_KEEP};
    kin_family_options options = {
        .size = sizeof options, .reserve = MODEL_MAX, .max_members = MEMBERS, .max_threads = 64};
    uint64_t what = choose(in, 1);
    kin_family **one = &open[what >> 4 & 3];
    const char *name = names[choose(in, 1) % NAMES];
    switch (what % 8) {
    case 0:
        if (choose(in, 1) % 16 == 0) { /* looks into every process of this user */
            kin_family_list(look_at, NULL, NULL);
        }
        break;
    case 1:
        kin_family_unlink(name);
        break;
    case 2:
        kin_cleanup(NULL);
        break;
    case 3:
        if (!*one && kin_family_create(one, &options) == KIN_OK) {
            use(*one);
        }
        break;
    case 4:
        kin_family_close(*one);
        *one = NULL;
        break;
    default:
        if (!*one && kin_family_open(one, name, flags[choose(in, 1) % 6], &options) == KIN_OK) {
            use(*one);
        }
        break;
    }
}

static int lowest_free(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    close(fd);
    return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    umask(0);
    enter_own_surroundings();
    make_foreign();
    make_model();
    clear();
    fuzz_time_is_made_up = true;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kin__reader in = {data, size, 0, false};
    kin_family *open[FAMILIES] = {NULL};
    int before = lowest_free();
    plant_all(&in);
    drop_notices();
    be_user(true);
    for (int i = 0; i < 12 && !is_done(&in); i++) {
        act(&in, open);
    }
    for (int i = 0; i < FAMILIES; i++) {
        kin_family_close(open[i]);
    }
    kin_cleanup(NULL);
    be_user(false);
    expect_kept();
    clear();
    require(lowest_free() == before);
    return 0;
}
