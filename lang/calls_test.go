package lang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var keyForm = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)

// TestCalls reads every Go file of the module and checks the calls of T, tell, misuse, Explain and NewProblem whose key is written out: the
// message must exist and get as many arguments as it mentions.
func TestCalls(t *testing.T) {
	fset, calls := token.NewFileSet(), 0
	made := make(map[string]bool)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "lang") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && checkCall(t, fset, call, made) {
				calls++
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range english {
		if strings.HasPrefix(key, "problem.") && !made[key] {
			t.Errorf("nothing makes a problem of %s", key)
		}
	}
	t.Logf("%d calls with a written-out key", calls)
}

// checkCall tells whether call names a message, and reports what is wrong with it. Those of problems are noted in made.
func checkCall(t *testing.T, fset *token.FileSet, call *ast.CallExpr, made map[string]bool) bool {
	t.Helper()
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return false
	}
	key, err := strconv.Unquote(literal.Value)
	if err != nil {
		return false
	}
	switch {
	case fun.Sel.Name == "Explain":
		key = "error." + key
	case fun.Sel.Name == "NewProblem":
		key = "problem." + key
		made[key] = true
	case isWarn(fun, literal):
		key = "warning." + key + ".text"
		if _, ok := english[strings.TrimSuffix(key, ".text")]; !ok {
			t.Errorf("%s: %q has no title", fset.Position(call.Pos()), key)
		}
	case fun.Sel.Name != "T" && fun.Sel.Name != "tell" && fun.Sel.Name != "misuse" || !keyForm.MatchString(key):
		return false
	}
	message, ok := english[key]
	if !ok {
		t.Errorf("%s: there is no message %q", fset.Position(call.Pos()), key)
		return true
	}
	if given := len(call.Args) - 1; given < wanted(message) && call.Ellipsis == token.NoPos {
		t.Errorf("%s: %q mentions %d arguments, %d are given", fset.Position(call.Pos()), key, wanted(message), given)
	}
	return true
}

// isWarn tells whether a call adds a warning to a node's status.
func isWarn(fun *ast.SelectorExpr, code *ast.BasicLit) bool {
	return fun.Sel.Name == "warn" && !strings.Contains(code.Value, " ")
}

// wanted is the number of arguments that a message mentions.
func wanted(message string) (most int) {
	for _, m := range verbForm.FindAllStringSubmatch(message, -1) {
		most = max(most, int(m[1][0]-'0'))
	}
	return most
}
