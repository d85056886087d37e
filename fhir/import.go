package fhir

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sijil-health/sijil/bulk/imports"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// Import implements imports.Gate: each line is an update of the resource by its own id, or its creation.
func (s *Server) Import(a record.Access, again bool) imports.Passes {
	return &importing{s: s, access: a, same: newSeen(), again: again}
}

// importing is an import as far as one process does it.
type importing struct {
	s      *Server
	access record.Access
	again  bool  // what is so already may have been made so by an earlier process, and is counted as what it was
	same   *seen // what was so already: what another line makes of it would change it each time that the import is repeated
}

// Pass implements imports.Passes.
func (i *importing) Pass(last bool) imports.Pass {
	return &importPass{importing: i, last: last, found: map[string]string{}, failed: map[string]*problem{}}
}

// importPass goes once through the lines of an import. What a conditional reference means is looked up once.
type importPass struct {
	*importing
	last   bool
	found  map[string]string   // conditional references: "Type?…" → "Type/id"
	failed map[string]*problem // those that mean nothing, or too much; nil: nothing yet
}

// maxFound bounds the conditional references that are remembered.
const maxFound = 100_000

// importGroup is the lines that are stored as one record.
type importGroup struct {
	pass    *importPass
	lines   []importLine
	results []imports.Result // of a Store that is called again
}

// importLine is one line on its way.
type importLine struct {
	imports.Line
	tape     *tape.Tape
	resource *resource
	refers   []condition
	waits    bool
	bad      *problem
	first    int // of a line that says the same as an earlier one of the group, the place of that; else -1
	change   record.Change
}

// Prepare implements imports.Pass.
func (p *importPass) Prepare(ctx context.Context, lines []imports.Line) (imports.Group, error) {
	g := &importGroup{pass: p, lines: make([]importLine, len(lines))}
	for i := range lines {
		g.lines[i] = importLine{Line: lines[i], first: -1}
	}
	g.each(func(l *importLine) { l.read(p.s) })
	if err := p.look(ctx, g.lines); err != nil {
		g.Release()
		return nil, err
	}
	g.once()
	v := &resolver{base: p.s.Base, found: p.found}
	q := &request{Context: ctx, access: p.access, own: p.s.Base}
	g.each(func(l *importLine) { l.prepare(p.s, q, v) })
	return g, nil
}

// each does something for every line that is not refused yet, on all processors.
func (g *importGroup) each(do func(*importLine)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(g.lines); i = int(next.Add(1)) - 1 {
				if l := &g.lines[i]; l.bad == nil && !l.waits && l.first < 0 {
					do(l)
				}
			}
		})
	}
	wait.Wait()
}

// read parses a line, and finds what it refers to on conditions.
func (l *importLine) read(s *Server) {
	if l.Text == nil {
		l.bad = fail(http.StatusRequestEntityTooLarge, "too-long", "the line is longer than any that is taken")
		return
	}
	l.tape = tape.Get()
	if err := l.tape.Parse(l.Text, tape.Limits{Bytes: len(l.Text), Depth: s.Limits.Depth, Nodes: resourceNodes}); err != nil {
		l.bad = parseProblem(err)
		return
	}
	root := l.tape.Root()
	r, bad := basics(root)
	switch {
	case bad != nil:
		l.bad = bad
	case s.tableOf(r.typ) == nil || r.typ == "AuditEvent":
		l.bad = fail(http.StatusUnprocessableEntity, "not-supported", "resources of this type are not stored by those who send them").at(root.Get("resourceType"))
	case l.Type != "" && r.typ != l.Type:
		l.bad = fail(http.StatusBadRequest, "invalid", "resourceType is not the type that the file was announced with").at(root.Get("resourceType"))
	case r.id == "":
		l.bad = fail(http.StatusBadRequest, "required", "the resource must carry the id that it is to have here").on(root, "id")
	case len(l.Text) > s.Limits.of(r.typ):
		l.bad = tooLong(s.Limits.of(r.typ))
	default:
		l.resource, l.refers = r, conditionsOf(nil, r)
	}
}

// look finds what the conditional references of lines mean. A line that refers to what is not there yet waits, unless it is the last pass.
func (p *importPass) look(ctx context.Context, lines []importLine) error {
	if len(p.found)+len(p.failed) > maxFound {
		p.found, p.failed = map[string]string{}, map[string]*problem{}
	}
	q := &request{Context: ctx, access: p.access, own: p.s.Base}
	var wanted []condition
	for i := range lines {
		for _, c := range lines[i].refers {
			_, failed := p.failed[c.text]
			if p.found[c.text] != "" || failed {
				continue
			}
			p.failed[c.text] = nil
			typ, raw, _ := strings.Cut(c.text, "?")
			parsed, bad := p.s.parseSearch(q, []string{typ}, raw, false)
			if bad == nil && (len(parsed.query.All) == 0 || parsed.control || parsed.query.Sort != nil) {
				bad = fail(http.StatusBadRequest, "value", "a condition needs search parameters, and no others")
			}
			if p.failed[c.text] = bad; bad == nil {
				wanted = append(wanted, c)
			}
		}
	}
	heads, err := p.s.match(q, wanted)
	if err != nil {
		for _, c := range wanted {
			delete(p.failed, c.text)
		}
		return err
	}
	for text, found := range heads {
		switch len(found) {
		case 0:
		case 1:
			p.found[text] = found[0].Type + "/" + found[0].ID
			delete(p.failed, text)
		default:
			p.failed[text] = severalMatch("the conditional reference")
		}
	}
	for i := range lines {
		p.settle(&lines[i])
	}
	return nil
}

// settle decides whether a line can be stored now.
func (p *importPass) settle(l *importLine) {
	for _, c := range l.refers {
		bad, failed := p.failed[c.text]
		switch {
		case !failed:
		case bad != nil:
			copied := &problem{status: bad.status, issues: append([]Issue(nil), bad.issues...)}
			l.bad = copied.at(c.at)
			return
		case p.last:
			l.bad = fail(http.StatusUnprocessableEntity, "not-found", "the conditional reference matches no resource").at(c.at)
			return
		default:
			l.waits = true
		}
	}
}

// once finds lines of one resource: those that say the same are stored once, and others are refused.
func (g *importGroup) once() {
	at := make(map[string]int, len(g.lines))
	for i := range g.lines {
		l := &g.lines[i]
		if l.bad != nil || l.waits {
			continue
		}
		ref := l.resource.typ + "/" + l.resource.id
		first, again := at[ref]
		switch {
		case !again:
			at[ref] = i
		case bytes.Equal(g.lines[first].Text, l.Text):
			l.first = first
		default:
			l.bad = problemOf(record.ErrRepeated).at(l.resource.root.Get("id"))
		}
	}
}

// prepare checks a resource, and makes the change that stores it.
func (l *importLine) prepare(s *Server, q *request, v *resolver) {
	r, bad := s.checked(l.resource, nil)
	if bad != nil {
		l.bad = bad
		return
	}
	change, err := s.changeOf(q, r, record.OpUpdate, r.id, v, "")
	if err != nil {
		l.bad = problemOf(err)
		return
	}
	l.change = change
}

// Store implements imports.Group.
func (g *importGroup) Store(ctx context.Context) ([]imports.Result, error) {
	p := g.pass
	if g.results == nil {
		changes, places := make([]record.Change, 0, len(g.lines)), make([]int, 0, len(g.lines))
		for i := range g.lines {
			if l := &g.lines[i]; l.bad == nil && !l.waits && l.first < 0 {
				l.change.Repeats = p.same.has(l.change.Type + "/" + l.change.ID)
				changes, places = append(changes, l.change), append(places, i)
			}
		}
		each, err := p.s.Store.WriteEach(ctx, p.access, changes, p.again)
		if err != nil {
			return nil, err
		}
		g.results = make([]imports.Result, len(g.lines))
		for i, place := range places {
			p.again = p.again && (each[i].Same || each[i].Err != nil) // beyond the first that is written anew nothing was
			g.lines[place].stored(&each[i], p.again, &g.results[place])
			if each[i].Same && !each[i].Mine {
				p.same.add(changes[i].Type + "/" + changes[i].ID)
			}
		}
	}
	if err := g.refuse(ctx); err != nil {
		return nil, err
	}
	for i := range g.lines {
		l := &g.lines[i]
		if l.first >= 0 {
			if g.results[i].Kind = imports.Unchanged; g.lines[l.first].bad != nil {
				l.bad = g.lines[l.first].bad
			}
		}
		switch {
		case l.waits:
			g.results[i].Kind = imports.Waits
		case l.bad != nil:
			g.results[i] = imports.Result{Kind: imports.Refused, Outcome: l.outcome()}
		}
	}
	return g.results, nil
}

// stored takes over what became of a line.
func (l *importLine) stored(e *record.Each, again bool, r *imports.Result) {
	switch {
	case e.Err != nil:
		if l.bad = problemOf(e.Err); l.change.Known && l.bad.status == http.StatusNotFound {
			l.bad = foreignID().at(l.resource.root.Get("id"))
		}
	case e.Same && !(e.Mine && again):
		r.Kind = imports.Unchanged
	case e.Op == record.OpCreate:
		r.Kind = imports.Created
	default:
		r.Kind = imports.Updated
	}
}

// refuse leaves the entries for lines that were refused: one for each chart that they are about, or in the organisation's own stream.
func (g *importGroup) refuse(ctx context.Context) error {
	var refs []string
	var first *problem
	refused := 0
	for i := range g.lines {
		l := &g.lines[i]
		if l.bad == nil {
			continue
		}
		refused++
		if first == nil || l.bad.status == http.StatusForbidden { // what was forbidden matters most
			first = l.bad
		}
		if l.resource != nil {
			refs = append(refs, l.resource.typ+"/"+l.resource.id)
		}
	}
	if refused == 0 {
		return nil
	}
	why := first.issues[0].Code + ": " + formatUint(uint64(refused)) + " lines of an import were refused, the first that counts for: " + first.issues[0].Text
	return g.pass.s.Store.Refuse(ctx, g.pass.access, refs, first.status, why)
}

// outcome says why a line was refused, and which.
func (l *importLine) outcome() []byte {
	issues := append([]Issue(nil), l.bad.issues...)
	for i := range issues {
		issues[i].Position = tape.Position{Line: int(l.Number), Column: max(1, issues[i].Column)}
	}
	body := appendOutcome(nil, issues...)
	const head = `{"resourceType":"OperationOutcome",`
	out := append(make([]byte, 0, len(body)+256), head+`"extension":[{"url":"`+exportExtension+`input","valueString":`...)
	out = append(tape.AppendQuoted(out, l.Input), `}],`...)
	return append(out, body[len(head):]...)
}

// Release implements imports.Group.
func (g *importGroup) Release() {
	for i := range g.lines {
		if t := g.lines[i].tape; t != nil {
			t.Release()
			g.lines[i].tape = nil
		}
	}
}
