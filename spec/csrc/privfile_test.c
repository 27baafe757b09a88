/* privfile_test.c: private files: the new text or the old one, and nothing beside it. */
#include "test.h"

#include "../../csrc/privfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int put(const char *path, const char *text)
{
    return bk_privfile_write(path, text, strlen(text), 0);
}

static int holds(const char *path, const char *text)
{
    char bytes[256];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(text) && memcmp(bytes, text, (size_t)n) == 0;
}

/* As a program that knows nothing of us makes one. */
static void make(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        printf("# %s can't be made\n", path);
    close(fd);
}

static int is_private(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & 07777) == 0600;
}

static int is_link(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0 && S_ISLNK(s.st_mode);
}

static int count(const char *folder)
{
    int n = -2; /* . and .. */
    DIR *d = opendir(folder);
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static void test_files(void)
{
    ok(put("new", "text") == 0 && holds("new", "text") && is_private("new"), "a new file");
    make("old", "a longer text");
    ok(put("old", "short") == 0 && holds("old", "short") && is_private("old"),
       "an old one is replaced and becomes private");
    ok(put("new", "") == 0 && holds("new", ""), "an empty text");
    mode_t mask = umask(0);
    ok(put("./open", "x") == 0 && is_private("./open"), "private whatever the umask is");
    umask(mask);

    static char large[3000000];
    struct stat s;
    memset(large, 'x', sizeof large);
    ok(bk_privfile_write("new", large, sizeof large, 0) == 0 && stat("new", &s) == 0 &&
           s.st_size == (off_t)sizeof large,
       "a large one");

    char name[NAME_MAX + 1];
    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    ok(put(name, "x") == 0 && holds(name, "x"), "a name that could not be longer");
    unlink(name);
    ok(count(".") == 3, "nothing else is left in the folder");
}

static int put_new(const char *path, const char *text)
{
    return bk_privfile_write(path, text, strlen(text), 1);
}

static void test_only_new(void)
{
    ok(put_new("fresh", "1") == 0 && holds("fresh", "1") && is_private("fresh"),
       "a file that was not there");
    ok(put_new("fresh", "2") == EEXIST && holds("fresh", "1"), "one that is there stays");
    ok(symlink("later", "ahead") == 0 && put_new("ahead", "3") == 0 && is_link("ahead") &&
           holds("later", "3") && put_new("ahead", "4") == EEXIST && holds("later", "3"),
       "and one that a link leads to");
    ok(put_new("none/file", "x") == ENOENT && put_new(".", "x") == EEXIST,
       "no folder, and a folder");

    int made[2] = {0, 0}, both[2], status;
    if (pipe(both) != 0)
        return;
    fflush(stdout);
    pid_t child = fork();
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "race%d", i);
        made[0] += put_new(name, child ? "p" : "c") == 0;
    }
    if (child == 0)
        _exit(write(both[1], made, sizeof made[0]) != sizeof made[0]);
    ok(child > 0 && read(both[0], made + 1, sizeof made[1]) == sizeof made[1] &&
           waitpid(child, &status, 0) == child && made[0] + made[1] == 50,
       "of two processes at once, one makes it");
    close(both[0]);
    close(both[1]);
    ok(count(".") == 3 + 3 + 50 && system("rm -f race* fresh ahead later") == 0,
       "nothing else is left by that");
}

static void test_links(void)
{
    char path[PATH_MAX];
    mkdir("sub", 0700);
    make("sub/target", "old");
    ok(symlink("sub/target", "near") == 0 && put("near", "1") == 0 && is_link("near") &&
           holds("sub/target", "1"),
       "a link stays one, its file is replaced");
    ok(symlink("../near", "sub/far") == 0 && put("sub/far", "2") == 0 && is_link("sub/far") &&
           is_link("near") && holds("sub/target", "2") && is_private("sub/target"),
       "a link to a link");
    ok(getcwd(path, sizeof path - 20) && symlink(strcat(path, "/sub/made"), "whole") == 0 &&
           put("whole", "3") == 0 && is_link("whole") && holds("sub/made", "3"),
       "a link to what is not there, with all its path");
    ok(symlink("sub", "folder") == 0 && put("folder/target", "4") == 0 && is_link("folder") &&
           holds("sub/target", "4"),
       "a link on the way");
    ok(symlink("b", "a") == 0 && symlink("a", "b") == 0 && put("a", "5") == ELOOP,
       "links in a circle");
    ok(count("sub") == 3 && count(".") == 3 + 6, "nothing else is left by these");
}

static void test_trouble(void)
{
    int files = count(".");
    char path[PATH_MAX + 10];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    ok(put("", "x") == ENOENT && put("none/file", "x") == ENOENT, "no folder");
    ok(put("new/file", "x") == ENOTDIR, "a file for a folder");
    ok(put("sub", "x") == EISDIR && put("sub/", "x") != 0 && put("/", "x") != 0, "a folder");
    ok(put(path, "x") == ENAMETOOLONG, "a path that is too long");
    path[PATH_MAX - 1] = '\0';
    ok(put(path, "x") == ENAMETOOLONG, "one that just isn't");

    struct rlimit limit, low;
    static char large[100000];
    getrlimit(RLIMIT_FSIZE, &limit);
    low = limit;
    low.rlim_cur = 50000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &low);
    int code = bk_privfile_write("old", large, sizeof large, 0);
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, handler);
    ok(code == EFBIG && holds("old", "short"), "where there is no room, the old text stays");

    ok(count(".") == files && count("sub") == 3, "no temporary file is left by that");
    if (geteuid() != 0) {
        chmod("sub", 0500);
        ok(put("sub/target", "x") == EACCES && holds("sub/target", "4"), "a folder to read only");
        chmod("sub", 0700);
    }
}

static int has_mode(const char *path, mode_t mode)
{
    struct stat s;
    return stat(path, &s) == 0 && (s.st_mode & 07777) == mode;
}

static void test_open_files(void)
{
    mode_t mask = umask(0027);
    ok(bk_privfile_write_open("shared", "1", 1, 0) == 0 && holds("shared", "1") &&
           has_mode("shared", 0640),
       "a file that is not private has the mode that the umask leaves");
    chmod("shared", 0604);
    ok(bk_privfile_write_open("shared", "22", 2, 0) == 0 && holds("shared", "22") &&
           has_mode("shared", 0604),
       "and keeps the one that it had");
    umask(mask);
    ok(bk_privfile_write_open("none/file", "x", 1, 0) == ENOENT, "no folder for it");
    unlink("shared");
}

/* A reader at any time sees a whole text. */
static void test_reader(void)
{
    enum { SIZE = 200000, ROUNDS = 40 };
    static char text[SIZE], seen[SIZE + 1];
    memset(text, 'a', SIZE);
    int good = bk_privfile_write("both", text, SIZE, 0) == 0, status = 1;
    fflush(stdout);
    pid_t child = fork();
    for (int end = 0; child == 0 && !end;) {
        int fd = open("both", O_RDONLY);
        size_t len = 0;
        ssize_t n = 0;
        while (fd >= 0 && (n = read(fd, seen + len, sizeof seen - len)) > 0)
            len += (size_t)n;
        close(fd);
        end = seen[0] == 'z';
        if (fd < 0 || len != SIZE || memcmp(seen, seen + 1, SIZE - 1) != 0)
            _exit(1);
        if (end)
            _exit(0);
    }
    for (int i = 1; i <= ROUNDS; i++) {
        memset(text, i == ROUNDS ? 'z' : 'a' + i % 20, SIZE);
        good = good && bk_privfile_write("both", text, SIZE, 0) == 0;
    }
    ok(good && child > 0 && waitpid(child, &status, 0) == child && status == 0,
       "a reader never sees part of a text");
}

int main(void)
{
    char folder[] = "/tmp/privfile_test.XXXXXX", command[64];
    if (!mkdtemp(folder) || chdir(folder) != 0) {
        printf("Bail out! no temporary folder\n");
        return 1;
    }
    int before = dup(STDIN_FILENO);
    close(before);
    test_files();
    test_only_new();
    test_links();
    test_trouble();
    test_open_files();
    test_reader();
    int after = dup(STDIN_FILENO);
    close(after);
    ok(after == before, "no descriptor is left");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return done() | system(command);
}
