package fhir

import "encoding/json"

// Code systems of AuditEvent, and our own names.
const (
	systemEventType  = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	systemRestful    = "http://hl7.org/fhir/restful-interaction"
	systemEntityType = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	systemObjectRole = "http://terminology.hl7.org/CodeSystem/object-role"
	systemReason     = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemPart       = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemDICOM      = "http://dicom.nema.org/resources/ontology/DCM"
	systemBALP       = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	ours             = "https://sijil.health/fhir/"
)

// The elements of AuditEvent that are filled in.
type (
	coding struct {
		System  string `json:"system,omitempty"`
		Code    string `json:"code"`
		Display string `json:"display,omitempty"`
	}
	concept struct {
		Coding []coding `json:"coding,omitempty"`
		Text   string   `json:"text,omitempty"`
	}
	identifier struct {
		System string `json:"system,omitempty"`
		Value  string `json:"value"`
	}
	link struct {
		Reference  string      `json:"reference,omitempty"`
		Identifier *identifier `json:"identifier,omitempty"`
		Display    string      `json:"display,omitempty"`
	}
	extension struct {
		URL       string      `json:"url"`
		Extension []extension `json:"extension,omitempty"`
		Bytes     []byte      `json:"valueBase64Binary,omitempty"`
		Decimal   json.Number `json:"valueDecimal,omitempty"`
		Instant   string      `json:"valueInstant,omitempty"`
	}
	auditAgent struct {
		Type         concept      `json:"type"`
		Role         []concept    `json:"role,omitempty"`
		Who          link         `json:"who"`
		Name         string       `json:"name,omitempty"`
		Requestor    bool         `json:"requestor"`
		Network      *auditServer `json:"network,omitempty"`
		PurposeOfUse []concept    `json:"purposeOfUse,omitempty"`
	}
	auditServer struct {
		Address string `json:"address"`
		Type    string `json:"type"`
	}
	auditEntity struct {
		What        *link   `json:"what,omitempty"`
		Type        coding  `json:"type"`
		Role        *coding `json:"role,omitempty"`
		Description string  `json:"description,omitempty"`
		Query       string  `json:"query,omitempty"`
	}
	auditSource struct {
		Observer link     `json:"observer"`
		Type     []coding `json:"type"`
	}
	auditMeta struct {
		VersionID   string `json:"versionId"`
		LastUpdated string `json:"lastUpdated"`
	}
	auditResource struct {
		ResourceType string        `json:"resourceType"`
		ID           string        `json:"id"`
		Meta         auditMeta     `json:"meta"`
		Extension    []extension   `json:"extension"`
		Type         coding        `json:"type"`
		Subtype      []coding      `json:"subtype,omitempty"`
		Action       string        `json:"action"`
		Recorded     string        `json:"recorded"`
		Outcome      string        `json:"outcome"`
		OutcomeDesc  string        `json:"outcomeDesc,omitempty"`
		Agent        []auditAgent  `json:"agent"`
		Source       auditSource   `json:"source"`
		Entity       []auditEntity `json:"entity,omitempty"`
	}
)
