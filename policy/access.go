package policy

import (
	"maps"
	"slices"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Role is what an actor is to the organisation. It decides what the actor may do; see [Decide].
type Role string

// The roles there are. A token with any other is refused.
const (
	Clinician      Role = "clinician"
	Nurse          Role = "nurse"
	Laboratory     Role = "laboratory"
	Radiology      Role = "radiology"
	Patient        Role = "patient"
	Auditor        Role = "auditor"
	PrivacyOfficer Role = "privacy-officer"
	Administrator  Role = "administrator"
	System         Role = "system" // an interface or device of the organisation, not a person
)

// Purpose is why an actor asks: a code of HL7 v3-ActReason, from the branch PurposeOfUse.
type Purpose string

// The purposes that a token can carry.
const (
	Treatment          Purpose = "TREAT"
	Coordination       Purpose = "COC"
	EmergencyTreatment Purpose = "ETREAT"
	EmergencyRoom      Purpose = "ERTREAT"
	BreakGlass         Purpose = "BTG"
	Payment            Purpose = "HPAYMT"
	Operations         Purpose = "HOPERAT"
	Compliance         Purpose = "HCOMPL"
	Legal              Purpose = "HLEGAL"
	Safety             Purpose = "PATSFTY"
	Administration     Purpose = "HSYSADMIN"
	Research           Purpose = "HRESCH"
	TrialResearch      Purpose = "CLINTRCH"
	PublicHealth       Purpose = "PUBHLTH"
	PatientRequest     Purpose = "PATRQT"
	FamilyRequest      Purpose = "FAMRQT"
)

var purposes = map[Purpose]bool{
	Treatment: true, Coordination: true, EmergencyTreatment: true, EmergencyRoom: true, BreakGlass: true,
	Payment: true, Operations: true, Compliance: true, Legal: true, Safety: true, Administration: true,
	Research: true, TrialResearch: true, PublicHealth: true, PatientRequest: true, FamilyRequest: true,
}

// Roles gives the roles there are, in alphabetical order.
func Roles() []Role { return slices.Sorted(maps.Keys(roles)) }

// Purposes gives the purposes there are, in alphabetical order.
func Purposes() []Purpose { return slices.Sorted(maps.Keys(purposes)) }

// Known tells whether r is one of the roles above.
func (r Role) Known() bool { _, ok := roles[r]; return ok }

// Known tells whether p is one of the purposes above.
func (p Purpose) Known() bool { return purposes[p] }

// Access is who is asking and why, as a verified token says it. Its fields go into the entry that the request leaves.
type Access struct {
	Token   string // jti: tells two tokens of one actor apart; no secret
	Actor   string
	Role    Role
	Org     verify.OrgID
	Purpose Purpose
	Chart   string    // "Patient/ID": the only chart this access reaches; "" for no such limit
	Expires time.Time // to the second
}
