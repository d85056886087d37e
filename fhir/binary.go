package fhir

import (
	"bytes"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// octets is the media type of content of which nothing else is known.
const octets = "application/octet-stream"

// loadBinary reads a body that is sent to Binary: as the content of one, unless it is a Binary resource itself (FHIR R4, 2.31.4). What is stored is the
// resource that the content stands for.
func (b *body) loadBinary(q *request, limit int) error {
	if err := isUTF8(b.r); isJSON(b.r.Header.Get("Content-Type")) && err != nil {
		return err
	}
	src, err := b.read(limit)
	if err != nil {
		return err
	}
	typ := b.r.Header.Get("Content-Type")
	if isXML(typ) {
		json, places, err := jsonOf(src, limit, resourceNodes)
		switch named, _, _ := mime.ParseMediaType(typ); {
		case err == nil && bytes.HasPrefix(json, []byte(`{"resourceType":"Binary"`)):
			src, q.places, typ = json, places, fhirJSON
		case named == "application/fhir+xml" && err != nil:
			return err
		}
	}
	q.tape = tape.Get()
	if typ == "" || isJSON(typ) {
		err := q.tape.Parse(src, tape.Limits{Bytes: limit, Depth: b.s.Limits.Depth, Nodes: resourceNodes})
		if q.places != nil {
			q.tape.Locate(q.places.Position)
		}
		if q.body = q.tape.Root(); err == nil && q.body.Get("resourceType").Is("Binary") {
			return nil
		}
		if err != nil && typ != "" {
			return parseProblem(err)
		}
	}
	if typ == "" {
		typ = octets
	}
	if _, _, err := mime.ParseMediaType(typ); err != nil {
		return fail(http.StatusUnsupportedMediaType, "not-supported", "Content-Type is no media type")
	}
	doc := binaryOf(q.id, typ, b.r.Header.Get("X-Security-Context"), src)
	b.place.keep(len(src) + len(doc))
	if len(doc) > limit {
		return tooLong(limit / 4 * 3)
	}
	if err := q.tape.Parse(doc, tape.Limits{Bytes: limit, Depth: b.s.Limits.Depth, Nodes: resourceNodes}); err != nil {
		return parseProblem(err)
	}
	q.body = q.tape.Root()
	return nil
}

// binaryOf makes the Binary of some content.
func binaryOf(id, typ, context string, content []byte) []byte {
	b := make([]byte, 0, 256+len(typ)+len(context)+base64.StdEncoding.EncodedLen(len(content)))
	b = append(b, `{"resourceType":"Binary"`...)
	if id != "" {
		b = append(b, `,"id":"`+id+`"`...)
	}
	b = tape.AppendQuoted(append(b, `,"contentType":`...), typ)
	if context != "" {
		b = tape.AppendQuoted(append(b, `,"securityContext":{"reference":`...), context)
		b = append(b, '}')
	}
	if len(content) > 0 {
		b = append(b, `,"data":"`...)
		b = base64.StdEncoding.AppendEncode(b, content)
		b = append(b, '"')
	}
	return append(b, '}')
}

// rawRead tells whether a request reads one version of a Binary, which may be answered with its content alone.
func (s *Server) rawRead(q *request, r *http.Request) bool {
	if q.typ != "Binary" || q.id == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	parts := strings.Split(s.below(r), "/")
	return len(parts) == 2 || len(parts) == 4
}

// binary turns the answer to a read of a Binary into its content, unless FHIR is what the client asks for.
func (q *request) binary(a *answer, v *record.Version) error {
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(v.Body, tape.Limits{Bytes: len(v.Body)}); err != nil {
		return err // what is stored was parsed once
	}
	root := t.Root()
	typ := root.Get("contentType").Text()
	if _, _, err := mime.ParseMediaType(typ); err != nil {
		typ = octets
	}
	raw, err := takes(q.raw, typ)
	if !raw || err != nil {
		return err
	}
	data := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, root.Get("data").Text())
	content, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return fail(http.StatusNotAcceptable, "not-supported", "the content is no base64 that can be read; ask for application/fhir+json")
	}
	a.body, a.media = content, typ
	q.header.Set("Content-Security-Policy", "sandbox; default-src 'none'") // it is somebody else's content, and this may be a browser
	if context := root.Get("securityContext").Get("reference"); context.Exists() {
		q.header.Set("X-Security-Context", headerSafe(context.Text()))
	}
	return nil
}

// headerSafe leaves out what cannot stand in a header.
func headerSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}

// takes tells whether a client takes content of a type as it is. JSON that is asked for by a name that is not FHIR's alone is the content's, if that is JSON.
func takes(r *http.Request, typ string) (raw bool, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || values.Get("_format") != "" {
		return false, acceptable(r)
	}
	own, _, _ := mime.ParseMediaType(typ)
	family, _, _ := strings.Cut(own, "/")
	accepts := r.Header.Values("Accept")
	if len(accepts) == 0 {
		return true, nil
	}
	fhir := false
	for _, accept := range accepts {
		for item := range strings.SplitSeq(accept, ",") {
			asked, _, err := mime.ParseMediaType(item)
			switch {
			case err != nil:
			case asked == own && !strings.Contains(asked, "fhir"):
				return true, nil
			case isJSON(item), isXML(item):
				fhir = true
			case asked == "*/*", asked == family+"/*", asked == own:
				raw = true
			}
		}
	}
	if !fhir && !raw {
		return false, fail(http.StatusNotAcceptable, "not-supported", "the content is of another type than asked for; as a resource it is given in application/fhir+json")
	}
	return raw && !fhir, nil
}
