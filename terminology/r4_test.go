package terminology_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/sijil-health/sijil/terminology"
)

// TestEveryOfficialValueSet compiles all of them, and holds what is asked of a set to what its expansion gives.
func TestEveryOfficialValueSet(t *testing.T) {
	r := r4(t)
	expanded, refused := 0, map[string]int{}
	for url := range official().sets {
		s, err := r.Set(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		x, err := s.Expand(terminology.ExpandOptions{Count: -1, IncludeDesignations: true})
		if err != nil {
			var e *terminology.Error
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", url, err)
			}
			refused[e.Kind]++
			continue
		}
		expanded++
		for _, e := range x.Entries {
			if v := s.Contains(e.System, e.Code); v != terminology.Yes {
				t.Errorf("%s: %s|%s is in the expansion, and %v", url, e.System, e.Code, v)
			}
			if v := s.ContainsCodeBytes([]byte(e.Code)); v != terminology.Yes {
				t.Errorf("%s: %s is in the expansion, and %v", url, e.Code, v)
			}
		}
		if v := s.Contains("http://example.org/none", "none"); v == terminology.Yes {
			t.Errorf("%s contains a code of no system", url)
		}
		if b := x.Append(nil, "urn:uuid:0", time.Unix(0, 0)); !json.Valid(b) {
			t.Errorf("%s: not JSON: %.300s", url, b)
		}
	}
	t.Logf("%d expanded, refused: %v", expanded, refused)
	if expanded < 900 {
		t.Errorf("only %d value sets expand", expanded)
	}
}
