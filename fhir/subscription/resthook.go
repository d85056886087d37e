package subscription

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sijil-health/sijil/record"
)

// errForGood is what a receiver that is not coming back is given up by at once.
var errForGood = errors.New("the receiver is gone")

// refused is an answer of a receiver that is no success.
type refused int

// Error says which status it answered.
func (s refused) Error() string { return fmt.Sprintf("it answered with status %d", int(s)) }

// Is tells 410 Gone (RFC 9110, 15.5.11) from what may pass.
func (s refused) Is(target error) bool { return s == http.StatusGone && target == errForGood }

// SignatureHeader is that of a notification's signature.
const SignatureHeader = "Sijil-Signature"

// Sign gives the value of SignatureHeader for a body that is sent at a time: "t=SECONDS,v1=HEX", HEX being the HMAC-SHA256 under the secret of "SECONDS." and
// the body. The time is in it so that nobody can send an old notification again.
func Sign(secret, body []byte, at time.Time) string {
	t := decimal(uint64(at.Unix()))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// post sends a message to the endpoint of a rest-hook: by topic a Bundle; by criteria an empty body, or the resource, as an update below the endpoint (FHIR
// R4, Subscription.channel).
func (x *Subscriptions) post(ctx context.Context, w *watch, m *message) error {
	method, address, body := http.MethodPost, w.endpoint, []byte(nil)
	switch {
	case w.topic != "":
		body = x.bundle(w, &m.notification)
	case m.giving == record.GiveContent && m.told[0].version != nil && m.told[0].version.Body != nil:
		v := m.told[0].version
		u, err := url.Parse(w.endpoint)
		if err != nil {
			return errForGood
		}
		method, address, body = http.MethodPut, u.JoinPath(v.Type, v.ID).String(), v.Body
	}
	form := w.payload
	if form == "" && body != nil {
		form = mimeJSON
	}
	body, err := inForm(form, body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return errForGood
	}
	for _, h := range w.header {
		r.Header.Add(h[0], h[1])
	}
	if body != nil {
		r.Header.Set("Content-Type", form)
	}
	r.Header.Set("User-Agent", "Sijil")
	secret, err := x.book.secret(w.id())
	if err != nil {
		return errors.Join(errForGood, err)
	}
	if secret != nil {
		r.Header.Set(SignatureHeader, Sign(secret, body, time.Now()))
	}
	return x.exchange(r)
}

func (x *Subscriptions) exchange(r *http.Request) error {
	if x.reader.endpoints.refuses(r.URL.String()) != "" {
		return errors.Join(errForGood, errPrivate)
	}
	c := x.public
	if x.reader.endpoints.named(r.URL) {
		c = x.named
	}
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be used again; what it says does not matter
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return refused(answer.StatusCode)
	}
	return nil
}

// reason says why something could not be sent, to whoever reads the Subscription: no address, which may hold a secret, and nothing that the receiver said.
func reason(err error) string {
	var status refused
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &status):
		return status.Error()
	case errors.Is(err, errPrivate):
		return "its address is not public, and the node's operator has not allowed it"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	}
	return "it could not be reached, or broke off"
}
