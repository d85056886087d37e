package fhir

import (
	"encoding/json"

	"github.com/sijil-health/sijil/bulk"
)

// exportExtension begins the names of what a manifest says beyond the standard.
const exportExtension = "https://sijil.health/fhir/bulk/"

// exportOutput is a file in a manifest (Bulk Data Access 2.0.0, section 2.5.7.2).
type exportOutput struct {
	Type      string         `json:"type"`
	URL       string         `json:"url"`
	Count     int            `json:"count"`
	Extension map[string]any `json:"extension,omitempty"`
}

// exportManifest says where the files of an export are. Each file of resources names the one of their receipts; the manifest names the list of all
// files and the receipt of the entry that commits to it.
func exportManifest(at string, l *bulk.List) ([]byte, error) {
	outputs := func(list []bulk.Listed, receipts []bulk.Listed) []exportOutput {
		out := make([]exportOutput, len(list))
		for i, f := range list {
			out[i] = exportOutput{Type: f.Type, URL: at + f.Name, Count: f.Count}
			if receipts != nil {
				out[i].Extension = map[string]any{exportExtension + "receipts": at + receipts[i].Name, exportExtension + "sha256": f.SHA256}
			}
		}
		return out
	}
	return json.Marshal(map[string]any{
		"transactionTime": l.Time.Format(instantFormat), "request": l.Request, "requiresAccessToken": true,
		"output": outputs(l.Output, l.Receipts), "deleted": []exportOutput{}, "error": outputs(l.Error, nil),
		"extension": map[string]any{exportExtension + "files": at + bulk.ListName, exportExtension + "receipt": at + bulk.ReceiptName},
	})
}
