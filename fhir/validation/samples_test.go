package validation

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// invalid are samples that are truly not valid R4, with the first thing that is wrong.
var invalid = map[string]struct{ at, why string }{
	// Of HL7's own examples. Each is a known mistake of its author.
	"devicemetric-example.json":       {"DeviceMetric.parent.reference", "parent may be a Device only, and is a DeviceDefinition"},
	"deviceusestatement-example.json": {"DeviceUseStatement.reasonReference[0].reference", "reasonReference may not be a Procedure"},
	"eventdefinition-example.json":    {"EventDefinition.text.div", "txt-2: the narrative is empty"},
	// Documents that hospitals and vendors have brought to connectathons.
	"connectathon_Jan2025__new_incomplete_IPS_Example.json":                              {"Bundle.entry[0].resource.section[10].text.div", "txt-2: a narrative is empty"},
	"connectathon_May2025__hl7_connectathon_may_2025_epic_example2.json":                 {"Bundle.entry[13].resource.id", "ids longer than 64 characters"},
	"connectathon_May2026__Bundle-IosefaFuimaono-Bundle.json":                            {"Bundle.entry[1].fullUrl", "urn:uuid: with what is no UUID"},
	"connectathon_Sept2024__EU_IPS_wylem_bars.json":                                      {"Bundle.entry[0].resource.section[7].text.div", "a narrative without div"},
	"connectathon_archive__AR_Repository_Example_02.json":                                {"Bundle", "bdl-10: a document without timestamp"},
	"connectathon_archive__CY_194315.json":                                               {"Bundle.entry[1].fullUrl", "urn:uuid: with what is no UUID"},
	"connectathon_archive__HK_IPS_Sample2.json":                                          {"Bundle.entry[1].resource.text.div", "a div that is not closed"},
	"connectathon_archive__HK_IPS_Sample3.json":                                          {"Bundle.entry[1].resource.text.div", "a div that is not closed"},
	"connectathon_archive__NL_Curavista_01.json":                                         {"Bundle.entry[0].resource.section[0].text.div", "two divs in one narrative"},
	"connectathon_archive__NL_Drimpy_01.json":                                            {"Bundle.entry[0].resource.type.coding[0]", "of STU3, not of R4"},
	"connectathon_archive__UK_NHSx_IPS_Example_02-modified.json":                         {"Bundle.entry[1].fullUrl", "a fullUrl that is not absolute"},
	"connectathon_archive__US_Interoperability_Institute_Jared_Bruce_Adams-IPS.json":     {"Bundle.entry[1].fullUrl", "a fullUrl that is not absolute"},
	"connectathon_archive__US_Interoperability_Institute_Louis_Daniel_Saunders-IPS.json": {"Bundle.entry[1].fullUrl", "a fullUrl that is not absolute"},
	"connectathon_archive__US_Interoperability_Institute_Troy Dudley Gross-IPS.json":     {"Bundle.entry[1].fullUrl", "a fullUrl that is not absolute"},
}

// TestSamples finds nothing wrong with what is right: the official examples, those of guides, real documents, and generated patients.
func TestSamples(t *testing.T) {
	resources := 0
	for _, pattern := range []string{
		"data/fhir/hl7-r4-examples/*.json", "data/fhir/us-core-examples/*.json", "data/fhir/ips/*.json", "data/ips/*.json", "data/fhir/synthea/*/*.json.gz",
	} {
		files := shared.Files(pattern)
		if len(files) == 0 {
			t.Logf("no %s: set SIJIL_SHARED", pattern)
		}
		for _, name := range files {
			src, err := shared.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			resources++
			issues := check(t, src)
			if known, bad := invalid[filepath.Base(name)]; bad {
				if len(issues) == 0 || issues[0].Path != known.at {
					t.Errorf("%s: want %s at %s, got %v", filepath.Base(name), known.why, known.at, told(issues))
				}
			} else if len(issues) > 0 {
				t.Errorf("%s: %s", filepath.Base(name), strings.Join(told(issues), "\n\t"))
			}
		}
	}
	t.Logf("%d documents", resources)
}

var (
	codes     = terminology.New(terminology.FromRegistry(definition.Base()))
	validator = New(codes, nil)
	claims    = New(codes, definition.Base().StructureDefinition)
)

func check(tb testing.TB, src []byte) []Issue {
	tb.Helper()
	doc := new(tape.Tape)
	if err := doc.Parse(src, tape.Limits{Bytes: 64 << 20, Nodes: 1 << 22}); err != nil {
		tb.Fatal(err)
	}
	return claims.Resource(doc.Root(), Options{Claimed: true})
}
