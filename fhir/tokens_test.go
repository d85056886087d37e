package fhir

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sijil-health/sijil/record"
)

// tokens authorises "Bearer <actor>": anybody but "mallory", who is known and may nothing. Patients are confined to their own chart.
type tokens struct{}

func (tokens) Authorize(r *http.Request) (record.Access, error) {
	actor, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return record.Access{}, fmt.Errorf("tokens: %w", ErrUnauthenticated)
	}
	a := record.Access{Actor: actor, Role: "clinician", Purpose: "TREAT", Org: hex.EncodeToString(make([]byte, 8))}
	if actor == "auditor" {
		a.Role, a.Purpose = "auditor", "HCOMPL"
	}
	if strings.HasPrefix(actor, "Patient/") {
		a.Role, a.Purpose, a.Chart = "patient", "PATRQT", actor
	}
	if actor == "mallory" {
		return a, errors.Join(record.ErrForbidden)
	}
	return a, nil
}
