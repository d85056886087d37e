package policy

import (
	"strings"
	"testing"
)

var allRoles = []Role{Clinician, Nurse, Laboratory, Radiology, Patient, Auditor, PrivacyOfficer, Administrator, System}

// The table once more, written as a person reads it: a change in table.go has to be made here too.
func TestDecide(t *testing.T) {
	const header = "read search history write delete audit receipt admin"
	want := map[Role]string{
		Clinician:      "yes  yes    yes     yes   yes    -     yes     -",
		Nurse:          "yes  yes    yes     yes   -      -     yes     -",
		Laboratory:     "yes  yes    yes     yes   -      -     yes     -",
		Radiology:      "yes  yes    yes     yes   -      -     yes     -",
		System:         "yes  yes    yes     yes   -      -     yes     -",
		Patient:        "yes  yes    yes     -     -      yes   yes     -",
		Auditor:        "-    -      -       -     -      yes   yes     -",
		PrivacyOfficer: "-    -      -       -     -      yes   yes     -",
		Administrator:  "-    -      -       -     -      -     -       yes",
	}
	columns := strings.Fields(header)
	for _, role := range allRoles {
		row := strings.Fields(want[role])
		for i, name := range columns {
			action := Action(i + 1)
			if action.String() != name {
				t.Fatalf("action %d is %q, want %q", action, action, name)
			}
			access := Access{Role: role}
			if role == Patient {
				access.Chart = "Patient/1"
			}
			d := Decide(access, action, Object{Chart: access.Chart, Type: "Observation"})
			if d.Allow != (row[i] == "yes") {
				t.Errorf("%s %s: allowed %t", role, action, d.Allow)
			}
			if d.Policy == "" || d.Reason == "" {
				t.Errorf("%s %s: no policy or no reason in %+v", role, action, d)
			}
		}
	}
	if len(want) != len(roles) {
		t.Errorf("%d roles in the table, %d here", len(roles), len(want))
	}
}

func TestDecideLimitedToOneChart(t *testing.T) {
	own := Object{Chart: "Patient/1", Type: "Observation"}
	for _, c := range []struct {
		name   string
		access Access
		act    Action
		on     Object
		want   Decision
	}{
		{"own chart", Access{Role: Patient, Chart: "Patient/1"}, Read, own,
			Decision{true, "roles/2#patient.read", "the role patient may do this: read"}},
		{"who saw my chart", Access{Role: Patient, Chart: "Patient/1"}, Audit, own,
			Decision{true, "roles/2#patient.audit", "the role patient may do this: audit"}},
		{"another chart", Access{Role: Patient, Chart: "Patient/1"}, Read, Object{Chart: "Patient/12"},
			Decision{false, "roles/2#own-chart", "this access is limited to one chart, and this is not within it"}},
		{"search over all charts", Access{Role: Patient, Chart: "Patient/1"}, Search, Object{Type: "Observation"},
			Decision{false, "roles/2#own-chart", "this access is limited to one chart, and this is not within it"}},
		{"limit lost", Access{Role: Patient}, Read, Object{},
			Decision{false, "roles/2#own-chart", "a patient's access must name the patient's chart"}},
		{"clinician with a limit", Access{Role: Clinician, Chart: "Patient/1"}, Write, Object{Chart: "Patient/2"},
			Decision{false, "roles/2#own-chart", "this access is limited to one chart, and this is not within it"}},
		{"what is found by", Access{Role: System}, Write, Object{Type: "SearchParameter"},
			Decision{true, "roles/2#system.write", "the role system may do this: write"}},
		{"what is found by, for others", Access{Role: Clinician}, Delete, Object{Type: "SearchParameter"},
			Decision{false, "roles/2#default", "the role clinician may not do this: delete"}},
		{"patient writing", Access{Role: Patient, Chart: "Patient/1"}, Write, own,
			Decision{false, "roles/2#default", "the role patient may not do this: write"}},
	} {
		if got := Decide(c.access, c.act, c.on); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestDecideDeniesTheUnknown(t *testing.T) {
	for _, c := range []struct {
		role Role
		act  Action
	}{{"", Read}, {"root", Read}, {Clinician, 0}, {Clinician, 9}, {Clinician, 255}} {
		if d := Decide(Access{Role: c.role}, c.act, Object{}); d.Allow {
			t.Errorf("%q %d: %+v", c.role, c.act, d)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	b.ReportAllocs()
	access, on := Access{Role: Clinician}, Object{Chart: "Patient/1", Type: "Observation"}
	for b.Loop() {
		if !Decide(access, Read, on).Allow {
			b.Fatal("denied")
		}
	}
}
