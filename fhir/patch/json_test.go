package patch

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

func value(t testing.TB, src string) tape.Value {
	t.Helper()
	v, err := parsed([]byte(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return v
}

func plain(t testing.TB, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

// The official cases of JSON Patch, each with the kind of error that its text speaks of.
func TestOfficialJSON(t *testing.T) {
	names := shared.Files("data/fhir-tests/patch-r4/json-patch-tests.json")
	if len(names) == 0 {
		t.Skip("no official cases here")
	}
	src, err := shared.Read(names[0])
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]Kind{
		"path /a does not exist -- missing objects are not created recursively": Impossible,
		"add to a non-existent target":                                          Impossible,
		"string not equivalent":                                                 TestFailed,
		"number is not equal to string":                                         TestFailed,
	}
	cases := value(t, string(src))
	ran := 0
	for c := cases.First(); c.Exists(); c = c.Next() {
		ran++
		name := c.Get("comment").Text()
		got, err := applyJSON(c.Get("doc").Raw(), c.Get("patch"), Limits{})
		if want := c.Get("error"); want.Exists() {
			if kindOf(err) == 0 || kindOf(err) != kinds[want.Text()] {
				t.Errorf("%s: %v instead of: %s", name, err, want.Text())
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(plain(t, got), plain(t, c.Get("expected").Raw())) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if ran != 16 {
		t.Errorf("%d cases", ran)
	}
}

// Beyond them: what stands keeps its bytes, and each mistake has its kind.
func TestJSON(t *testing.T) {
	const doc = "{\n  \"a\": 1.00,\n  \"b\": [ 1, {\"c\": 1E2} ],\n  \"d\": {},\n  \"e\": []\n}\n"
	for _, c := range []struct {
		patch, want string
		kind        Kind
	}{
		{`[]`, strings.TrimSpace(doc), 0},
		{`[{"op":"add","path":"/f","value":2.50}]`, "{\n  \"a\": 1.00,\n  \"b\": [ 1, {\"c\": 1E2} ],\n  \"d\": {},\n  \"e\": [],\n  \"f\": 2.50\n}", 0},
		{`[{"op":"remove","path":"/a"}]`, "{\n  \"b\": [ 1, {\"c\": 1E2} ],\n  \"d\": {},\n  \"e\": []\n}", 0},
		{`[{"op":"remove","path":"/e"},{"op":"replace","path":"/b/0","value":[1.0]}]`, "{\n  \"a\": 1.00,\n  \"b\": [ [1.0], {\"c\": 1E2} ],\n  \"d\": {}\n}", 0},
		{`[{"op":"add","path":"/b/0","value":0}]`, "{\n  \"a\": 1.00,\n  \"b\": [ 0, 1, {\"c\": 1E2} ],\n  \"d\": {},\n  \"e\": []\n}", 0},
		{`[{"op":"add","path":"/b/-","value":0},{"op":"add","path":"/b/2","value":1}]`, "{\n  \"a\": 1.00,\n  \"b\": [ 1, {\"c\": 1E2}, 1, 0 ],\n  \"d\": {},\n  \"e\": []\n}", 0},
		{`[{"op":"add","path":"/e/0","value":1},{"op":"add","path":"/e/-","value":2},{"op":"add","path":"/d/x\"y","value":3}]`, "{\n  \"a\": 1.00,\n  \"b\": [ 1, {\"c\": 1E2} ],\n  \"d\": {\"x\\\"y\":3},\n  \"e\": [1,2]\n}", 0},
		{`[{"op":"copy","from":"/b","path":"/d/b"},{"op":"remove","path":"/b/1"},{"op":"remove","path":"/d/b/0"}]`, "{\n  \"a\": 1.00,\n  \"b\": [ 1 ],\n  \"d\": {\"b\":[ {\"c\": 1E2} ]},\n  \"e\": []\n}", 0},
		{`[{"op":"move","from":"/b/1","path":"/b/0"}]`, "{\n  \"a\": 1.00,\n  \"b\": [ {\"c\": 1E2}, 1 ],\n  \"d\": {},\n  \"e\": []\n}", 0},
		{`[{"op":"move","from":"/a","path":"/a"}]`, strings.TrimSpace(doc), 0},
		{`[{"op":"add","path":"","value":{"x":1}}]`, `{"x":1}`, 0},
		{`[{"op":"test","path":"/a","value":1},{"op":"test","path":"/b","value":[1.0,{"c":100}]},{"op":"test","path":"/b/1/c","value":1000e-1}]`, strings.TrimSpace(doc), 0},
		{`[{"op":"replace","path":"/d","value":{"y":1,"z":2}},{"op":"test","path":"/d","value":{"z":2,"y":1}},{"op":"test","path":"","value":{"a":1,"b":[1,{"c":100}],"d":{"y":1,"z":2},"e":[]}},{"op":"replace","path":"/d","value":{}}]`, strings.TrimSpace(doc), 0},
		{`[{"op":"test","path":"/a","value":"1"}]`, "", TestFailed},
		{`[{"op":"test","path":"/a","value":1.01}]`, "", TestFailed},
		{`[{"op":"test","path":"/x","value":null}]`, "", TestFailed},
		{`[{"op":"test","path":"/d","value":{"x":1}}]`, "", TestFailed},
		{`[{"op":"remove","path":""}]`, "", Impossible},
		{`[{"op":"remove","path":"/x"}]`, "", Impossible},
		{`[{"op":"remove","path":"/a/b"}]`, "", Impossible},
		{`[{"op":"remove","path":"/b/2"}]`, "", Impossible},
		{`[{"op":"remove","path":"/b/-"}]`, "", Impossible},
		{`[{"op":"remove","path":"/b/00"}]`, "", Impossible},
		{`[{"op":"remove","path":"/b/99999999999999999999"}]`, "", Impossible},
		{`[{"op":"replace","path":"/x","value":1}]`, "", Impossible},
		{`[{"op":"add","path":"/b/3","value":1}]`, "", Impossible},
		{`[{"op":"add","path":"/b/-1","value":1}]`, "", Impossible},
		{`[{"op":"add","path":"/b/x","value":1}]`, "", Impossible},
		{`[{"op":"move","from":"/x","path":"/y"}]`, "", Impossible},
		{`[{"op":"move","from":"/b","path":"/b/0"}]`, "", Malformed},
		{`{"op":"remove","path":"/a"}`, "", Malformed},
		{`[1]`, "", Malformed},
		{`[{"path":"/a"}]`, "", Malformed},
		{`[{"op":"delete","path":"/a"}]`, "", Malformed},
		{`[{"op":"add","path":"/a"}]`, "", Malformed},
		{`[{"op":"add","value":1}]`, "", Malformed},
		{`[{"op":"add","path":"a","value":1}]`, "", Malformed},
		{`[{"op":"add","path":"/~2","value":1}]`, "", Malformed},
		{`[{"op":"add","path":"/a~","value":1}]`, "", Malformed},
		{`[{"op":"copy","path":"/a"}]`, "", Malformed},
		{`[{"op":"remove","path":"/a"},{"op":"nothing","path":"/b"}]`, "", Malformed},
	} {
		got, err := applyJSON([]byte(doc), value(t, c.patch), Limits{})
		if kindOf(err) != c.kind || string(got) != c.want {
			t.Errorf("%s:\n%s\n%v", c.patch, got, err)
		}
	}
}

func TestLimitsOfJSON(t *testing.T) {
	grow := `{"op":"copy","from":"","path":"/-"}`
	if _, err := applyJSON([]byte(`[1]`), value(t, "["+strings.Repeat(grow+",", 40)+grow+"]"), Limits{}); kindOf(err) == 0 {
		t.Error("a document that doubles:", err)
	}
	if _, err := applyJSON([]byte(`{"a":"`+strings.Repeat("x", 1000)+`"}`), value(t, `[{"op":"copy","from":"/a","path":"/b"}]`), Limits{Bytes: 1500}); kindOf(err) != TooCostly {
		t.Error(err)
	}
	if _, err := applyJSON([]byte(`{}`), value(t, `[{"op":"test","path":"","value":{}},{"op":"test","path":"","value":{}}]`), Limits{Operations: 1}); kindOf(err) != TooCostly {
		t.Error(err)
	}
	wide := "[" + strings.Repeat("0,", 1<<17) + "0]"
	many := strings.Repeat(`{"op":"add","path":"/0","value":0},`, 999) + `{"op":"remove","path":"/0"}`
	if _, err := applyJSON([]byte(wide), value(t, "["+many+"]"), Limits{}); kindOf(err) != TooCostly {
		t.Error(err)
	}
}

func TestSameNumber(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"1", "1.00", true}, {"0", "-0.0e5", true}, {"100", "1e2", true}, {"1e2147483647", "10e2147483646", true}, {"1e99999999999", "1e99999999999", true},
		{"1e99999999999", "10e99999999998", false}, {"1", "-1", false}, {"1.5", "15", false}, {"0.1", "1e-1", true}, {"12345678901234567890.1", "12345678901234567890.10", true},
		{"12345678901234567890.1", "12345678901234567890.2", false},
	} {
		if sameNumber([]byte(c.a), []byte(c.b)) != c.same {
			t.Error(c)
		}
	}
}

// oracle is JSON Patch over decoded values, written without regard for bytes.
func oracle(doc any, patch []map[string]any) (any, bool) {
	for _, o := range patch {
		path := steps(o["path"].(string))
		ok := false
		switch o["op"] {
		case "add":
			doc, ok = put(doc, path, o["value"], false)
		case "replace":
			if _, ok = look(doc, path); ok {
				doc, ok = put(doc, path, o["value"], true)
			}
		case "remove":
			doc, ok = drop(doc, path)
		case "move", "copy":
			from := steps(o["from"].(string))
			var v any
			if v, ok = look(doc, from); !ok {
				return nil, false
			}
			if o["op"] == "move" && !slices.Equal(from, path) {
				if doc, ok = drop(doc, from); !ok {
					return nil, false
				}
			}
			if !slices.Equal(from, path) || o["op"] == "copy" {
				doc, ok = put(doc, path, v, false)
			}
		}
		if !ok {
			return nil, false
		}
	}
	return doc, true
}

func steps(p string) []string {
	if p == "" {
		return nil
	}
	list := strings.Split(p[1:], "/")
	for i := range list {
		list[i] = strings.ReplaceAll(strings.ReplaceAll(list[i], "~1", "/"), "~0", "~")
	}
	return list
}

func number9(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && strconv.Itoa(n) == s && n >= 0
}

func look(doc any, p []string) (any, bool) {
	for _, s := range p {
		switch x := doc.(type) {
		case map[string]any:
			v, ok := x[s]
			if !ok {
				return nil, false
			}
			doc = v
		case []any:
			i, ok := number9(s)
			if !ok || i >= len(x) {
				return nil, false
			}
			doc = x[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

func put(doc any, p []string, v any, replace bool) (any, bool) {
	if len(p) == 0 {
		return v, true
	}
	switch x := doc.(type) {
	case map[string]any:
		y := map[string]any{}
		for k, v := range x {
			y[k] = v
		}
		if len(p) == 1 {
			y[p[0]] = v
			return y, true
		}
		inner, ok := x[p[0]]
		if !ok {
			return nil, false
		}
		y[p[0]], ok = put(inner, p[1:], v, replace)
		return y, ok
	case []any:
		i, ok := number9(p[0])
		if p[0] == "-" && len(p) == 1 {
			i, ok = len(x), true
		}
		if !ok || i > len(x) || (len(p) > 1 || replace) && i == len(x) {
			return nil, false
		}
		if len(p) == 1 && !replace {
			return slices.Insert(slices.Clone(x), i, v), true
		}
		y := slices.Clone(x)
		y[i], ok = put(x[i], p[1:], v, replace)
		return y, ok
	}
	return nil, false
}

func drop(doc any, p []string) (any, bool) {
	if len(p) == 0 {
		return nil, false
	}
	inner, ok := look(doc, p)
	_ = inner
	if !ok {
		return nil, false
	}
	parent, _ := look(doc, p[:len(p)-1])
	last := p[len(p)-1]
	switch x := parent.(type) {
	case map[string]any:
		y := map[string]any{}
		for k, v := range x {
			if k != last {
				y[k] = v
			}
		}
		return put(doc, p[:len(p)-1], y, true)
	case []any:
		i, _ := number9(last)
		return put(doc, p[:len(p)-1], slices.Delete(slices.Clone(x), i, i+1), true)
	}
	return nil, false
}

// Any patch of any document does what it does to the decoded document, and what comes out is JSON.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,{"b":2}],"c":{}}`, `[{"op":"add","path":"/a/1/x","value":3},{"op":"move","from":"/a/0","path":"/c/y"}]`)
	f.Add(` { "a" : [ ] } `, `[{"op":"add","path":"/a/-","value":[]},{"op":"copy","from":"/a","path":"/a/0"},{"op":"remove","path":"/a/1"}]`)
	f.Add(`[0]`, `[{"op":"replace","path":"/0","value":{"~":1}},{"op":"replace","path":"/0/~0","value":2}]`)
	f.Fuzz(func(t *testing.T, doc, patch string) {
		v, err := parsed([]byte(patch))
		if err != nil {
			return
		}
		got, err := applyJSON([]byte(doc), v, Limits{Bytes: 1 << 16})
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Kind != Impossible) {
			return
		}
		var list []map[string]any
		d := json.NewDecoder(strings.NewReader(patch))
		d.UseNumber()
		if d.Decode(&list) != nil {
			t.Fatalf("%s is taken", patch)
		}
		for _, o := range list {
			if o["op"] == "test" {
				return
			}
		}
		want, ok := oracle(plain(t, []byte(doc)), list)
		if ok != (err == nil) {
			t.Fatalf("%s\n%s\n%s, %v\n%v", doc, patch, got, err, want)
		}
		if err == nil && !reflect.DeepEqual(plain(t, got), want) {
			t.Fatalf("%s\n%s\n%s\n%v", doc, patch, got, want)
		}
	})
}
