package match

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// spelled is a name in Arabic and in Latin spellings.
type spelled struct {
	arabic string
	latin  []string
}

// namesOf reads testdata/names.txt.
func namesOf(t testing.TB) map[string][]spelled {
	t.Helper()
	b, err := os.ReadFile("testdata/names.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string][]spelled{}
	for line := range strings.SplitSeq(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[0] != "#" {
			list[f[0]] = append(list[f[0]], spelled{f[1], f[2:]})
		}
	}
	return list
}

// someone is a person of the register, or of none.
type someone struct {
	gender string
	name   []spelled // own, father's, grandfather's, family's
	birth  date
	id     string
	phone  string
	city   string
}

// world makes people and what is written of them.
type world struct {
	*rand.Rand
	names map[string][]spelled
}

func pick[T any](w *world, list []T) T { return list[w.IntN(len(list))] }

// family makes brothers and sisters: they share all but the first name, the birth date and the identifier.
func (w *world) family(size int) (list []someone) {
	rest := []spelled{pick(w, w.names["m"]), pick(w, w.names["m"]), pick(w, w.names["n"])}
	phone, city := fmt.Sprintf("+9665%08d", w.IntN(1e8)), pick(w, []string{"الرياض", "جدة", "دبي", "عمّان"})
	used := map[string]bool{}
	for range size {
		gender, kind := "male", "m"
		if w.IntN(2) == 0 {
			gender, kind = "female", "f"
		}
		own := pick(w, w.names[kind])
		if used[own.arabic] {
			continue
		}
		used[own.arabic] = true
		list = append(list, someone{gender, append([]spelled{own}, rest...), date{1930 + w.IntN(95), 1 + w.IntN(12), 1 + w.IntN(28)}, fmt.Sprintf("%010d", w.IntN(1e9)), phone, city})
	}
	return list
}

// written is a Patient resource being made of someone.
type written struct {
	parts   []string // of the name, particles among them
	family  int      // index of the family's name in parts; -1 if it is not known which
	text    bool
	birth   string
	gender  string
	id      string
	phone   string
	city    string
	scripts bool // Latin
}

func (w *world) plain(s *someone, latin bool) *written {
	x := &written{family: 3, birth: s.birth.iso(), gender: s.gender, id: s.id, phone: s.phone, city: s.city, scripts: latin}
	for _, n := range s.name {
		if latin {
			x.parts = append(x.parts, pick(w, n.latin))
		} else {
			x.parts = append(x.parts, n.arabic)
		}
	}
	return x
}

func (d date) iso() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day) }

func (x *written) body() []byte {
	name := map[string]any{"text": strings.Join(x.parts, " ")}
	if !x.text && x.family >= 0 {
		given := slices.Delete(slices.Clone(x.parts), x.family, x.family+1)
		name = map[string]any{"given": given, "family": x.parts[x.family]}
	}
	r := map[string]any{"resourceType": "Patient", "name": []any{name}, "gender": x.gender}
	if x.birth != "" {
		r["birthDate"] = x.birth
	}
	if x.id != "" {
		r["identifier"] = []any{map[string]any{"system": "urn:national", "value": x.id}}
	}
	if x.phone != "" {
		r["telecom"] = []any{map[string]any{"system": "phone", "value": x.phone}}
	}
	if x.city != "" {
		r["address"] = []any{map[string]any{"city": x.city}}
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return b
}

// errors are what is done wrong when somebody is written down again.
var errors = map[string]func(w *world, s *someone, x *written){
	"spelling": func(w *world, _ *someone, x *written) {
		r := strings.NewReplacer("أ", "ا", "إ", "ا", "ة", "ه", "ى", "ي", "ؤ", "و")
		for i := range x.parts {
			x.parts[i] = r.Replace(x.parts[i])
		}
	},
	"marks": func(w *world, _ *someone, x *written) {
		i := w.IntN(len(x.parts))
		if r := []rune(x.parts[i]); !x.scripts && len(r) > 2 {
			x.parts[i] = string(r[0]) + "\u064e" + string(r[1]) + "ـ" + string(r[2:])
		}
	},
	"bin": func(w *world, _ *someone, x *written) {
		son := "بن"
		if x.scripts {
			son = "bin"
		}
		for i, p := range x.parts {
			if i > 0 && i != x.family {
				x.parts[i] = son + " " + p
			}
		}
	},
	"no grandfather": func(_ *world, _ *someone, x *written) {
		if len(x.parts) == 4 {
			x.parts, x.family = slices.Delete(x.parts, 2, 3), 2
		}
	},
	"two names": func(_ *world, _ *someone, x *written) {
		x.parts, x.family = []string{x.parts[0], x.parts[len(x.parts)-1]}, 1
	},
	"order": func(_ *world, _ *someone, x *written) {
		x.parts = append([]string{x.parts[len(x.parts)-1]}, x.parts[:len(x.parts)-1]...)
		x.family = len(x.parts) - 1 // the form was filled in so
	},
	"text": func(_ *world, _ *someone, x *written) { x.text = true },
	"article": func(_ *world, _ *someone, x *written) {
		x.parts[len(x.parts)-1] = strings.TrimPrefix(x.parts[len(x.parts)-1], "ال")
	},
	"compound": func(_ *world, _ *someone, x *written) {
		x.parts[0] = strings.Replace(x.parts[0], "عبد", "عبد ", 1)
	},
	"typo": func(w *world, _ *someone, x *written) {
		i := w.IntN(len(x.parts))
		if r := []rune(x.parts[i]); len(r) > 4 {
			n := 1 + w.IntN(len(r)-2)
			x.parts[i] = string(append(r[:n:n], r[n+1:]...))
		}
	},
	"digit": func(w *world, s *someone, x *written) {
		v := s.birth.variants()
		x.birth = v[2+w.IntN(len(v)-2)].iso()
	},
	"day and month": func(_ *world, s *someone, x *written) {
		if s.birth.day <= 12 {
			x.birth = date{s.birth.year, s.birth.day, s.birth.month}.iso()
		}
	},
	"eastern digits": func(_ *world, _ *someone, x *written) {
		x.birth = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r - '0' + '٠'
			}
			return r
		}, x.birth)
	},
	"year alone":  func(_ *world, _ *someone, x *written) { x.birth = x.birth[:4] },
	"no phone":    func(_ *world, _ *someone, x *written) { x.phone = "" },
	"other phone": func(w *world, _ *someone, x *written) { x.phone = fmt.Sprintf("05%08d", w.IntN(1e8)) },
}

// register is what is searched.
type register struct {
	all     []term.Resource
	persons map[string]*Person
}

func (r *register) add(t testing.TB, of *search.Type, id string, body []byte) {
	var doc tape.Tape
	if err := doc.Parse(body, tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	r.all = append(r.all, term.Resource{Type: "Patient", ID: id, Terms: of.Terms(nil, doc.Root(), nil)})
	r.persons[id] = Read(doc.Root())
}

// find gives the grade of each candidate, as the gate does it.
func (r *register) find(p *Person) map[string]Result {
	found := map[string]Result{}
	for _, s := range p.Searches() {
		hits := term.Find(&term.Query{Type: "Patient", All: s.All}, r.all)
		for _, i := range hits[:min(len(hits), s.Most)] {
			id := r.all[i].ID
			if c := Compare(p, r.persons[id]); c.Grade != CertainlyNot {
				found[id] = c
			}
		}
	}
	return found
}

func person(t testing.TB, body []byte) *Person {
	var doc tape.Tape
	if err := doc.Parse(body, tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	return Read(doc.Root())
}

// TestEvaluation writes people down again with errors, and asks who they are. The figures are those of docs/fhir.md.
func TestEvaluation(t *testing.T) {
	w := &world{rand.New(rand.NewPCG(1, 2)), namesOf(t)}
	of := search.New(definition.Base()).Of("Patient")
	r := &register{persons: map[string]*Person{}}
	people, strangers := map[string]someone{}, []someone(nil)
	for len(people) < 900 {
		for i, s := range w.family(1 + w.IntN(5)) {
			if i == 4 { // a brother or a sister who is not in the register
				strangers = append(strangers, s)
				continue
			}
			id := fmt.Sprint("p", len(people))
			people[id] = s
			x := w.plain(&s, w.IntN(3) == 0)
			x.text = w.IntN(3) == 0
			if w.IntN(5) > 0 {
				x.phone = ""
			}
			r.add(t, of, id, x.body())
		}
	}
	for n := range 60 {
		twin, namesake := people[fmt.Sprint("p", n*7)], people[fmt.Sprint("p", n*11)]
		for twin.name = slices.Clone(twin.name); twin.name[0].arabic == people[fmt.Sprint("p", n*7)].name[0].arabic; {
			twin.name[0] = pick(w, w.names[twin.gender[:1]])
		}
		twin.id, namesake.id, namesake.phone, namesake.birth = "", "", "", date{1930 + w.IntN(95), 1 + w.IntN(12), 1 + w.IntN(28)}
		strangers = append(append(strangers, twin, namesake), w.family(1)...)
	}
	kinds := make([]string, 0, len(errors))
	for kind := range errors {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	levels := map[Grade]int{Certain: 3, Probable: 2, Possible: 1}
	var right, wrong [4]int
	missed, probes := map[string]int{}, 0
	ask := func(id string, x *written, with []string) {
		found := r.find(person(t, x.body()))
		for other, c := range found {
			for l := 1; l <= levels[c.Grade]; l++ {
				if other == id {
					right[l]++
				} else {
					wrong[l]++
				}
			}
		}
		if _, ok := found[id]; id != "" && !ok {
			missed[strings.Join(with, ", ")]++
		}
	}
	for n := range 300 {
		id := fmt.Sprint("p", n*3)
		s := people[id]
		x, with := w.plain(&s, w.IntN(3) == 0), []string(nil)
		if w.IntN(10) > 2 {
			x.id = ""
		}
		for range 1 + w.IntN(3) {
			kind := pick(w, kinds)
			errors[kind](w, &s, x)
			with = append(with, kind)
		}
		probes++
		ask(id, x, with)
	}
	for i := range strangers {
		ask("", w.plain(&strangers[i], w.IntN(2) == 0), nil)
	}
	for l, grade := range []string{1: "possible", 2: "probable", 3: "certain"} {
		if grade != "" {
			t.Logf("%s and better: recall %.3f, precision %.3f (%d of %d found, %d others)", grade, float64(right[l])/float64(probes), float64(right[l])/float64(max(right[l]+wrong[l], 1)), right[l], probes, wrong[l])
		}
	}
	t.Logf("%d people, %d probes, %d strangers; missed: %v", len(people), probes, len(strangers), missed)
	if found := float64(right[2]) / float64(probes); found < 0.8 {
		t.Errorf("only %.3f are found as probable", found)
	}
	if right[1] < probes*95/100 || wrong[3] > 0 || wrong[2] > right[2]/50 {
		t.Error("worse than the documentation says")
	}
}
