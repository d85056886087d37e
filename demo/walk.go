package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sijil-health/sijil/lang"
)

// step is one stop of the walk: what a newcomer types, and how the program itself checks that it does what it says.
type step struct {
	name     string // of its messages: walk.NAME.title, walk.NAME.text
	commands []string
	check    func(context.Context) error
}

// walk puts the steps together for what is loaded now.
func (d *Demo) walk(ctx context.Context) ([]step, error) {
	m := &d.File.Members[0]
	scan, err := d.scan(ctx, m)
	if err != nil {
		return nil, err
	}
	patient, document := scan.patient(), scan.ID
	result, err := d.first(ctx, m, "Observation?patient=Patient/"+patient+"&_count=1")
	if err != nil {
		return nil, err
	}
	observation := result.ID
	blob, err := d.scanFile(m)
	if err != nil {
		return nil, err
	}
	w := &walker{Demo: d, m: m, blob: blob, patient: patient, observation: observation, document: document}
	return []step{
		{"read", []string{
			w.define("TOKEN", "clinician"), w.define("AUDIT", "auditor"),
			w.curl("TOKEN", "/Patient/"+patient, ""),
		}, w.read},
		{"who", []string{w.curl("AUDIT", "/AuditEvent?patient=Patient/"+patient+"&_count=3", "")}, w.who},
		{"receipt", []string{
			w.curl("TOKEN", "/Observation/"+observation, "observation.json"),
			w.curl("TOKEN", "/Observation/"+observation+"/_history/1/$receipt", "receipt.json"),
			w.command("verify receipt.json --trust", Quote(d.File.Trust), "--resource observation.json"),
		}, w.receipt},
		{"damage", []string{
			"BLOB=" + Quote(blob),
			`printf '\377\000\377' | dd of="$BLOB" bs=1 seek=5000 conv=notrunc status=none`,
			w.curl("TOKEN", "/DocumentReference/"+document+"/_history/1", "document.json"),
			w.command("scrub --dir", Quote(m.Data)),
		}, w.damage},
		{"stop", []string{
			fmt.Sprintf("kill %d", d.File.Members[3].PID),
			w.curl("TOKEN", "/Observation", "") + " -H 'Content-Type: application/fhir+json' -d @observation.json",
			w.command("status --dir", Quote(m.Data)),
		}, w.stop},
	}, nil
}

// command is a call of this program that answers in the language of the walk.
func (w *walker) command(words ...string) string {
	return Quote(w.Self) + " " + strings.Join(words, " ") + w.LanguageFlag()
}

// LanguageFlag is what a printed command needs besides to answer in the language of the demonstration; English needs nothing.
func (d *Demo) LanguageFlag() string {
	if l := d.Say.Language(); l != lang.English {
		return " --lang " + string(l)
	}
	return ""
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote writes a word as a shell reads it (POSIX 2.2.2).
func Quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func (w *walker) define(name, token string) string {
	return fmt.Sprintf("%s=$(python3 -c 'import json;print(json.load(open(\"%s\"))[\"members\"][0][\"tokens\"][\"%s\"])')",
		name, filepath.Join(w.Dir, "demo.json"), token)
}

func (w *walker) curl(token, path, out string) string {
	c := fmt.Sprintf("curl -s -H \"Authorization: Bearer $%s\" '%s%s'", token, w.m.FHIR, path)
	if out != "" {
		c += " -o " + out
	}
	return c
}

// Walk prints the walk for a person.
func (d *Demo) Walk(ctx context.Context) error {
	steps, err := d.walk(ctx)
	if err != nil {
		return err
	}
	d.tell("walk.title")
	for i, s := range steps {
		fmt.Fprintln(d.Out)
		d.tell("walk.step", i+1, len(steps), d.Say.T("walk."+s.name+".title"))
		d.tell("walk." + s.name + ".text")
		for _, c := range s.commands {
			fmt.Fprintf(d.Out, "  %s\n", c)
		}
	}
	fmt.Fprintln(d.Out)
	return nil
}

// Check walks by itself. It goes on after a failure, so that all of them are named, and then gives an error.
func (d *Demo) Check(ctx context.Context) error {
	steps, err := d.walk(ctx)
	if err != nil {
		return err
	}
	failed := 0
	for _, s := range steps {
		d.tell("check.step", d.Say.T("walk."+s.name+".title"))
		if err := s.check(ctx); err != nil {
			failed++
			d.tell("check.failed", err)
			continue
		}
		d.tell("check.passed")
	}
	if failed > 0 {
		d.tell("check.somewhat", len(steps), failed)
		return fmt.Errorf("%d of %d steps of the walk do not hold", failed, len(steps))
	}
	d.tell("check.all", len(steps))
	return nil
}
