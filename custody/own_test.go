package custody

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// rot flips a bit in the middle of a segment of the owner, and gives the file and what was in it.
func (o *owner) rot(segment uint32) (file string, good []byte) {
	o.c.t.Helper()
	file = journal.SegmentFile(filepath.Join(o.dir, "journal"), segment)
	good, err := os.ReadFile(file)
	if err == nil {
		rotten := bytes.Clone(good)
		rotten[len(rotten)/2] ^= 1
		err = os.WriteFile(file, rotten, 0o600)
	}
	if err != nil {
		o.c.t.Fatal(err)
	}
	return file, good
}

// TestOwnRotTakesNoCustodianAway has a segment rot at the owner before anybody holds it. All others are brought, also the large blobs
// that they name, and what is written meanwhile has its copies.
func TestOwnRotTakesNoCustodianAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	o := c.nodes[0].own(4, journal.Options{SegmentSize: 4 << 10})
	for range 60 {
		o.write(1)
	}
	blobs := &shelfOfBlobs{all: make(map[verify.Hash][]byte)}
	hash, _ := blobs.put(100 << 10)
	r := record(&o.tags, 1)
	r.Entries[0].Envelope = journal.Envelope([]verify.Hash{hash}, []byte("sealed"))
	if _, err := o.append(r); err != nil {
		t.Fatal(err)
	}
	o.rot(1)
	for range 3 {
		c.join()
	}
	o.start(Sources{Blobs: blobs})
	eventually(t, "all that can be read is held", func() bool {
		short := o.repl.Status().Short
		return len(short) == 1 && short[0].Segment == 1
	})
	for range 5 {
		if ack := o.write(1); ack.Copies != 3 {
			t.Errorf("%d copies of what is written now", ack.Copies)
		}
	}
	for _, custodian := range o.repl.Status().Custodians {
		if !custodian.Away.IsZero() {
			t.Errorf("%s is passed over: %s", custodian.Org, custodian.Problem)
		}
	}
	eventually(t, "the blob named behind the rot is held", func() bool {
		_, err := o.fetcher().Blob(t.Context(), hash)
		return err == nil
	})
}

// TestOwnRotIsMendedByTheTopUp has a segment rot that one custodian holds and another still lacks.
func TestOwnRotIsMendedByTheTopUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(3, journal.Options{SegmentSize: 4 << 10})
	for range 60 {
		o.write(1)
	}
	file, good := o.rot(1)
	o.start(Sources{})
	late := c.join()
	eventually(t, "the late custodian holds all", func() bool { return len(o.repl.Status().Short) == 0 })
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, good) {
		t.Errorf("the owner's segment is not whole again: %v", err)
	}
	if got := late.alarms(t, o.self.Org); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
}

// TestRotInAnEarlierBatchTakesNoCustodianAway has a custodian ask for an earlier batch that this node cannot read any more. It is mended from
// that custodian, which signs the next time.
func TestRotInAnEarlierBatchTakesNoCustodianAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{SegmentSize: 4 << 10})
	o.start(Sources{})
	begin := o.journal.End()
	for o.journal.End().Segment < 1 {
		o.write(1)
	}
	first := o.cut(begin, o.segmentEnd(0))
	o.anchor(first, nil) // nobody signed it: the custodian will ask
	o.close()
	o.rot(0)
	again := c.nodes[0].own(2, journal.Options{SegmentSize: 4 << 10})
	again.plans, again.tags = o.plans, o.tags
	again.start(Sources{})
	again.write(1)
	next := again.cut(journal.Cursor{Segment: 1, Offset: journal.SegmentHeader, Entry: first.End.Entry}, again.journal.End())
	if got := again.attest(next); len(got) != 0 {
		t.Fatal("a signature over what was not told")
	}
	if again.repl.courier(c.nodes[1].self.Org).onProbation() {
		t.Error("the custodian is passed over for what this node cannot read")
	}
	eventually(t, "the custodian signs", func() bool { return len(again.attest(next)) == 1 })
}

// segmentEnd is the place after the last record of a sealed segment.
func (o *owner) segmentEnd(segment uint32) journal.Cursor {
	all := o.journal.Segments()
	return journal.Cursor{Segment: segment, Offset: all[segment].Size, Entry: all[segment+1].FirstEntry}
}
