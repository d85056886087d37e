package verify

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// allowed are the modules that this package may rest on. Whoever audits the verifier audits these.
var allowed = []string{
	"github.com/transparency-dev/merkle/proof", "github.com/transparency-dev/merkle/rfc6962",
	"github.com/fxamacker/cbor/v2", "github.com/oasisprotocol/curve25519-voi/primitives/ed25519", "filippo.io/mldsa",
}

func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
	next:
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") && path != "net" && !strings.HasPrefix(path, "net/") && path != "os" {
				continue
			}
			for _, a := range allowed {
				if path == a {
					continue next
				}
			}
			t.Errorf("%s imports %s", name, path)
		}
	}
}
