package fhir

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// jsonTypes are the names by which FHIR's JSON is asked for and sent.
var jsonTypes = map[string]bool{
	"json": true, "application/json": true, "application/fhir+json": true, "text/json": true, "application/json+fhir": true,
}

// acceptable tells whether the client takes JSON: by _format, which goes first, or by Accept.
func acceptable(r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fail(http.StatusBadRequest, "value", "the query string is malformed")
	}
	if format := values.Get("_format"); format != "" {
		if isJSON(strings.ReplaceAll(format, " ", "+")) { // "+" in a query is a space
			return nil
		}
		return notAcceptable()
	}
	accepts := r.Header.Values("Accept")
	if len(accepts) == 0 {
		return nil
	}
	for _, accept := range accepts {
		for item := range strings.SplitSeq(accept, ",") {
			if typ, _, _ := strings.Cut(strings.TrimSpace(item), ";"); typ == "*/*" || typ == "application/*" || isJSON(item) {
				return nil
			}
		}
	}
	return notAcceptable()
}

func notAcceptable() *problem {
	return fail(http.StatusNotAcceptable, "not-supported", "answers are in application/fhir+json; fhirVersion=4.0 only")
}

// isJSON tells whether a media type is FHIR's JSON, of the right version if it names one.
func isJSON(s string) bool {
	typ, params, err := mime.ParseMediaType(s)
	if err != nil {
		return false
	}
	version, named := params["fhirversion"]
	return jsonTypes[typ] && (!named || version == "4.0")
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
	if typ := r.Header.Get("Content-Type"); typ != "" && !isJSON(typ) {
		return fail(http.StatusUnsupportedMediaType, "not-supported", "the body must be JSON: send it as Content-Type: application/fhir+json")
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
	if r.Header.Get("If-None-Exist") != "" && r.Method != http.MethodPost {
		return fail(http.StatusBadRequest, "not-supported", "If-None-Exist is no condition of %s", r.Method)
	}
	return nil
}
