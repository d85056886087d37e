package custody

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
	"golang.org/x/sys/unix"
)

// breakFiles makes this process fail to write the files open below a directory: what it has open for writing there it has open for
// reading only from now on.
func breakFiles(t *testing.T, dir string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	broken := 0
	for _, d := range fds {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", d.Name()))
		if err != nil || !strings.HasPrefix(name, dir) {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		fd, err := strconv.Atoi(d.Name())
		if err == nil {
			err = unix.Dup3(int(f.Fd()), fd, unix.O_CLOEXEC)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		broken++
	}
	if broken == 0 {
		t.Fatal("no file is open there")
	}
}

// TestOneDiskFailureCostsOneGroup has a custodian's disk fail once. The group that meets it is held by nobody, those after it are, on the
// stream that was open; and the locks of what is held are the same ones.
func TestOneDiskFailureCostsOneGroup(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	o.start(Sources{})
	if o.write(1).Copies != 1 {
		t.Fatal("not held")
	}
	before, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	breakFiles(t, filepath.Join(before.dir, "journal"))
	if n := o.write(1).Copies; n != 0 {
		t.Fatalf("%d copies on a disk that failed", n)
	}
	eventually(t, "groups are held again", func() bool { return o.write(1).Copies == 1 })
	if n := o.write(1).Copies; n != 1 {
		t.Errorf("%d copies after the custodian came back", n)
	}
	eventually(t, "all is held", func() bool { return m.heldOf(o.self.Org) == o.journal.End().Offset })
	after, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	if after != before {
		t.Error("one owner has two shelves, and two locks for what is to be judged one after the other")
	}
	if got := m.alarms(t, o.self.Org); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
}

// TestUnreadableBlobIsKept has the disk fail to read a held blob: it is told, its owner learns that it is missing, and the blob stays.
func TestUnreadableBlobIsKept(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	blob := bytes.Repeat([]byte("x"), 100<<10)
	if o.repl.HoldBlob(t.Context(), hashOf(blob), blob) != 1 {
		t.Fatal("not held")
	}
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	name := s.blobName(hashOf(blob))
	if err := os.Rename(name, name+".good"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/proc/self/mem", name); err != nil { // its first page gives EIO
		t.Fatal(err)
	}
	if n, err := m.keeper.Scrub(t.Context(), func(int64) {}, func(string) {}); err != nil || n != 1 {
		t.Errorf("%d damages, %v", n, err)
	}
	if _, err := os.Lstat(name); err != nil {
		t.Fatalf("a blob that the disk could not give for once is gone: %v", err)
	}
	missing := func() int {
		list, err := o.repl.ask.missing(t.Context(), m.self.Org, []verify.Hash{hashOf(blob)})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if missing() != 1 {
		t.Error("the owner is told that the blob is held")
	}
	if err := os.Rename(name+".good", name); err != nil {
		t.Fatal(err)
	}
	if _, err := o.fetcher().Blob(t.Context(), hashOf(blob)); err != nil {
		t.Error(err)
	}
	if missing() != 0 {
		t.Error("the owner is told that a blob is missing which can be read again")
	}
	// Where the disk never gives it again, the owner's copy takes its place.
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/proc/self/mem", name); err != nil {
		t.Fatal(err)
	}
	if o.repl.HoldBlob(t.Context(), hashOf(blob), blob) != 1 || missing() != 0 {
		t.Error("the owner's copy did not take the place of what cannot be read")
	}
}

// TestFreshBlobSurvivesTheLookAtTheOldOne puts a blob anew while the damaged one is being read.
func TestFreshBlobSurvivesTheLookAtTheOldOne(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	blob := bytes.Repeat([]byte("x"), 100<<10)
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	name := s.blobName(hashOf(blob))
	if err := makeDir(filepath.Dir(name)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(name, 0o600); err != nil { // reading it takes until it is closed
		t.Fatal(err)
	}
	looked := make(chan bool)
	go func() { looked <- m.keeper.intact(s, hashOf(blob)) }()
	old, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.placeBlob(hashOf(blob), bytes.NewReader(blob)); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if !<-looked {
		t.Error("the fresh blob was taken for the damaged one")
	}
	if _, err := o.fetcher().Blob(t.Context(), hashOf(blob)); err != nil {
		t.Error(err)
	}
}
