package summary

// section is a section of the document (IPS 1.1.0, Composition-uv-ips).
type section struct {
	key     string // of its title in the texts
	code    string // LOINC
	display string
	columns []string // keys of the table's headings
}

// The sections, in the order of the document: those that must be there, that should be, and that may be.
const (
	medications = iota
	allergies
	problems
	immunizations
	procedures
	devices
	results
	vitalSigns
	pastIllness
	pregnancy
	socialHistory
	functionalStatus
	planOfCare
	advanceDirectives
	sectionCount
)

// required is the number of sections that must be there.
const required = 3

var sections = [sectionCount]section{
	medications:       {"medications", "10160-0", "History of Medication use Narrative", []string{"medication", "dosage", "status", "since"}},
	allergies:         {"allergies", "48765-2", "Allergies and adverse reactions Document", []string{"allergy", "reaction", "criticality", "status", "since"}},
	problems:          {"problems", "11450-4", "Problem list - Reported", []string{"problem", "severity", "status", "since"}},
	immunizations:     {"immunizations", "11369-6", "History of Immunization Narrative", []string{"vaccine", "date"}},
	procedures:        {"procedures", "47519-4", "History of Procedures Document", []string{"procedure", "status", "date"}},
	devices:           {"devices", "46264-8", "History of medical device use", []string{"device", "status", "since"}},
	results:           {"results", "30954-2", "Relevant diagnostic tests/laboratory data Narrative", []string{"observation", "value", "date"}},
	vitalSigns:        {"vitalSigns", "8716-3", "Vital signs", []string{"observation", "value", "date"}},
	pastIllness:       {"pastIllness", "11348-0", "History of Past illness Narrative", []string{"problem", "status", "since", "until"}},
	pregnancy:         {"pregnancy", "10162-6", "History of pregnancies Narrative", []string{"observation", "value", "date"}},
	socialHistory:     {"socialHistory", "29762-2", "Social history Narrative", []string{"observation", "value", "date"}},
	functionalStatus:  {"functionalStatus", "47420-5", "Functional status assessment note", []string{"assessment", "date"}},
	planOfCare:        {"planOfCare", "18776-5", "Plan of care note", []string{"plan", "status", "since", "until"}},
	advanceDirectives: {"advanceDirectives", "42348-3", "Advance directives", []string{"directive", "status", "date"}},
}

// Type is a type of resource that sections are made of.
type Type struct {
	Name  string
	Dated bool // the latest have to come first, by the search parameter date: of each kind only the latest is taken
}

// Types are those that a patient's compartment is looked through for.
var Types = []Type{
	{"MedicationStatement", false}, {"MedicationRequest", false}, {"AllergyIntolerance", false}, {"Condition", false}, {"Immunization", false},
	{"Procedure", false}, {"DeviceUseStatement", false}, {"Device", false}, {"DiagnosticReport", true}, {"Observation", true},
	{"ClinicalImpression", false}, {"CarePlan", false}, {"Consent", false},
}

// maxEntries bounds the entries of a section; the text says how many there are.
const maxEntries = 200
