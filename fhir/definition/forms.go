package definition

// forms are what is kept of each kind of resource.
var forms = [kinds]form{
	ofType: structureForm, ofProfile: structureForm, ofSearchParameter: parameterForm, ofCompartment: compartmentForm,
	ofCodeSystem: codeSystemForm(), ofValueSet: valueSetForm(), ofConceptMap: conceptMapForm,
}

var structureForm = form{
	"url": nil, "version": nil, "name": nil, "title": nil, "kind": nil, "abstract": nil, "type": nil, "baseDefinition": nil, "derivation": nil,
	"context": nil, "contextInvariant": nil,
	"snapshot": {"element": {
		"id": nil, "path": nil, "representation": nil, "sliceName": nil, "slicing": {"discriminator": nil, "ordered": nil, "rules": nil},
		"min": nil, "max": nil, "contentReference": nil, "fixed*": nil, "pattern*": nil, "minValue*": nil, "maxValue*": nil, "maxLength": nil,
		"type":        {"extension": nil, "code": nil, "profile": nil, "targetProfile": nil, "aggregation": nil, "versioning": nil},
		"constraint":  {"key": nil, "severity": nil, "human": nil, "expression": nil},
		"mustSupport": nil, "isModifier": nil, "isSummary": nil,
		"binding": {"extension": nil, "strength": nil, "valueSet": nil},
	}},
}

var parameterForm = form{
	"url": nil, "version": nil, "name": nil, "code": nil, "base": nil, "type": nil, "expression": nil, "target": nil, "description": nil,
	"component": {"definition": nil, "expression": nil},
}

var compartmentForm = form{"url": nil, "version": nil, "name": nil, "code": nil, "resource": {"code": nil, "param": nil}}

var designationForm = form{"language": nil, "use": nil, "value": nil}

func codeSystemForm() form {
	concept := form{"code": nil, "display": nil, "definition": nil, "designation": designationForm, "property": {"code": nil, "value*": nil}}
	concept["concept"] = concept
	return form{
		"url": nil, "version": nil, "name": nil, "title": nil, "status": nil, "content": nil, "caseSensitive": nil, "hierarchyMeaning": nil,
		"supplements": nil, "valueSet": nil, "property": {"code": nil, "uri": nil, "type": nil}, "concept": concept,
	}
}

func valueSetForm() form {
	include := form{
		"system": nil, "version": nil, "concept": {"code": nil, "display": nil, "designation": designationForm},
		"filter": {"property": nil, "op": nil, "value": nil}, "valueSet": nil,
	}
	contains := form{"system": nil, "version": nil, "code": nil, "display": nil, "abstract": nil, "inactive": nil, "designation": designationForm}
	contains["contains"] = contains
	return form{
		"url": nil, "version": nil, "name": nil, "title": nil, "status": nil,
		"compose": {"inactive": nil, "include": include, "exclude": include}, "expansion": {"contains": contains},
	}
}

var conceptMapForm = form{
	"url": nil, "version": nil, "name": nil, "title": nil, "status": nil, "sourceUri": nil, "sourceCanonical": nil, "targetUri": nil,
	"targetCanonical": nil,
	"group": {
		"source": nil, "sourceVersion": nil, "target": nil, "targetVersion": nil, "unmapped": nil,
		"element": {"code": nil, "display": nil, "target": {
			"code": nil, "display": nil, "equivalence": nil, "comment": nil, "dependsOn": nil, "product": nil,
		}},
	},
}
