package fhir

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// jsonTypes are the names by which FHIR's JSON is asked for and sent.
var jsonTypes = map[string]bool{
	"json": true, "application/json": true, "application/fhir+json": true, "text/json": true, "application/json+fhir": true,
}

// xmlTypes are those of its XML.
var xmlTypes = map[string]bool{
	"xml": true, "application/xml": true, "application/fhir+xml": true, "text/xml": true, "application/xml+fhir": true,
}

// acceptable tells whether the client takes JSON or XML.
func acceptable(r *http.Request) error {
	_, err := wantsXML(r)
	return err
}

// wantsXML tells whether the client is to be answered in XML: by _format, which goes first, or by Accept. Where it does not mind, it is answered
// in the form in which it speaks.
func wantsXML(r *http.Request) (bool, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return false, fail(http.StatusBadRequest, "value", "the query string is malformed")
	}
	if formats := slices.Compact(slices.Clone(values["_format"])); len(formats) > 1 {
		return false, fail(http.StatusBadRequest, "value", "_format is given twice, with different values")
	}
	if format := values.Get("_format"); format != "" {
		format = strings.ReplaceAll(format, " ", "+") // "+" in a query is a space
		if isXML(format) || isJSON(format) {
			return isXML(format), nil
		}
		return false, notAcceptable()
	}
	either := isXML(r.Header.Get("Content-Type"))
	best, chosen, wishes := 0.0, false, false
	for item := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if strings.TrimSpace(item) == "" {
			continue // the list may be empty, and so may its elements (RFC 9110, sections 12.5.1 and 5.6.1.2)
		}
		wishes = true
		if quality, form, ok := accepted(item, either); ok && quality > best {
			best, chosen = quality, form
		}
	}
	if !wishes {
		return either, nil
	}
	if best == 0 {
		return false, notAcceptable()
	}
	return chosen, nil
}

// accepted reads an item of Accept: whether it means one of the two forms, which, and how much it is liked (RFC 9110, section 12.4.2).
func accepted(item string, either bool) (quality float64, xml, ok bool) {
	typ, params, err := mime.ParseMediaType(item)
	if err != nil {
		return 0, false, false
	}
	quality = 1
	if q, named := params["q"]; named {
		if quality, err = strconv.ParseFloat(q, 64); err != nil {
			return 0, false, false
		}
	}
	if typ == "*/*" || typ == "application/*" {
		return quality, either, true
	}
	return quality, isXML(item), isXML(item) || isJSON(item)
}

func notAcceptable() *problem {
	return fail(http.StatusNotAcceptable, "not-supported", "answers are in application/fhir+json or application/fhir+xml; fhirVersion=4.0 only")
}

// isJSON tells whether a media type is FHIR's JSON, of the right version if it names one.
func isJSON(s string) bool { return isOf(jsonTypes, s) }

// isXML is the same for its XML.
func isXML(s string) bool { return isOf(xmlTypes, s) }

func isOf(types map[string]bool, s string) bool {
	typ, params, err := mime.ParseMediaType(s)
	return err == nil && types[typ] && isR4(params)
}

func isR4(params map[string]string) bool {
	version, named := params["fhirversion"]
	return !named || version == "4.0"
}

// isUTF8 refuses a body that says it is written in anything but UTF-8, as which it would be read (RFC 8259, 8.1; FHIR R4, 2.6.2).
func isUTF8(r *http.Request) error {
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch charset, named := params["charset"]; {
	case !named, strings.EqualFold(charset, "utf-8"), strings.EqualFold(charset, "utf8"):
		return nil
	}
	return fail(http.StatusUnsupportedMediaType, "not-supported", "bodies are taken in UTF-8 only: send them as charset=utf-8, or name no charset")
}

// isBody checks the Content-Type of a body that is a resource.
func isBody(r *http.Request) error {
	typ := r.Header.Get("Content-Type")
	if _, params, err := mime.ParseMediaType(typ); err == nil && !isR4(params) {
		return fail(http.StatusUnsupportedMediaType, "not-supported", "resources are taken of FHIR R4 only: fhirVersion=4.0, or none")
	}
	if typ != "" && !isJSON(typ) && !isXML(typ) {
		return fail(http.StatusUnsupportedMediaType, "not-supported", "the body must be JSON or XML: send it as Content-Type: application/fhir+json or application/fhir+xml")
	}
	return isUTF8(r)
}

// oneCondition refuses a condition that says nothing: what is asked on a condition must not be done without it.
func oneCondition(r *http.Request) error {
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-None-Exist"} {
		values := r.Header.Values(name)
		if len(values) > 1 || len(values) == 1 && strings.TrimSpace(values[0]) == "" {
			return fail(http.StatusBadRequest, "value", "%s must stand once and say something, or be left out", name)
		}
	}
	// Clients that fetch what they made on a condition send the same headers again: nothing is made by that.
	if asks := r.Method == http.MethodGet || r.Method == http.MethodHead; !asks && r.Header.Get("If-None-Exist") != "" && r.Method != http.MethodPost {
		return fail(http.StatusBadRequest, "not-supported", "If-None-Exist is no condition of %s", r.Method)
	}
	return nil
}
