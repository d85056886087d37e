package subscription

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/record"
)

// topics begins the canonical URLs of the topics that there are: one for each type of resource, named after it, of everything that is created, updated
// or deleted. They are filtered by all search parameters of the type, and by interaction.
const topics = "https://sijil.health/fhir/SubscriptionTopic/"

// byInteraction is the filter parameter that our topics define besides: which of their interactions are told of.
const byInteraction = "interaction"

var interactions = map[string]record.Op{"create": record.OpCreate, "update": record.OpUpdate, "delete": record.OpDelete}

// untold are types that nobody can subscribe to: what there is of them are entries, parts of requests, or what this package itself writes.
var untold = []string{"AuditEvent", "Parameters", "Subscription"}

// told tells whether there can be Subscriptions to a type.
func told(typ string) bool {
	t := definition.TypeOf(typ)
	return t != nil && t.Kind == definition.Resource && !t.Abstract && !slices.Contains(untold, typ)
}

// topicOf gives the type that a canonical URL of a topic is for.
func topicOf(canonical string) (typ string, ok bool) {
	canonical, version, _ := strings.Cut(canonical, "|")
	typ, ok = strings.CutPrefix(canonical, topics)
	return typ, ok && version == "" && told(typ)
}

// Topics gives the canonical URLs of all topics.
func Topics() (list []string) {
	for _, typ := range definition.ResourceTypes() {
		if told(typ) {
			list = append(list, topics+typ)
		}
	}
	return list
}

// Catalogue gives all topics as a Bundle of Basic resources, which is how R4 says what R5's SubscriptionTopic does (backport, "Subscription Topics in R4").
func Catalogue() []byte {
	list := Topics()
	b := []byte(`{"resourceType":"Bundle","type":"collection","entry":[`)
	for i, url := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"resource":`...), basic(url, url[len(topics):])...)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

func basic(url, typ string) string {
	const x = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
	trigger := ""
	for _, name := range []string{"create", "update", "delete"} {
		trigger += `,{"url":"supportedInteraction","valueCode":"` + name + `"}`
	}
	return `{"resourceType":"Basic","id":"` + typ + `","extension":[` +
		`{"url":"` + x + `url","valueUri":"` + url + `"},` +
		`{"url":"` + x + `title","valueString":"` + typ + `: created, updated or deleted"},` +
		`{"url":"` + x + `resourceTrigger","extension":[{"url":"description","valueMarkdown":"Any ` + typ + ` is created, updated or deleted."},` +
		`{"url":"resource","valueUri":"http://hl7.org/fhir/StructureDefinition/` + typ + `"}` + trigger + `]},` +
		`{"url":"` + x + `canFilterBy","extension":[{"url":"description","valueMarkdown":"Which of create, update and delete are told of; and by all search parameters of the type."},` +
		`{"url":"resource","valueUri":"` + typ + `"},{"url":"filterParameter","valueString":"` + byInteraction + `"}]}],` +
		`"modifierExtension":[{"url":"` + x + `status","valueCode":"active"}],` +
		`"code":{"coding":[{"system":"http://hl7.org/fhir/fhir-types","code":"SubscriptionTopic"}]}}`
}
