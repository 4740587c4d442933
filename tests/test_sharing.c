/* test_sharing.c - a database that several users share, or that is read-only: readers leave no file, and permitted
 * writers can write. setpriv simulates two users, which requires root. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic */

#include "stop_support.h"

static const char small_experiment[] = TINY_EXPERIMENT("small", "0", "400", "20");

/* Prefix of a command: run it as another user of the same group, in this folder of the test, with the copied
 * program. */
#define AS(user) "setpriv --reuid 1200" user " --regid 12000 --clear-groups "
#define ANNA AS("1")
#define BERT AS("2")
#define TOOL "$TEST_DIR/tool/build/affjord"

/* Copy the required files, because other users may have no access to the checkout. */
static void begin(void) {
    begin_run(small_experiment);
    if (getuid() != 0) return;
    umask(0022);
    EXPECT(
        0,
        "t=$TEST_DIR; chmod 755 $t; mkdir -p $t/tool/build $t/tool/runner/record $t/common $t/open; chmod 777 $t/open;"
        "chgrp 12000 $t/common; chmod 2775 $t/common; cp $t/small.ini $t/common; cp $AFFJORD $t/tool/build/affjord;"
        "cp -r paper_figures.sh plots experiments configs $t/tool; cp runner/record/schema.sql $t/tool/runner/record");
    char root[128];
    scratch_path(folder, "tool", root);
    setenv("AFFJORD_ROOT", root, 1);
    setenv("AFFJORD", "tool", 1); /* not to be used */
    setenv("HOME", "/nonexistent", 1);
}

static void end(void) {
    unsetenv("AFFJORD_ROOT");
    end_run();
}

TestSuite(sharing, .init = begin, .fini = end, .timeout = 300);

#define NEEDS_ROOT()                                                                                                   \
    if (getuid() != 0) {                                                                                               \
        cr_skip_test("only root can be two users");                                                                    \
        return;                                                                                                        \
    }

/* A condition of a database, made from a finished one. */
typedef struct condition {
    const char *name, *make; /* a command in its folder */
} condition;

#define KILLED " ; } | sqlite3 r.db >printed 2>&1; rm printed; "
static const condition conditions[] = {
    {"whole", "true"},
    {"of an older version", "sqlite3 r.db 'PRAGMA journal_mode = WAL'"},
    {"of an older version, with rows in its log",
     "{ echo 'PRAGMA journal_mode = WAL; INSERT INTO meta VALUES (1, 2);'; echo '.shell kill -9 $PPID'" KILLED
     "test -s r.db-wal"},
    {"the same without the log's index",
     "{ echo 'PRAGMA journal_mode = WAL; INSERT INTO meta VALUES (1, 2);'; echo '.shell kill -9 $PPID'" KILLED
     "rm r.db-shm"},
    {"of a writer that was killed",
     "{ echo 'PRAGMA cache_size = 1; BEGIN; UPDATE epoch SET loss = loss + 1; UPDATE run SET seed = 7;'; "
     "echo '.shell kill -9 $PPID'" KILLED "test -s r.db-journal"},
};
enum { CONDITIONS = sizeof conditions / sizeof *conditions };

/* The commands of a condition, as the file `make`. */
static void write_condition(const condition *one) {
    char path[128];
    scratch_path(folder, "make", path);
    scratch_write(path, one->make, strlen(one->make));
}

static void train_as_anna(void) {
    EXPECT(0, "cd $TEST_DIR/common; " ANNA TOOL " small.ini --db r.db --quiet --jobs 2");
}

/* All reading commands, as a user who is not the owner. Their output is in the folder `open`. */
static void read_as(const char *user, const char *where) {
    static const char *const commands[] = {
        TOOL " list --db r.db",
        TOOL " list runs --db r.db",
        TOOL " eval 1 --db r.db --input $TEST_DIR/points.csv --output $TEST_DIR/open/p.csv",
        TOOL " sample 2 --db r.db --n 5 --output $TEST_DIR/open/s.csv",
        TOOL " export 1 --db r.db --output $TEST_DIR/open/m.safetensors",
        TOOL " check r.db",
        TOOL " archive $TEST_DIR/open/a.db --db r.db",
        TOOL " report --db r.db --output $TEST_DIR/open/report.html",
        TOOL " small.ini --db r.db --dry-run",
        TOOL " small.ini --db r.db --quiet", /* it is finished */
        "$TEST_DIR/tool/paper_figures.sh --db r.db --out $TEST_DIR/open/figures fig6 claims",
    };
    shell("printf '0,1\\n0.5,0.25\\n' >$TEST_DIR/points.csv; sed -i 1d $TEST_DIR/points.csv");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        EXPECT(0, "ls -la --time-style=full-iso $TEST_DIR/common | tail -n +3; cksum $TEST_DIR/common/r.db*");
        char *before = strdup(output);
        const int outcome = shell("cd $TEST_DIR/common; %s %s", user, commands[i]);
        cr_expect_eq(outcome, 0, "%s, a database %s: exit %d:\n%s", commands[i], where, outcome, output);
        EXPECT(0, "ls -la --time-style=full-iso $TEST_DIR/common | tail -n +3; cksum $TEST_DIR/common/r.db*");
        cr_expect_str_eq(output, before, "%s, a database %s:\n%s\nbefore:\n%s", commands[i], where, output, before);
        free(before);
        EXPECT(0, "rm -rf $TEST_DIR/open/*");
    }
}

Test(sharing, readers_leave_no_files) {
    NEEDS_ROOT();
    train_as_anna();
    /* By other programs, as in the documentation. */
    EXPECT(0, "cd $TEST_DIR/common; for how in '-header -column' -readonly; do " BERT
              "sqlite3 $how r.db 'SELECT * FROM toy_losses'; done; " BERT
              "sqlite3 'file:r.db?mode=ro' 'SELECT * FROM run'; ls");
    EXPECT_SAYS("r.checkpoints\nr.db\nr.db.lock\nsmall.ini\n");
    for (size_t i = 0; i < CONDITIONS; i++) {
        write_condition(&conditions[i]);
        EXPECT(0, "cd $TEST_DIR/common; cp -a r.db whole; " ANNA "sh ../make");
        read_as(BERT, conditions[i].name);
        EXPECT(0, "cd $TEST_DIR/common; rm r.db*; mv whole r.db");
    }
}

/* A link to the database in another folder uses the files beside the target. */
Test(sharing, a_link_is_read_with_its_databases_files) {
    NEEDS_ROOT();
    train_as_anna();
    write_condition(&conditions[2]);
    EXPECT(0, "cd $TEST_DIR/common; sh ../make; ln -s ../common/r.db ../open/link.db; cd ../open; " BERT TOOL
              " readable link.db >name");
    EXPECT(0, "cd $TEST_DIR/open; sqlite3 -readonly $(cat name) 'SELECT value FROM meta WHERE key = 1'; ls $(dirname "
              "$(cat name)); rm -r $(dirname $(cat name))");
    cr_expect_str_eq(output, "2\nresults.db\n");
    EXPECT(0, "cd $TEST_DIR/open; " BERT TOOL " list runs --db link.db; rm ../common/r.db-*; sqlite3 ../common/r.db "
              "'PRAGMA journal_mode = DELETE'; " BERT TOOL " readable link.db; " ANNA TOOL
              " ../common/small.ini --db link.db --seeds 0-1 --quiet; ls");
    EXPECT_SAYS("delete\nlink.db\nlink.db\nname\n");
}

/* No user may write here or create files. */
Test(sharing, a_read_only_folder_is_read) {
    NEEDS_ROOT();
    train_as_anna();
    for (size_t i = 0; i < CONDITIONS; i++) {
        write_condition(&conditions[i]);
        EXPECT(0,
               "cd $TEST_DIR/common; cp -a r.db ../whole; sh ../make; rm -f r.db.lock; chmod 555 .; chmod 444 r.db*");
        read_as(BERT, conditions[i].name);
        EXPECT(0, "cd $TEST_DIR/common; chmod 2775 .; rm r.db*; mv ../whole r.db");
    }
    /* The commands of the documentation. */
    EXPECT(0, "cd $TEST_DIR/common; chmod 555 .; ln -s ../tool/plots ../open/plots; cd ../open; " BERT
              "sqlite3 -header -column ../common/r.db 'SELECT dataset, model, n FROM toy_losses'");
    EXPECT_SAYS("affjord");
    EXPECT(0, "cd $TEST_DIR/open; " BERT "sqlite3 -readonly -header ../common/r.db '.read plots/fig6.sql'");
    EXPECT(0, "ls $TEST_DIR/common");
    cr_expect_str_eq(output, "r.checkpoints\nr.db\nsmall.ini\n");
}

/* A disk that is mounted read-only, where root cannot write either. */
Test(sharing, a_read_only_disk_is_read) {
    NEEDS_ROOT();
    train_as_anna();
    if (shell("unshare -m sh -c 'mount --bind $TEST_DIR/common $TEST_DIR/common && mount -o remount,ro,bind "
              "$TEST_DIR/common'") != 0) {
        cr_skip_test("nothing can be mounted here");
        return;
    }
    for (size_t i = 0; i < CONDITIONS; i++) {
        write_condition(&conditions[i]);
        EXPECT(0, "cd $TEST_DIR/common; cp -a r.db ../whole; sh ../make; rm -f r.db.lock");
        EXPECT(0, "cat >$TEST_DIR/look <<'END'\nset -e\nmount --bind $TEST_DIR/common $TEST_DIR/common\n"
                  "mount -o remount,ro,bind $TEST_DIR/common\ncd $TEST_DIR/common\n"
                  "! touch x 2>/dev/null\n" TOOL " list --db r.db\n" TOOL " check r.db\n"
                  "$TEST_DIR/tool/paper_figures.sh --db r.db --out $TEST_DIR/open/f fig6\n" TOOL
                  " report --db r.db --output $TEST_DIR/open/r.html\nEND\nunshare -m sh $TEST_DIR/look");
        EXPECT(0, "cd $TEST_DIR/common; rm r.db*; mv ../whole r.db");
    }
}

/* Also with another user's lock and log, as older versions left them. */
Test(sharing, the_owner_writes_after_others_have_read) {
    NEEDS_ROOT();
    train_as_anna();
    EXPECT(0, "cd $TEST_DIR/common; chmod 664 r.db; sqlite3 r.db 'PRAGMA journal_mode = WAL'; "
              "{ echo 'INSERT INTO meta VALUES (1, 2);'; echo '.shell kill -9 $PPID'; } | " BERT
              "sqlite3 r.db; ls -l r.db-wal r.db-shm; chmod 644 r.db r.db-wal r.db-shm");
    EXPECT(0, "cd $TEST_DIR/common; " ANNA TOOL " small.ini --db r.db --seeds 0-1 --quiet --jobs 2");
    EXPECT(0, "cd $TEST_DIR/common; ls -d r.*; sqlite3 r.db \"SELECT count(*), (SELECT value FROM meta WHERE key = 1), "
              "(SELECT journal_mode FROM pragma_journal_mode) FROM run WHERE status = 'done'\"");
    cr_expect_str_eq(output, "r.checkpoints\nr.db\nr.db.lock\n4|2|delete\n");
}

/* A user without write permission is rejected, and leaves no lock that the owner cannot write. */
Test(sharing, a_refused_writer_leaves_nothing_behind) {
    NEEDS_ROOT();
    train_as_anna();
    EXPECT(0, "rm $TEST_DIR/common/r.db.lock; ls -la $TEST_DIR/common | tail -n +3");
    char *before = strdup(output);
    EXPECT(1, "cd $TEST_DIR/common; " BERT TOOL " small.ini --db r.db --seeds 0-1 --quiet");
    EXPECT_SAYS("cannot write the database \"r.db\": Permission denied");
    EXPECT(0, "ls -la $TEST_DIR/common | tail -n +3");
    cr_expect_str_eq(output, before);
    free(before);
}

static void become(const char *user) {
    char command[256];
    snprintf(command, sizeof command, "%s%s/tool/build/affjord", user, folder);
    setenv("AFFJORD", command, 1);
}

/* With a umask of 002, each user resumes the other's runs and removes the other's checkpoints. */
Test(sharing, a_group_takes_turns_in_writing) {
    NEEDS_ROOT();
    umask(0002);
    become(ANNA);
    EXPECT(0, "chgrp 12000 $TEST_DIR; chmod 2775 $TEST_DIR");
    char *expected = undisturbed();
    const int outcome = stop_new("r", "--jobs 2", CHECKPOINTED("$TEST_DIR/r.checkpoints"), ALL_PROCESSES, SIGKILL);
    cr_assert(WIFSIGNALED(outcome) || WEXITSTATUS(outcome) == 128 + SIGKILL, "%d", outcome);
    EXPECT(0, "cd $TEST_DIR; " BERT TOOL " list runs --db r.db");
    become(BERT);
    EXPECT(0, START "--db $TEST_DIR/r.db");
    check_same(expected, "r.db");
    EXPECT(0, "cd $TEST_DIR; stat -c '%%A %%g' r.db r.db.lock r.checkpoints r.checkpoints/* | sort -u");
    cr_expect_str_eq(output, "-rw-rw-r-- 12000\ndrwxrwsr-x 12000\n");
    EXPECT(0, "cd $TEST_DIR; ls r.checkpoints | wc -l; stat -c %%u r.checkpoints/* | sort -u");
    cr_expect_str_eq(output, "2\n12002\n");
    become(ANNA);
    EXPECT(0, START "--db $TEST_DIR/r.db --seeds 0-1");
    free(expected);
}

/* Shards and archives are shared in the same way. */
Test(sharing, shards_and_archives_take_the_umask) {
    NEEDS_ROOT();
    umask(0002);
    EXPECT(0, "cd $TEST_DIR/common; for run in 0 1; do " ANNA TOOL " small.ini --db r.db --only $run --quiet; done");
    EXPECT(0, "cd $TEST_DIR/common; " BERT TOOL " merge --db r.db --remove; " ANNA TOOL " archive a.db --db r.db");
    EXPECT_SAYS("2 shards: 2 runs merged into r.db, 0 not done yet, 2 removed");
    EXPECT(0, "cd $TEST_DIR/common; stat -c '%%A %%g' *.db shards shards/*; find shards -type f");
    EXPECT_SAYS("-rw-rw-r-- 12000\n-rw-rw-r-- 12000\ndrwxrwsr-x 12000\n");
}

/* A umask without access for others is respected too. */
Test(sharing, a_private_umask_is_kept) {
    NEEDS_ROOT();
    umask(0077);
    train_as_anna();
    EXPECT(0, "cd $TEST_DIR/common; stat -c %%a r.db r.db.lock r.checkpoints r.checkpoints/* | sort -u");
    cr_expect_str_eq(output, "2700\n600\n");
    EXPECT(1, "cd $TEST_DIR/common; " BERT TOOL " list --db r.db");
    EXPECT_SAYS("cannot read the database \"r.db\": Permission denied");
}

/* Read while it is written, by this program and others: again, no file remains. */
Test(sharing, read_during_a_training) {
    NEEDS_ROOT();
    become(ANNA);
    EXPECT(0, "chgrp 12000 $TEST_DIR; chmod 2775 $TEST_DIR");
    const pid_t child = start(START "--db $TEST_DIR/r.db --jobs 2 --set train.iterations=4000");
    int outcome = 0;
    cr_assert_gt(hold(child, "sqlite3 -readonly $TEST_DIR/r.db 'SELECT count(*) FROM epoch' 2>/dev/null", &outcome), 0,
                 "%s", (shell("cat $TEST_DIR/printed"), output));
    signal_all(child, SIGCONT);
    EXPECT(0, "cd $TEST_DIR; for turn in 1 2 3 4 5; do " BERT TOOL " list --db r.db && " BERT
              "sqlite3 -readonly -cmd '.timeout 10000' r.db 'SELECT count(*) FROM epoch'; done");
    outcome = wait_for(child);
    cr_assert(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0);
    EXPECT(0, "cd $TEST_DIR; ls -d r.*");
    cr_expect_str_eq(output, "r.checkpoints\nr.db\nr.db.lock\n");
}

#endif
