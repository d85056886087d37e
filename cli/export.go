package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// maxExported bounds one answer of the gate that an export reads, in bytes.
const maxExported = 64 << 20

func (a *app) export() *cobra.Command {
	var x exporting
	c := &cobra.Command{
		Use:   "export Patient/ID --fhir URL --token TOKEN --out DIR",
		Short: "Write a patient's record to files, each resource with the receipt that proves it",
		Long: `Reads everything of one patient through the FHIR gate, as the token's owner, and writes for each resource a file and the receipt of its
current version. Whoever gets the directory checks it without a network and without us:

  sijil verify DIR/Observation/ID.receipt.json --trust trust.json --resource DIR/Observation/ID.json

Each resource and each receipt handed out is an entry of the chart.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !patientForm.MatchString(args[0]) {
				return misuse("%q is no Patient/ID", args[0])
			}
			if x.token == "" {
				x.token = os.Getenv("SIJIL_TOKEN")
			}
			if x.fhir == "" || x.token == "" || x.out == "" {
				return misuse("--fhir, --out, and --token (or SIJIL_TOKEN) are needed")
			}
			n, err := x.run(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"resources": n, "out": x.out})
			}
			a.tell("export.done", n)
			a.printf("  %s\n", x.out)
			return nil
		},
	}
	c.Flags().StringVar(&x.fhir, "fhir", "", "base URL of the FHIR gate")
	c.Flags().StringVar(&x.token, "token", "", "bearer token of who may read the record (or SIJIL_TOKEN)")
	c.Flags().StringVar(&x.out, "out", "", "directory to make")
	return a.jsonFlag(c)
}

var patientForm = regexp.MustCompile(`^Patient/[A-Za-z0-9\-.]{1,64}$`)

type exporting struct{ fhir, token, out string }

// run exports the patient and everything that the gate finds by the parameter patient, type by type.
func (x *exporting) run(ctx context.Context, patient string) (resources int, err error) {
	if err := os.Mkdir(x.out, 0o700); err != nil {
		return 0, err
	}
	types, err := x.types(ctx)
	if err != nil {
		return 0, err
	}
	if err := x.resource(ctx, patient); err != nil {
		return 0, err
	}
	resources = 1
	for _, typ := range types {
		next := x.fhir + "/" + typ + "?_count=200&patient=" + url.QueryEscape(patient)
		for next != "" {
			var refs []string
			if refs, next, err = x.page(ctx, next); err != nil {
				return resources, err
			}
			for _, ref := range refs {
				if err := x.resource(ctx, ref); err != nil {
					return resources, err
				}
				resources++
			}
		}
	}
	return resources, nil
}

// types lists the resource types that can be searched by patient, as the gate's CapabilityStatement says.
func (x *exporting) types(ctx context.Context) (types []string, err error) {
	b, err := x.get(ctx, x.fhir+"/metadata")
	if err != nil {
		return nil, err
	}
	var statement struct {
		Rest []struct {
			Resource []struct {
				Type        string
				SearchParam []struct{ Name string }
			}
		}
	}
	if err := json.Unmarshal(b, &statement); err != nil {
		return nil, err
	}
	for _, rest := range statement.Rest {
		for _, r := range rest.Resource {
			for _, p := range r.SearchParam {
				if p.Name == "patient" && r.Type != "AuditEvent" {
					types = append(types, r.Type)
				}
			}
		}
	}
	return types, nil
}

func (x *exporting) page(ctx context.Context, from string) (refs []string, next string, err error) {
	b, err := x.get(ctx, from)
	if err != nil {
		return nil, "", err
	}
	var bundle struct {
		Link  []struct{ Relation, URL string }
		Entry []struct {
			Resource struct{ ResourceType, ID string }
		}
	}
	if err := json.Unmarshal(b, &bundle); err != nil {
		return nil, "", err
	}
	for _, l := range bundle.Link {
		if l.Relation == "next" {
			next = l.URL
		}
	}
	for _, e := range bundle.Entry {
		if e.Resource.ID != "" {
			refs = append(refs, e.Resource.ResourceType+"/"+e.Resource.ID)
		}
	}
	return refs, next, nil
}

// resource writes TYPE/ID.json and TYPE/ID.receipt.json.
func (x *exporting) resource(ctx context.Context, ref string) error {
	body, err := x.get(ctx, x.fhir+"/"+ref)
	if err != nil {
		return err
	}
	var r struct{ Meta struct{ VersionID string } }
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	receipt, err := x.get(ctx, x.fhir+"/"+ref+"/_history/"+r.Meta.VersionID+"/$receipt")
	if err != nil {
		return err
	}
	typ, id, _ := strings.Cut(ref, "/")
	if err := os.MkdirAll(filepath.Join(x.out, typ), 0o700); err != nil {
		return err
	}
	path := filepath.Join(x.out, typ, id)
	if err := os.WriteFile(path+".json", body, 0o600); err != nil {
		return err
	}
	return os.WriteFile(path+".receipt.json", receipt, 0o600)
}

func (x *exporting) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+x.token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxExported))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s: %.300s", address, resp.Status, b)
	}
	return b, nil
}
