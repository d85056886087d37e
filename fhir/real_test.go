package fhir

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/canonical"
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// prompt is a ledger on which everything is in a block at once.
type prompt struct{}

func (prompt) Wait(context.Context, uint64) error { return nil }

func (prompt) Receipt(context.Context, uint64, *verify.OpenedEntry, map[uint32]verify.Forms) (*verify.Receipt, error) {
	return nil, errors.New("no receipts here")
}

func (prompt) Receipts(context.Context, []record.Numbered, func(*verify.BatchReceipt) error) error {
	return errors.New("no receipts here")
}

func (prompt) LocalOnly(uint64, uint64) {}

func (prompt) Block(context.Context, uint64) (int64, error) { return 1, nil }

// realGate is a gate over the record itself: sealed, journalled and indexed in a directory.
func realGate(t testing.TB, dir string, create bool) (*gate, func()) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := vault.NewKeyRoot("test", make([]byte, 32))
	must(err)
	open := vault.Open
	if create {
		open = vault.Create
	}
	keys, err := open(filepath.Join(dir, "keys"), root, vault.Options{})
	must(err)
	blobs, err := vault.NewDirBlobs(filepath.Join(dir, "blobs"))
	must(err)
	log, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{})
	must(err)
	key, err := keys.Key("", vault.Index)
	must(err)
	found, err := index.Open(filepath.Join(dir, "index"), key.Blind("file", nil))
	must(err)
	own, defined := search.New(definition.Base()), new(canonical.Own)
	store, err := record.Open(t.Context(), record.Options{
		Org: verify.OrgID{1}, Vault: keys, Journal: log, Index: found, Blobs: blobs, Anchors: prompt{}, Extract: Terms(own), Rules: Rules(own, defined.Tell),
	})
	must(err)
	g := &gate{New(Config{Store: store, Auth: tokens{}, Prefix: "/fhir", Base: "http://h.example/fhir", Parameters: own, Own: defined, Retelling: store.Retelling}), nil}
	return g, func() {
		store.Close()
		must(errors.Join(found.Close(), log.Close(), keys.Close()))
	}
}

func (g *gate) get(t *testing.T, path, actor string, status int) []byte {
	t.Helper()
	w := g.send(&exchange{do: "GET " + path, actor: actor})
	if w.Code != status {
		t.Fatalf("GET %s: %d %.500s", path, w.Code, w.Body)
	}
	wellFormed(t, w.Body.Bytes())
	return w.Body.Bytes()
}

// TestOverTheRecord runs the gate on the real record: what a transaction stores is read, found and audited, and is so still after a
// restart without the index.
func TestOverTheRecord(t *testing.T) {
	dir := t.TempDir()
	g, stop := realGate(t, dir, true)
	for name, src := range sampleFiles(t, "data/fhir/synthea/smart-2019/*_1[0-9a-f]*.json.gz") {
		if w := g.send(&exchange{do: "POST /", body: string(src)}); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %.500s", name, w.Code, w.Body)
		}
	}
	w := g.send(&exchange{do: "PUT /Patient/p1", body: patient})
	if w.Code != http.StatusCreated || w.Header().Get("Sijil-Ack") != AckAnchored {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	stored := w.Body.String()
	if w := g.send(&exchange{do: "PUT /Observation/o1", body: observation}); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	searches := []string{
		"/Observation?patient=p1", "/Observation?code=http://loinc.org%7C8302-2&_count=7", "/Condition?_count=1000", "/Patient?identifier=http://h%7C7",
		"/Encounter?date=ge2015&_count=20", "/MedicationRequest?_count=3", "/Observation?category=laboratory&date=lt2012", "/Patient?_id=p1", "/Claim?_lastUpdated=gt2020&_count=5",
	}
	before := map[string]string{}
	for _, path := range searches {
		before[path] = ids(t, g.get(t, path, "", http.StatusOK))
	}
	if before["/Observation?patient=p1"] != "o1" || before["/Patient?identifier=http://h%7C7"] != "p1" || len(strings.Fields(before["/MedicationRequest?_count=3"])) != 3 {
		t.Errorf("found %v", before)
	}
	stop()

	if err := os.RemoveAll(filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}
	g, stop = realGate(t, dir, false)
	defer stop()
	if got := string(g.get(t, "/Patient/p1", "", http.StatusOK)); got != stored {
		t.Errorf("served %s\nstored %s", got, stored)
	}
	for _, path := range searches {
		if got := ids(t, g.get(t, path, "", http.StatusOK)); got != before[path] {
			t.Errorf("%s: %q after the rebuild, %q before", path, got, before[path])
		}
	}
	g.get(t, "/Patient/none", "", http.StatusNotFound)
	g.get(t, "/Patient/p1/_history/2", "", http.StatusNotFound)
	g.get(t, "/Observation/o1/_history", "", http.StatusOK)
	var audit struct {
		Entry []struct {
			Resource struct {
				Action  string
				Subtype []struct{ Code string }
			}
		}
	}
	if err := json.Unmarshal(g.get(t, "/AuditEvent?patient=p1", "auditor", http.StatusOK), &audit); err != nil {
		t.Fatal(err)
	}
	var actions string
	for _, e := range audit.Entry {
		actions += e.Resource.Action
	}
	if len(actions) < 8 || !strings.HasSuffix(actions, "CC") || strings.Count(actions, "R") < 2 {
		t.Errorf("actions %q", actions)
	}
}
