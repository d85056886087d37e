package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/verify"
)

// Limits of an export.
const (
	maxExported    = 64 << 20        // bytes of one answer of the gate
	exportPatience = 5 * time.Minute // for one answer, its body included
)

func (a *app) export() *cobra.Command {
	var x exporting
	c := &cobra.Command{
		Use:  "export Patient/ID --fhir URL --token TOKEN --out DIR",
		Args: a.args(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if typ, id, _ := strings.Cut(args[0], "/"); typ != "Patient" || !idForm.MatchString(id) {
				return a.misuse("usage.patient", args[0])
			}
			if err := x.check(a, "usage.export"); err != nil {
				return err
			}
			if x.out == "" {
				return a.misuse("usage.export")
			}
			what, write := "resources", x.run
			if x.log {
				what, write = "entries", x.runLog
			}
			n, err := write(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{what: n, "out": x.out})
			}
			a.tell("export.done."+what, n)
			a.printf("  %s\n", x.out)
			a.tell("export.check")
			a.printf("  sijil verify %[1]s --trust %[1]s/trust.json\n", x.out)
			a.tell("export.compare")
			return nil
		},
	}
	c.Flags().StringVar(&x.fhir, "fhir", "", "")
	c.Flags().StringVar(&x.token, "token", "", "")
	c.Flags().StringVar(&x.out, "out", "", "")
	c.Flags().BoolVar(&x.log, "log", false, "")
	return a.jsonFlag(c)
}

// What the gate names becomes part of file names and addresses: it must have these forms (FHIR R4, 2.24.0.1), which hold no slash.
var (
	typeForm    = regexp.MustCompile(`^[A-Z][A-Za-z]{1,63}$`)
	idForm      = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)
	versionForm = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)
)

// errGone says that the gate has no such resource, or not any more.
var errGone = errors.New("it is not there")

type exporting struct {
	client
	out     string
	log     bool     // the log of the chart instead of its resources
	missing []string // what searches said of resources that they could not give
}

// exportClient follows nobody elsewhere: the token is for the gate that was named.
var exportClient = &http.Client{
	Timeout:       exportPatience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// run exports the patient and everything that the gate finds by the parameter patient, type by type.
func (x *exporting) run(ctx context.Context, patient string) (resources int, err error) {
	if err := os.Mkdir(x.out, 0o700); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil && resources == 0 {
			_ = os.RemoveAll(x.out) // made just now, and nothing of the record is in it: the next try shall not find it there
		}
	}()
	types, err := x.types(ctx)
	if err != nil {
		return 0, err
	}
	_, id, _ := strings.Cut(patient, "/")
	if err := x.resource(ctx, "Patient", id); errors.Is(err, errGone) {
		return 0, fmt.Errorf("%s: %w: %w", patient, errNoPatient, err)
	} else if err != nil {
		return 0, err
	}
	resources = 1
	if err := x.trust(ctx); err != nil {
		return resources, err
	}
	for _, typ := range types {
		query := "_count=200&patient=" + url.QueryEscape(patient)
		for query != "" {
			var ids []string
			if ids, query, err = x.page(ctx, typ, query); err != nil {
				return resources, err
			}
			for _, id := range ids {
				if err := x.resource(ctx, typ, id); err != nil {
					return resources, err
				}
				resources++
			}
		}
	}
	if len(x.missing) > 0 {
		return resources, fmt.Errorf("%d resources were written to %s, and that is not the whole record: %q", resources, x.out, x.missing)
	}
	return resources, nil
}

// types lists the resource types that can be searched by patient, as the gate's CapabilityStatement says.
func (x *exporting) types(ctx context.Context) (types []string, err error) {
	b, err := x.get(ctx, x.fhir+"/metadata")
	if errors.Is(err, errGone) {
		return nil, fmt.Errorf("%w: %w", errNoGate, err)
	}
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
		return nil, fmt.Errorf("%w: %s/metadata: %w", errNoGate, x.fhir, err)
	}
	for _, rest := range statement.Rest {
		for _, r := range rest.Resource {
			for _, p := range r.SearchParam {
				if p.Name != "patient" || r.Type == "AuditEvent" {
					continue
				}
				if !typeForm.MatchString(r.Type) {
					return nil, fmt.Errorf("the gate names %q, which is no resource type", r.Type)
				}
				types = append(types, r.Type)
			}
		}
	}
	return types, nil
}

// page reads one page of a search: the ids found, and the query of the next page, "" if there is none. Of the link to that only the query
// counts: the address stays the one that was named, whatever the gate calls itself.
func (x *exporting) page(ctx context.Context, typ, query string) (ids []string, next string, err error) {
	b, err := x.get(ctx, x.fhir+"/"+typ+"?"+query)
	if err != nil {
		return nil, "", err
	}
	return x.listed(b, typ, query)
}

// listed is page for a page that was read.
func (x *exporting) listed(b []byte, typ, query string) (ids []string, next string, err error) {
	var bundle struct {
		Link  []struct{ Relation, URL string }
		Entry []struct {
			Resource struct {
				ResourceType, ID string
				Issue            []struct{ Code, Diagnostics string }
			}
		}
	}
	if err := json.Unmarshal(b, &bundle); err != nil {
		return nil, "", err
	}
	for _, l := range bundle.Link {
		if l.Relation != "next" {
			continue
		}
		u, err := url.Parse(l.URL)
		if err != nil || u.RawQuery == "" || u.RawQuery == query {
			return nil, "", fmt.Errorf("the gate's link to the next page of %s leads nowhere", typ)
		}
		next = u.RawQuery
	}
	for _, e := range bundle.Entry {
		switch r := e.Resource; {
		case r.ID == "": // what the search says of itself
			for _, i := range r.Issue {
				if i.Code == "incomplete" {
					x.missing = append(x.missing, i.Diagnostics)
				}
			}
		case r.ResourceType != typ || !idForm.MatchString(r.ID):
			return nil, "", fmt.Errorf("a search for %s gave %q with the id %q; nothing of it is written", typ, r.ResourceType, r.ID)
		default:
			ids = append(ids, r.ID)
		}
	}
	return ids, next, nil
}

// resource writes TYPE/ID.json and TYPE/ID.receipt.json. typ and id have their forms.
func (x *exporting) resource(ctx context.Context, typ, id string) error {
	address := x.fhir + "/" + typ + "/" + id
	body, err := x.get(ctx, address)
	if err != nil {
		return err
	}
	var r struct{ Meta struct{ VersionID string } }
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	if !versionForm.MatchString(r.Meta.VersionID) {
		return fmt.Errorf("%s/%s has the version %q, which is no number", typ, id, r.Meta.VersionID)
	}
	receipt, err := x.get(ctx, address+"/_history/"+r.Meta.VersionID+"/$receipt")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(x.out, typ), 0o700); err != nil {
		return err
	}
	// The endings belong to the names before they are joined: the id ".." is a valid one.
	if err := os.WriteFile(filepath.Join(x.out, typ, id+".json"), body, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(x.out, typ, id+receiptEnding), receipt, 0o600)
}

// trust writes trust.json beside the resources, once it has read it as one.
func (x *exporting) trust(ctx context.Context) error {
	b, err := x.get(ctx, x.fhir+"/$trust")
	if err != nil {
		return err
	}
	if _, err := verify.ParseTrust(b); err != nil {
		return fmt.Errorf("%s/$trust: %w: %w", x.fhir, errNotTrust, err)
	}
	return os.WriteFile(filepath.Join(x.out, "trust.json"), b, 0o600)
}

func (x *exporting) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+x.token)
	resp, err := exportClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxExported+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxExported:
		return nil, fmt.Errorf("GET %s: the answer is larger than %d bytes", address, maxExported)
	case resp.StatusCode != http.StatusOK:
		return nil, refused(http.MethodGet, address, resp, b)
	}
	return b, nil
}
