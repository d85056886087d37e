package policy

// Action is what an access is asked for.
type Action uint8

// The actions there are.
const (
	Read    Action = iota + 1 // one version of a resource
	Search                    // matches of a query
	History                   // versions of a resource
	Write                     // create or update
	Delete
	Audit   // the entries that tell who did what, as AuditEvent
	Receipt // the proof of an entry
	Admin   // the node itself: members, keys, backup
	Export  // taking many resources away at once
)

var actionNames = [...]string{
	Read: "read", Search: "search", History: "history", Write: "write", Delete: "delete",
	Audit: "audit", Receipt: "receipt", Admin: "admin", Export: "export",
}

// String gives the action's name, as used in policy identifiers.
func (a Action) String() string {
	if a == 0 || int(a) >= len(actionNames) {
		return "unknown"
	}
	return actionNames[a]
}

// Object is what an action is about.
type Object struct {
	// Chart is the patient's chart ("Patient/ID"), or "" for what belongs to no patient or is not narrowed to one.
	Chart string
	// Type is the resource type, e.g. "Observation"; "" if none is named.
	Type string
}

// Decision is an answer and where it came from.
type Decision struct {
	Allow  bool
	Policy string // identifier of the policy that decided, stable across releases of one table
	Reason string // for people; holds no data of a patient
}

// tableID names this table in decisions. A change in what a role may do changes the number.
const tableID = "roles/2"

// set is a set of actions.
type set uint16

func of(actions ...Action) (s set) {
	for _, a := range actions {
		s |= 1 << a
	}
	return s
}

func (s set) has(a Action) bool { return s&(1<<a) != 0 }

// roles says what each role may do. What is not listed is denied.
var roles = map[Role]set{
	Clinician:      of(Read, Search, History, Write, Delete, Receipt),
	Nurse:          of(Read, Search, History, Write, Receipt),
	Laboratory:     of(Read, Search, History, Write, Receipt),
	Radiology:      of(Read, Search, History, Write, Receipt),
	System:         of(Read, Search, History, Write, Receipt, Export),
	Patient:        of(Read, Search, History, Audit, Receipt, Export), // own chart only: Mint and Authorize insist on the limit
	Auditor:        of(Audit, Receipt),
	PrivacyOfficer: of(Audit, Receipt),
	Administrator:  of(Admin),
}

// of tells whether a role may do this to a type. By SearchParameters everybody finds, and a change of one has everything told anew: those are for
// systems alone, to delete as well.
func (s set) of(r Role, a Action, typ string) bool {
	if typ == "SearchParameter" && (a == Write || a == Delete) {
		return r == System
	}
	return s.has(a)
}

// Everywhere tells whether an access may do this to every object there is: then nobody needs to be asked about each.
func Everywhere(a Access, act Action) bool { return a.Chart == "" && Decide(a, act, Object{}).Allow }

// Decide tells whether an access may do this. It is total: what nobody thought of is denied.
func Decide(a Access, act Action, on Object) Decision {
	grants, known := roles[a.Role]
	switch {
	case !known || act == 0 || int(act) >= len(actionNames):
		return Decision{Policy: tableID + "#default", Reason: "nothing allows this"}
	case !grants.of(a.Role, act, on.Type):
		return Decision{Policy: tableID + "#default", Reason: "the role " + string(a.Role) + " may not do this: " + act.String()}
	case a.Role == Patient && a.Chart == "":
		return Decision{Policy: tableID + "#own-chart", Reason: "a patient's access must name the patient's chart"}
	case a.Chart != "" && a.Chart != on.Chart:
		return Decision{Policy: tableID + "#own-chart", Reason: "this access is limited to one chart, and this is not within it"}
	}
	return Decision{
		Allow:  true,
		Policy: tableID + "#" + string(a.Role) + "." + act.String(),
		Reason: "the role " + string(a.Role) + " may do this: " + act.String(),
	}
}
