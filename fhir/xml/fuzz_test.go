package xml

import (
	"bytes"
	stdxml "encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Whatever is well-formed here is for encoding/xml too; and what becomes JSON comes back from it as that JSON.
func FuzzToJSON(f *testing.F) {
	for _, name := range shared.Files("data/fhir-tests/xml-json-pairs/*.xml") {
		if b, err := shared.Read(name); err == nil && len(b) < 8<<10 {
			f.Add(b)
		}
	}
	f.Add([]byte(patient + `<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><![CDATA[x]]>&#x41;</div></text><active value='true'/></Patient>`))
	f.Add([]byte(`<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:text><f:status value="empty"/><h:div xml:lang="ar">x</h:div></f:text></f:Patient>`))
	f.Fuzz(func(t *testing.T, src []byte) {
		var d Document
		if err := d.Parse(src, Limits{}); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		dec := stdxml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))))
		dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
		for {
			if _, err := dec.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%q: %v", src, err)
			}
		}
		first, _, err := d.JSON(false)
		if err != nil {
			return
		}
		var p tape.Tape
		if p.Parse(first, tape.Limits{}) != nil {
			return // too deep, or a string of a size that only XML can have
		}
		out, err := FromJSON(nil, p.Root(), true)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, _, err := ToJSON(out, Limits{})
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s\n%s\n%s\n%v", first, out, second, err)
		}
	})
}

// Whatever JSON is said in XML is read again, and said the same way.
func FuzzFromJSON(f *testing.F) {
	for _, name := range shared.Files("data/fhir/hl7-r4-examples/*.json") {
		if b, err := shared.Read(name); err == nil && len(b) < 3<<10 {
			f.Add(b)
		}
	}
	f.Add([]byte(`{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"i"}]}]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		var p tape.Tape
		if p.Parse(src, tape.Limits{}) != nil {
			return
		}
		first, err := FromJSON(nil, p.Root(), false)
		if err != nil {
			return
		}
		json, _, err := ToJSON(first, Limits{})
		if err != nil {
			return // numbers and other forms that the gate refuses, or what is empty
		}
		if err := p.Parse(json, tape.Limits{}); err != nil {
			t.Fatalf("%s: %v", json, err)
		}
		second, err := FromJSON(nil, p.Root(), false)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s\n%s\n%v", first, second, err)
		}
	})
}
