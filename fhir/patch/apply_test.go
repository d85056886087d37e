package patch

import "github.com/sijil-health/sijil/fhir/tape"

func applied(p Patch, err error, src []byte) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return p.Apply(src)
}

func applyJSON(src []byte, patch tape.Value, l Limits) ([]byte, error) {
	p, err := ReadJSON(patch, l)
	return applied(p, err, src)
}

func applyFHIRPath(src []byte, patch tape.Value, l Limits) ([]byte, error) {
	p, err := ReadFHIRPath(patch, l)
	return applied(p, err, src)
}

func applyXML(src, patch []byte, l Limits) ([]byte, error) {
	p, err := ReadXML(patch, l)
	return applied(p, err, src)
}

// applyToXML applies an XML Patch to a document that may be no resource.
func applyToXML(doc, patch []byte, l Limits) ([]byte, error) {
	x := &xmlPatch{Limits: l.orDefault()}
	if bad := x.read(patch); bad != nil {
		return nil, bad
	}
	p := patching{Limits: x.Limits}
	return p.run(doc, x.list)
}
