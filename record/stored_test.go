package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/verify"
)

func hashOf(s string) verify.Hash { return verify.Commit(new([32]byte), []byte(s)) }

// usual gives the entries that one visit leaves: a create and a read by the same clinician.
func usual(actor string) (create, read *verify.Entry) {
	const patient, observation = "Patient/5b2c7a1e-90d4-4f6b-8a3e-1c2d3e4f5a6b", "Observation/0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"
	h := hashOf("request")
	request := [16]byte(h[:16])
	e := verify.Entry{
		Version: verify.EntryVersion, Kind: verify.KindCreate, Time: 1795000000123, Org: verify.OrgID{1, 2, 3}, Number: 70000, Prev: hashOf("prev"),
		Actor: actor, Role: "clinician", Purpose: "TREAT", Chart: patient,
		Targets: []verify.Target{{Ref: observation, Version: 1, Content: hashOf("s"), Blob: hashOf("b"), Slot: 90000}},
		Detail:  "POST Observation", Outcome: 201, Request: request,
	}
	r := e
	r.Kind, r.Outcome, r.Detail = verify.KindRead, 200, "GET "+observation
	r.Targets = []verify.Target{{Ref: observation, Version: 1}}
	return &e, &r
}

// knownOf is what the record knows of an entry: its key lies beside that of the chart's log, as both are made together.
func knownOf(e *verify.Entry) *known {
	return &known{e.Org, e.Chart, 90001, e.Number, e.Time, besideOf(e.Targets, blobsOf(e.Targets, e.Kind))}
}

// TestUsualEntriesAreShortAndAlike: the vault pads both to 96 bytes, one of which it needs itself.
func TestUsualEntriesAreShortAndAlike(t *testing.T) {
	for _, actor := range []string{"huda", "Practitioner/ali", "Practitioner/7d0c1b2a-3948-4756-a5b4-c3d2e1f00918"} {
		create, read := usual(actor)
		for _, e := range []*verify.Entry{create, read} {
			if stored := knownOf(e).store(e, e.Encode()); len(stored) > 95 || stored[0] == plainForm {
				t.Errorf("entry of kind %d by %s: %d bytes, CBOR has %d", e.Kind, actor, len(stored), len(e.Encode()))
			} else {
				t.Logf("kind %d by %s: %d bytes of %d", e.Kind, actor, len(stored), len(e.Encode()))
			}
		}
	}
}

var texts = rapid.Custom(func(t *rapid.T) string {
	piece := rapid.OneOf(rapid.SampledFrom(storedWords[:]), rapid.String(), rapid.StringMatching("[a-z]{0,8}"),
		rapid.SampledFrom([]string{"Patient/1", "5b2c7a1e-90d4-4f6b-8a3e-1c2d3e4f5a6b", "5B2c7a1e-90d4-4f6b-8a3e-1c2d3e4f5a6b", "5b2c7a1e-90d4-4f6b-8a3e-1c2d3e4f5a6", "سجل", "\x00", "\x7f"}))
	var s string
	for _, p := range rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces") {
		s += p
	}
	return s
})

var hashes = rapid.Custom(func(t *rapid.T) verify.Hash {
	return rapid.SampledFrom([]verify.Hash{{}, hashOf("a"), hashOf("b")}).Draw(t, "hash")
})

var entries = rapid.Custom(func(t *rapid.T) *verify.Entry {
	target := rapid.Custom(func(t *rapid.T) verify.Target {
		return verify.Target{
			Ref: texts.Draw(t, "ref"), Version: rapid.Uint64().Draw(t, "version"), Content: hashes.Draw(t, "content"),
			Blob: hashes.Draw(t, "blob"), Slot: rapid.Uint64().Draw(t, "slot"),
		}
	})
	return &verify.Entry{
		Version: verify.EntryVersion, Kind: verify.Kind(rapid.Uint8Range(1, 9).Draw(t, "kind")), Time: rapid.Int64().Draw(t, "time"), Org: verify.OrgID{1},
		Actor: texts.Draw(t, "actor"), Role: texts.Draw(t, "role"), Purpose: texts.Draw(t, "purpose"), Chart: texts.Draw(t, "chart"),
		Number: rapid.Uint64().Draw(t, "number"), Prev: hashes.Draw(t, "prev"), Targets: rapid.SliceOfN(target, 0, 4).Draw(t, "targets"),
		Detail: texts.Draw(t, "detail"), Outcome: rapid.Uint16().Draw(t, "outcome"), Request: [16]byte{rapid.Byte().Draw(t, "request")},
	}
})

// knowns draws what a reader knows: now all that is usual of the entry, now something else.
func knowns(t *rapid.T, e *verify.Entry) *known {
	k := knownOf(e)
	if rapid.Bool().Draw(t, "moved") {
		k.chart, k.time = texts.Draw(t, "log's chart"), rapid.Int64().Draw(t, "record's time")
	}
	k.slot = rapid.Uint64().Draw(t, "log's slot")
	return k
}

// TestStoredFormGivesTheEntryBack: whatever an entry says, its CBOR comes back to the byte.
func TestStoredFormGivesTheEntryBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entries.Draw(t, "entry")
		body, k := e.Encode(), knowns(t, e)
		back, err := k.restore(k.store(e, body))
		if err != nil || !bytes.Equal(back.Encode(), body) {
			t.Fatalf("%v: %s", err, cmp.Diff(e, back))
		}
	})
}

// TestOrdinaryEntriesNeedNoFallback: what the record itself writes has a short form.
func TestOrdinaryEntriesNeedNoFallback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entries.Draw(t, "entry")
		e.Kind, e.Time = verify.Kind(1+e.Kind%9), e.Time&(1<<47-1)
		for i := range e.Targets {
			target := &e.Targets[i]
			target.Version >>= 1
			if e.Kind != verify.KindCreate && e.Kind != verify.KindUpdate {
				*target = verify.Target{Ref: target.Ref, Version: target.Version}
			} else if target.Blob.IsZero() {
				target.Blob = hashOf("c")
			}
		}
		if stored := knowns(t, e).store(e, e.Encode()); stored[0] == plainForm {
			t.Fatalf("%+v", e)
		}
	})
}

func FuzzRestore(f *testing.F) {
	for _, e := range func() []*verify.Entry { c, r := usual("huda"); return []*verify.Entry{c, r} }() {
		f.Add(knownOf(e).store(e, e.Encode()))
		f.Add((&known{beside: knownOf(e).beside}).store(e, e.Encode()))
		f.Add(append([]byte{plainForm}, e.Encode()...))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		k := known{verify.OrgID{1}, "Patient/1", 4, 7, 1795000000123, beside{[]verify.Hash{{1}}, make([]byte, besideSize)}}
		e, err := k.restore(stored)
		if e != nil && stored[0] != plainForm && (len(e.Targets) > len(stored) || textOf(e) > 2*verify.MaxEntry) {
			t.Fatalf("%d bytes became %d targets and %d bytes of text", len(stored), len(e.Targets), textOf(e))
		}
		if err != nil {
			return
		}
		if again, err := verify.DecodeEntry(e.Encode()); err == nil && !cmp.Equal(e, again) {
			t.Fatal(fmt.Sprint(cmp.Diff(e, again)))
		}
	})
}

// textOf is how many bytes of text an entry has.
func textOf(e *verify.Entry) int {
	n := len(e.Actor) + len(e.Role) + len(e.Purpose) + len(e.Chart) + len(e.Detail)
	for i := range e.Targets {
		n += len(e.Targets[i].Ref)
	}
	return n
}

// TestALengthFromOutsideIsNoAllocation gives lengths and counts that are not there.
func TestALengthFromOutsideIsNoAllocation(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<62)
	head := append([]byte{byte(verify.KindRead) | withChart}, make([]byte, 32+1)...)
	for name, stored := range map[string][]byte{
		"a text":  append(append(bytes.Clone(head), pieceBytes), huge...),
		"targets": append(append(bytes.Clone(head), pieceEnd), huge...),
	} {
		k := known{}
		var err error
		if n := testing.AllocsPerRun(10, func() { _, err = k.restore(stored) }); err == nil || n > 10 {
			t.Errorf("%s: %v, %v allocations", name, err, n)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	_, read := usual("huda")
	body, k := read.Encode(), knownOf(read)
	b.ReportAllocs()
	for b.Loop() {
		k.store(read, body)
	}
}

func BenchmarkRestore(b *testing.B) {
	_, read := usual("huda")
	k := knownOf(read)
	stored := k.store(read, read.Encode())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.restore(stored); err != nil {
			b.Fatal(err)
		}
	}
}
