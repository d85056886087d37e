package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// typed is a line of a README that is copied into a shell.
var typed = regexp.MustCompile(`(?m)^    ((?:make|sijil|curl|echo|sed|mkdir|for|export PATH|BASE=|HUDA=|OMAR=).*)$`)

// TestBothReadmesTeachTheSameCommands: whoever follows the Arabic one types what the other says, in the same order.
func TestBothReadmesTeachTheSameCommands(t *testing.T) {
	commands := func(name string) (list []string) {
		b, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range typed.FindAllStringSubmatch(string(b), -1) {
			command, _, _ := strings.Cut(m[1], "     ") // what stands beside it is explanation
			list = append(list, command)
		}
		return list
	}
	english, arabic := commands("README.md"), commands("README.ar.md")
	if d := cmp.Diff(english, arabic); d != "" || len(english) < 20 {
		t.Errorf("%d commands (-README.md +README.ar.md)\n%s", len(english), d)
	}
}
