package fhir

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// instantFormat is how the gate writes a FHIR instant.
const instantFormat = "2006-01-02T15:04:05.000Z"

// Apply gives the form that is served: source with the edits made.
func Apply(source []byte, edits []record.Edit) []byte {
	size := len(source)
	for _, e := range edits {
		size += len(e.Insert) - e.Delete
	}
	served, from := make([]byte, 0, size), 0
	for _, e := range edits {
		served = append(served, source[from:e.Offset]...)
		served = append(served, e.Insert...)
		from = e.Offset + e.Delete
	}
	return append(served, source[from:]...)
}

// stored gives what of a resource is kept as its source, byte for byte as it was received, and the edits that make of it what is served. XML is
// served as the JSON that it says: all of the source is replaced.
func (r *resource) stored(id string, replaced []record.Edit) ([]byte, func(uint64, time.Time) []record.Edit) {
	if r.places == nil {
		source, before := r.root.Document()
		return source, r.edits(id, replaced, before)
	}
	source, edits := r.places.Source(r.root.Start()), r.edits(id, replaced, 0)
	return source, func(version uint64, at time.Time) []record.Edit {
		return []record.Edit{{Delete: len(source), Insert: inOrder(Apply(r.root.Raw(), edits(version, at)))}}
	}
}

// edits gives the edits that make a resource what is served under id, with the replacements of its references already found.
// Only these bytes change: id, meta.versionId, meta.lastUpdated and the references. before is how many bytes of the source, white
// space, come before the resource.
func (r *resource) edits(id string, replaced []record.Edit, before int) func(uint64, time.Time) []record.Edit {
	return func(version uint64, at time.Time) []record.Edit {
		list := make([]record.Edit, 0, 3+len(replaced))
		list = r.serverFields(list, id, version, at)
		list = append(list, replaced...)
		if len(replaced) > 0 || len(list) > 1 {
			slices.SortFunc(list, func(a, b record.Edit) int { return cmp.Compare(a.Offset, b.Offset) })
		}
		for i := range list {
			list[i].Offset += before
		}
		return list
	}
}

func (r *resource) serverFields(list []record.Edit, id string, version uint64, at time.Time) []record.Edit {
	var after []byte // what is inserted after resourceType, or after id where there is one
	anchor := r.root.Get("resourceType")
	if own := r.root.Get("id"); !own.Exists() {
		after = append(after, `,"id":"`+id+`"`...)
	} else {
		anchor = own
		if r.id != id || !own.Plain() {
			list = append(list, r.replace(own, `"`+id+`"`))
		}
	}
	versionID := `"versionId":"` + strconv.FormatUint(version, 10) + `"`
	updated := `"lastUpdated":"` + at.UTC().Format(instantFormat) + `"`
	meta := r.root.Get("meta")
	if !meta.Exists() {
		after = append(after, `,"meta":{`+versionID+`,`+updated+`}`...)
	} else {
		list = r.metaFields(list, meta, versionID, updated)
	}
	if len(after) > 0 {
		list = append(list, record.Edit{Offset: anchor.End() - r.root.Start(), Insert: after})
	}
	return list
}

// metaFields puts both fields into a meta that is there: over their values, or before its first member.
func (r *resource) metaFields(list []record.Edit, meta tape.Value, versionID, updated string) []record.Edit {
	var inserted []byte
	for _, field := range []struct{ name, text string }{{"versionId", versionID}, {"lastUpdated", updated}} {
		if own := meta.Get(field.name); own.Exists() {
			list = append(list, r.replace(own, field.text[len(field.name)+3:]))
			continue
		}
		if len(inserted) > 0 {
			inserted = append(inserted, ',')
		}
		inserted = append(inserted, field.text...)
	}
	if len(inserted) == 0 {
		return list
	}
	if meta.Len() > 0 {
		inserted = append(inserted, ',')
	}
	return append(list, record.Edit{Offset: meta.Start() + 1 - r.root.Start(), Insert: inserted})
}

// replace puts text, a JSON value, in place of v.
func (r *resource) replace(v tape.Value, text string) record.Edit {
	return record.Edit{Offset: v.Start() - r.root.Start(), Delete: v.End() - v.Start(), Insert: []byte(text)}
}
