package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// ErrNotShown is returned by ShowsEntry.
var ErrNotShown = errors.New("the AuditEvent does not say what its entry says")

// ShowsEntry holds an AuditEvent that this gate gave against the entry that a receipt proves: every element must be what the entry makes it. Its id,
// the block that it names and the server's own address are no part of the entry, and are taken as they stand; height is the block named, 0 for none.
func ShowsEntry(event []byte, o *verify.OpenedEntry) (height uint64, err error) {
	var shown struct {
		ID        string
		Extension []struct {
			Extension []struct {
				URL          string
				ValueDecimal uint64
			}
		}
		Agent []struct{ Network struct{ Address string } }
	}
	var plain bytes.Buffer
	if err := errors.Join(json.Unmarshal(event, &shown), json.Compact(&plain, event)); err != nil {
		return 0, err
	}
	e, err := verify.DecodeEntry(o.Body)
	if err != nil {
		return 0, err
	}
	for _, x := range shown.Extension {
		for _, y := range x.Extension {
			if y.URL == "block" {
				height = y.ValueDecimal
			}
		}
	}
	base := ""
	for _, a := range shown.Agent {
		if host := a.Network.Address; host != "" {
			base = "http://" + net.JoinHostPort(host, "80")
		}
	}
	if !bytes.Equal(plain.Bytes(), auditEvent(&record.Audited{ID: shown.ID, Entry: e, Tag: o.Tag, Height: height}, base)) {
		return height, ErrNotShown
	}
	return height, nil
}
