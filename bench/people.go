package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// People are made up: Synthea-like records that follow from a number alone, so that every run and every server gets the same. Half have Arabic names,
// in Arabic letters and in Latin ones. Each is a transaction Bundle of perPerson resources in the proportions of Synthea's, which refers to the
// hospitals and practitioners of founding.
const (
	perPerson  = 46
	hospitals  = 24
	regions    = 4 // of which hospitals are parts
	doctors    = 96
	encounters = 6
	loinc      = "http://loinc.org"
	snomed     = "http://snomed.info/sct"
	rxnorm     = "http://www.nlm.nih.gov/research/umls/rxnorm"
	ucumSystem = "http://unitsofmeasure.org"
	mrn        = "urn:sijil:bench:mrn"
)

// spelled is a name in two scripts; arabic is "" where it has one only.
type spelled struct{ latin, arabic string }

// coded is a code with what it says.
type coded struct{ code, display string }

// measured is a laboratory result or vital sign.
type measured struct {
	coded
	unit      string
	low, high float64
}

var (
	arabGivenM = []spelled{{"Ahmad", "أحمد"}, {"Mohammed", "محمد"}, {"Ibrahim", "إبراهيم"}, {"Khaled", "خالد"}, {"Yousef", "يوسف"}, {"Omar", "عمر"}, {"Ali", "علي"}, {"Mustafa", "مصطفى"}, {"Hassan", "حسن"}, {"Musa", "موسى"}, {"Adam", "آدم"}, {"Tariq", "طارق"}}
	arabGivenF = []spelled{{"Fatima", "فاطمة"}, {"Aisha", "عائشة"}, {"Huda", "هدى"}, {"Maryam", "مريم"}, {"Amal", "أمل"}, {"Layla", "ليلى"}, {"Iman", "إيمان"}, {"Salma", "سلمى"}, {"Zaynab", "زينب"}, {"Amina", "آمنة"}, {"Nur", "نور"}, {"Rahma", "رحمة"}}
	arabFamily = []spelled{{"Al-Masri", "المصري"}, {"Haddad", "حداد"}, {"Al-Khatib", "الخطيب"}, {"Najjar", "النجار"}, {"Al-Ansari", "الأنصاري"}, {"Shami", "الشامي"}, {"Al-Qahtani", "القحطاني"}, {"Othman", "عثمان"}, {"Al-Harbi", "الحربي"}, {"Saleh", "صالح"}, {"Al-Zahrani", "الزهراني"}, {"Issa", "عيسى"}, {"Khalil", "خليل"}, {"Al-Hussaini", "الحسيني"}, {"Barakat", "بركات"}, {"Al-Omari", "العمري"}}
	otherGiven = []string{"Alejandro", "Maida", "Louis", "Crysta", "Raul", "Laurie", "Clemente", "Florencia", "Malik", "Dorris", "Asa", "Martina", "Michael", "Beatrice", "Jürgen", "Zoë", "Siobhan", "Chidi", "Mei", "Ravi"}
	otherStem  = []string{"Her", "Kre", "Rog", "Mil", "Fern", "Ward", "Mur", "Auf", "Kuh", "Mel", "McCul", "Bar", "Gos", "Hil", "Stra", "Wein"}
	otherEnd   = []string{"miston", "iger", "ahn", "ler", "andez", "ley", "azik", "derhar", "ic", "endez", "lough", "ton", "chalk", "pert", "cke", "stein"}

	visits     = []coded{{"185347001", "Encounter for problem"}, {"162673000", "General examination of patient"}, {"185345009", "Encounter for symptom"}, {"390906007", "Follow-up encounter"}, {"50849002", "Emergency room admission"}}
	conditions = []coded{{"44054006", "Diabetes mellitus type 2"}, {"38341003", "Hypertensive disorder"}, {"195662009", "Acute viral pharyngitis"}, {"444814009", "Viral sinusitis"}, {"10509002", "Acute bronchitis"}, {"195967001", "Asthma"}, {"271737000", "Anemia"}, {"53741008", "Coronary arteriosclerosis"}, {"55822004", "Hyperlipidemia"}, {"40055000", "Chronic sinusitis"}, {"162864005", "Body mass index 30+ - obesity"}, {"24079001", "Atopic dermatitis"}}
	drugs      = []coded{{"860975", "24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet"}, {"314076", "lisinopril 10 MG Oral Tablet"}, {"310798", "Hydrochlorothiazide 25 MG Oral Tablet"}, {"313782", "Acetaminophen 325 MG Oral Tablet"}, {"259255", "atorvastatin 80 MG Oral Tablet"}, {"308192", "Amoxicillin 500 MG Oral Tablet"}, {"895994", "120 ACTUAT Fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler"}}
	vaccines   = []coded{{"140", "Influenza, seasonal, injectable, preservative free"}, {"113", "Td (adult) preservative free"}, {"33", "pneumococcal polysaccharide vaccine, 23 valent"}, {"121", "zoster"}}
	procedures = []coded{{"428191000124101", "Documentation of current medications"}, {"430193006", "Medication Reconciliation (procedure)"}, {"73761001", "Colonoscopy"}, {"399208008", "Plain chest X-ray (procedure)"}}
	results    = []measured{{coded{"4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"}, "%", 4.5, 11}, {coded{"2339-0", "Glucose"}, "mg/dL", 65, 250}, {coded{"2093-3", "Total Cholesterol"}, "mg/dL", 120, 300}, {coded{"718-7", "Hemoglobin [Mass/volume] in Blood"}, "g/dL", 8, 18}, {coded{"38483-4", "Creatinine"}, "mg/dL", 0.5, 4}, {coded{"8302-2", "Body Height"}, "cm", 140, 205}, {coded{"29463-7", "Body Weight"}, "kg", 45, 140}, {coded{"39156-5", "Body Mass Index"}, "kg/m2", 16, 45}, {coded{"8867-4", "Heart rate"}, "/min", 50, 130}}
	pressure   = coded{"85354-9", "Blood Pressure"}
	regionName = [regions]string{"Northern Health Region", "وزارة الصحة", "Coastal Health Region", "Southern Health Region"}
)

// bundler writes a transaction Bundle whose resources refer to one another by urn:uuid.
type bundler struct {
	strings.Builder
	rng *rand.Rand
	n   int
}

func newBundler(rng *rand.Rand) *bundler {
	b := &bundler{rng: rng}
	b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	return b
}

// add adds a resource, whose content behind resourceType is given as for Sprintf, and gives how others refer to it.
func (b *bundler) add(typ, format string, args ...any) string {
	if b.n++; b.n > 1 {
		b.WriteByte(',')
	}
	x, y := b.rng.Uint64(), b.rng.Uint64()
	urn := fmt.Sprintf("urn:uuid:%08x-%04x-4%03x-8%03x-%012x", x>>32, x>>16&0xffff, x&0xfff, y>>52, y&0xffffffffffff)
	fmt.Fprintf(b, `{"fullUrl":"%s","request":{"method":"POST","url":"%s"},"resource":{"resourceType":"%s",`, urn, typ, typ)
	fmt.Fprintf(b, format, args...)
	b.WriteString("}}")
	return urn
}

func (b *bundler) end() []byte {
	b.WriteString("]}")
	return []byte(b.String())
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// founding is the Bundle of hospitals, the regions that they are parts of, and practitioners; in this order.
func founding() []byte {
	b := newBundler(rand.New(rand.NewPCG(1, 0)))
	var in [regions]string
	for i, name := range regionName {
		in[i] = b.add("Organization", `"identifier":[{"system":"urn:sijil:bench:org","value":"region-%d"}],"active":true,"name":"%s"`, i, name)
	}
	for i := range hospitals {
		b.add("Organization", `"identifier":[{"system":"urn:sijil:bench:org","value":"hospital-%d"}],"active":true,"name":"%s","partOf":{"reference":"%s"},"address":[{"city":"City %d","country":"US"}]`,
			i, hospitalName(i), in[i%regions], i)
	}
	for i := range doctors {
		name := arabFamily[i%len(arabFamily)]
		b.add("Practitioner", `"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"%d"}],"active":true,"name":[{"family":"%s","given":["%s"],"prefix":["Dr."]}]`, 1000+i, name.latin, otherGiven[i%len(otherGiven)])
	}
	return b.end()
}

func hospitalName(i int) string {
	return fmt.Sprintf("%s General Hospital %d", otherStem[i%len(otherStem)], i)
}

// founded is how people refer to what founding made.
type founded struct{ Hospitals, Doctors []string }

// someone makes person number i.
func someone(i int, at *founded) []byte {
	r := rand.New(rand.NewPCG(2, uint64(i)))
	b := newBundler(r)
	p := person{bundler: b, at: at, born: time.Date(1935+r.IntN(85), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)}
	p.subject = b.add("Patient", `"identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"%s","value":"%08d"}],"active":true,%s,"birthDate":"%s","address":[{"line":["%d Main Street"],"city":"City %d","postalCode":"%05d","country":"US"}],"telecom":[{"system":"phone","value":"555-%07d","use":"home"}],"managingOrganization":{"reference":"%s"},"generalPractitioner":[{"reference":"%s"}]`,
		mrn, i, named(r), p.born.Format(time.DateOnly), 1+r.IntN(999), r.IntN(hospitals), r.IntN(100_000), i, pick(r, at.Hospitals), pick(r, at.Doctors))
	for range encounters {
		p.visit()
	}
	p.rest()
	return b.end()
}

// named is gender and name: in Arabic the name of four parts, with a second one in Latin letters.
func named(r *rand.Rand) string {
	gender, given := "male", arabGivenM
	if r.IntN(2) == 0 {
		gender, given = "female", arabGivenF
	}
	if r.IntN(2) == 0 {
		return fmt.Sprintf(`"gender":"%s","name":[{"use":"official","family":"%s%s","given":["%s","%s"]}]`, gender, pick(r, otherStem), pick(r, otherEnd), pick(r, otherGiven), pick(r, otherGiven))
	}
	first, father, grand, family := pick(r, given), pick(r, arabGivenM), pick(r, arabGivenM), pick(r, arabFamily)
	return fmt.Sprintf(`"gender":"%s","name":[{"use":"official","text":"%s %s %s %s","family":"%s","given":["%s","%s","%s"]},{"use":"usual","family":"%s","given":["%s"]}]`,
		gender, first.arabic, father.arabic, grand.arabic, family.arabic, family.arabic, first.arabic, father.arabic, grand.arabic, family.latin, first.latin)
}
