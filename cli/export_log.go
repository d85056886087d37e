package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// runLog exports the log of a patient's chart: every entry that there is when it begins, as an AuditEvent, with the receipt that proves it. What
// the export itself asks for comes after those.
func (x *exporting) runLog(ctx context.Context, patient string) (entries int, err error) {
	if err := os.Mkdir(x.out, 0o700); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil && entries == 0 {
			_ = os.RemoveAll(x.out) // made just now, and nothing of the record is in it: the next try shall not find it there
		}
	}()
	events, err := x.events(ctx, patient)
	if err != nil {
		return 0, err
	}
	if len(events) == 0 && len(x.missing) == 0 {
		return 0, fmt.Errorf("%s: %w", patient, errNoPatient)
	}
	if err := x.trust(ctx); err != nil {
		return 0, err
	}
	if err := os.Mkdir(filepath.Join(x.out, auditType), 0o700); err != nil {
		return 0, err
	}
	for _, e := range events {
		receipt, err := x.get(ctx, x.fhir+"/"+auditType+"/"+e.id+"/$receipt")
		if err != nil {
			return entries, err
		}
		name := filepath.Join(x.out, auditType, e.id)
		if err := os.WriteFile(name+".json", e.body, 0o600); err != nil {
			return entries, err
		}
		if err := os.WriteFile(name+receiptEnding, receipt, 0o600); err != nil {
			return entries, err
		}
		entries++
	}
	if len(x.missing) > 0 {
		return entries, fmt.Errorf("%d entries were written to %s, and that is not the whole log: %q", entries, x.out, x.missing)
	}
	return entries, nil
}

const (
	auditType     = "AuditEvent"
	receiptEnding = ".receipt.json"
)

// auditEvent is one line of a chart's log.
type auditEvent struct {
	id   string
	body []byte
}

// events reads all pages of a search for a chart's AuditEvents.
func (x *exporting) events(ctx context.Context, patient string) (events []auditEvent, err error) {
	for query := "_count=200&patient=" + url.QueryEscape(patient); query != ""; {
		b, err := x.get(ctx, x.fhir+"/"+auditType+"?"+query)
		if err != nil {
			return nil, err
		}
		if _, query, err = x.listed(b, auditType, query); err != nil {
			return nil, err
		}
		var bundle struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(b, &bundle); err != nil {
			return nil, err
		}
		for _, e := range bundle.Entry {
			var r struct{ ResourceType, ID string }
			if err := json.Unmarshal(e.Resource, &r); err != nil {
				return nil, err
			}
			if r.ResourceType == auditType {
				events = append(events, auditEvent{r.ID, e.Resource})
			}
		}
	}
	return events, nil
}
