package patients

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed SHA256SUMS
var sums string

type bundle struct {
	ResourceType string
	Type         string
	Entry        []struct {
		FullURL  string
		Resource struct{ ResourceType string }
		Request  struct{ Method, URL string }
	}
}

func TestAll(t *testing.T) {
	var names []string
	count := make(map[string]int)
	patients, size := 0, 0
	for name, body := range All() {
		names = append(names, name)
		size += len(body)
		var b bundle
		if err := json.Unmarshal(body, &b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b.ResourceType != "Bundle" || b.Type != "transaction" {
			t.Errorf("%s is a %s of type %s", name, b.ResourceType, b.Type)
		}
		people := 0
		for i, e := range b.Entry {
			if e.Request.Method != "POST" || e.Request.URL != e.Resource.ResourceType || !strings.HasPrefix(e.FullURL, "urn:uuid:") {
				t.Errorf("%s: entry %d is no creation", name, i)
			}
			if e.Resource.ResourceType == "Patient" {
				people++
			}
			count[e.Resource.ResourceType]++
		}
		if IsPatient(name) != (people == 1) {
			t.Errorf("%s: %d patients", name, people)
		}
		patients += people
	}
	total := 0
	for n := range maps.Values(count) {
		total += n
	}
	t.Logf("%d bundles, %d patients, %d resources of %d types, %d bytes", len(names), patients, total, len(count), size)
	if len(names) != 16 || patients != 14 || total != 2584 {
		t.Errorf("%d bundles, %d patients, %d resources; want 16, 14, 2584", len(names), patients, total)
	}
	if d := cmp.Diff(Names(), names); d != "" {
		t.Errorf("order differs from Names: (-want +got)\n%s", d)
	}
	if !strings.HasPrefix(names[0], "0-hospital") || !strings.HasPrefix(names[1], "0-practitioner") {
		t.Errorf("hospitals and practitioners do not come first: %v", names[:2])
	}
}

func TestAllIsAsPublished(t *testing.T) {
	want := make(map[string]string)
	for line := range strings.Lines(sums) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("SHA256SUMS: line %q", line)
		}
		want[strings.TrimSuffix(name, ".json")] = sum
	}
	got := make(map[string]string)
	for name, body := range All() {
		sum := sha256.Sum256(body)
		got[name] = hex.EncodeToString(sum[:])
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-published +embedded)\n%s", d)
	}
}

func TestAllStopsWhenAsked(t *testing.T) {
	var names []string
	for name := range All() {
		if names = append(names, name); len(names) == 2 {
			break
		}
	}
	if !slices.Equal(names, Names()[:2]) {
		t.Errorf("got %v", names)
	}
}

func BenchmarkAll(b *testing.B) {
	size := 0
	for _, body := range All() {
		size += len(body)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		for range All() {
		}
	}
}
