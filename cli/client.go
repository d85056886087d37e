package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// client is who asks, and at which FHIR gate.
type client struct{ fhir, token string }

// check reads what was typed, and SIJIL_TOKEN. missing is the message that says which flags are needed.
func (c *client) check(a *app, missing string) error {
	if c.token == "" {
		c.token = os.Getenv("SIJIL_TOKEN")
	}
	c.token = strings.TrimSpace(c.token)
	if strings.ContainsFunc(c.token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return a.misuse("usage.token_form")
	}
	if c.fhir == "" || c.token == "" {
		return a.misuse(missing)
	}
	base, err := url.Parse(strings.TrimSuffix(c.fhir, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return a.misuse("usage.fhir", c.fhir)
	}
	c.fhir = base.String()
	return nil
}

// refused is the error of an answer that is not what was asked for.
func refused(method, address string, resp *http.Response, body []byte) error {
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s %s: %w: %s: %.300s", method, address, errToken, resp.Status, body)
	case http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%s %s: %w: %s: %.300s", method, address, errGone, resp.Status, body)
	}
	return fmt.Errorf("%s %s: %s: %.300s", method, address, resp.Status, body)
}
