package fhir

import (
	"regexp"
	"strings"
)

// detail is what the entry says was asked for, without what would let its readers act for somebody.
func detail(method, path, query string) string {
	d := method + " " + path
	if query != "" {
		d += "?" + query
	}
	return clip(withoutSecrets(d))
}

// A bearer token has no business in an address. Where one stands there all the same, whoever reads the entry must not get it. The first
// form is that of a token, wherever it stands; the second a parameter that is meant for one (RFC 6750, section 2.3; RFC 6749).
var (
	tokenForm   = regexp.MustCompile(`eyJ[A-Za-z0-9_-]*(\.|%2[eE])[A-Za-z0-9_-]*((\.|%2[eE])[A-Za-z0-9_-]*)?`)
	secretParam = regexp.MustCompile(`(?i)([?&](access_token|id_token|refresh_token|token|bearer|authorization|client_secret|client_assertion|password)=)[^&]*`)
)

func withoutSecrets(d string) string {
	if !strings.Contains(d, "eyJ") && !strings.Contains(d, "?") {
		return d
	}
	return secretParam.ReplaceAllString(tokenForm.ReplaceAllString(d, "[token]"), "$1[left out]")
}

func clip(detail string) string {
	return strings.ToValidUTF8(detail[:min(len(detail), MaxDetail)], "\uFFFD")
}
