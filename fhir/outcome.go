package fhir

import (
	"strconv"

	"github.com/sijil-health/sijil/fhir/tape"
)

const extensionIssue = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-"

// appendOutcome adds an OperationOutcome to b.
func appendOutcome(b []byte, issues ...Issue) []byte {
	b = append(b, `{"resourceType":"OperationOutcome","issue":[`...)
	for i, issue := range issues {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if issue.Line > 0 {
			b = append(b, `"extension":[{"url":"`+extensionIssue+`line","valueInteger":`...)
			b = strconv.AppendInt(b, int64(issue.Line), 10)
			b = append(b, `},{"url":"`+extensionIssue+`col","valueInteger":`...)
			b = strconv.AppendInt(b, int64(issue.Column), 10)
			b = append(b, `}],`...)
		}
		b = append(b, `"severity":"`...)
		b = append(b, issue.Severity...)
		b = append(b, `","code":"`...)
		b = append(b, issue.Code...)
		b = append(b, `","diagnostics":`...)
		b = tape.AppendQuoted(b, issue.diagnostics())
		if issue.Path != "" {
			b = append(b, `,"expression":[`...)
			b = tape.AppendQuoted(b, issue.Path)
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// diagnostics is the text with the place, for people and for programs that do not know the extensions.
func (i *Issue) diagnostics() string {
	if i.Line == 0 {
		return i.Text
	}
	return i.Text + " (line " + strconv.Itoa(i.Line) + ", column " + strconv.Itoa(i.Column) + ")"
}
