package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		failed         bool
	}{
		{"passing", `
{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`, "ok  \tp\t0.1s\n1 passed, 0 failed, 0 skipped\n", false},
		{"skipped", `
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: needs root\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
`, "ok  \tp\t0.1s\nskipped:\n  p TestB: b_test.go:7: needs root\n0 passed, 0 failed, 1 skipped\n", false},
		{"failed", `
{"Action":"run","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:9: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`, "    c_test.go:9: wrong\nFAIL\nFAIL\tp\t0.1s\n0 passed, 1 failed, 0 skipped\n", true},
		{"died", `
{"Action":"run","Package":"p","Test":"TestD"}
{"Action":"output","Package":"p","Test":"TestD","Output":"panic: at the disco\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`, "FAIL\tp\t0.1s\n--- DIED: TestD\npanic: at the disco\n0 passed, 1 failed, 0 skipped\n", true},
		{"does not build", `
{"ImportPath":"p","Action":"build-output","Output":"p.go:1: nonsense\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p"}
`, "p.go:1: nonsense\nFAIL\tp [build failed]\n0 passed, 0 failed, 0 skipped\n", true},
		{"nothing to run", `
{"Action":"output","Package":"p","Output":"testing: warning: no tests to run\n"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s [no tests to run]\n"}
{"Action":"output","Package":"q","Output":"?   \tq\t[no test files]\n"}
`, "0 passed, 0 failed, 0 skipped\n", false},
		{"no JSON", "go: warning\n", "go: warning\n0 passed, 0 failed, 0 skipped\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			failed, err := report(strings.NewReader(strings.TrimLeft(c.in, "\n")), &out)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, out.String()); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if failed != c.failed {
				t.Errorf("failed is %t", failed)
			}
		})
	}
}
