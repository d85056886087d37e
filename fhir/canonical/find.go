package canonical

import (
	"cmp"
	"context"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/terminology"
)

// CodeSystem, ValueSet, ConceptMap and ConceptMaps make it a terminology.Source of the node's own resources.

// CodeSystem gives one of the node's code systems; nil for none.
func (k *Known) CodeSystem(url, version string) *terminology.CodeSystem {
	return find(k, "CodeSystem", url, version, func(v tape.Value, of *record.Version) *terminology.CodeSystem {
		s := terminology.ReadCodeSystem(v)
		s.Origin = originOf(of)
		return s
	})
}

// ValueSet gives one of the node's value sets; nil for none.
func (k *Known) ValueSet(url, version string) *terminology.ValueSet {
	return find(k, "ValueSet", url, version, func(v tape.Value, of *record.Version) *terminology.ValueSet {
		s := terminology.ReadValueSet(v)
		s.Origin = originOf(of)
		return s
	})
}

// ConceptMap gives one of the node's concept maps; nil for none.
func (k *Known) ConceptMap(url, version string) *terminology.ConceptMap {
	return find(k, "ConceptMap", url, version, readMap)
}

func readMap(v tape.Value, of *record.Version) *terminology.ConceptMap {
	m := terminology.ReadConceptMap(v)
	m.Origin = originOf(of)
	return m
}

// scope is what a concept map is from and to.
type scope struct{ url, source, target string }

// ConceptMaps gives the URLs of the node's concept maps from a value set or to one; "" stands for any.
func (k *Known) ConceptMaps(source, target string) (urls []string) {
	const all = "ConceptMap" // no canonical: these have a type and a bar
	k.mu.Lock()
	made, known := k.made[all]
	k.mu.Unlock()
	scopes, _ := made.([]scope)
	if !known {
		var err error
		if scopes, err = k.scopes(); err != nil {
			k.own.log.Error("the concept maps of the node cannot be looked up", "error", err)
			return nil
		}
		k.keep(all, scopes, 0)
	}
	for _, s := range scopes {
		if terminology.SameCanonical(source, s.source) && terminology.SameCanonical(target, s.target) {
			urls = append(urls, s.url)
		}
	}
	return urls
}

func (k *Known) scopes() (list []scope, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limitTime)
	defer cancel()
	versions, err := k.own.record.Definitions(ctx, "ConceptMap", "", "", LimitMaps)
	seen := map[string]bool{}
	for i := range versions {
		read(&versions[i], func(v tape.Value) {
			m := readMap(v, &versions[i])
			if rank(m.Status) > 0 && m.URL != "" && !seen[m.URL] {
				seen[m.URL] = true
				list = append(list, scope{m.URL, m.Source, m.Target})
			}
		})
	}
	return list, err
}

// profile gives the StructureDefinition of a canonical, and the origin of one of the node's.
func (k *Known) profile(canonical string) (src []byte, origin string) {
	if src := k.own.base.Definitions.StructureDefinition(canonical); src != nil {
		return src, ""
	}
	url, version := terminology.Canonical(canonical)
	v := find(k, "StructureDefinition", url, version, func(_ tape.Value, of *record.Version) *record.Version { return of })
	if v == nil {
		return nil, ""
	}
	return v.Body, originOf(v)
}

// find gives what a resource of the node defines under a canonical; nil where none does.
func find[T any](k *Known, typ, url, version string, of func(tape.Value, *record.Version) *T) *T {
	if url == "" {
		return nil
	}
	key := typ + " " + url + "|" + version
	k.mu.Lock()
	made, known := k.made[key]
	k.mu.Unlock()
	switch {
	case known:
		return made.(*T)
	case k.beyond(LimitKept, LimitBytes):
		k.full.Do(func() {
			k.own.log.Warn("more definitions of the node are asked for at once than are kept; the rest are as if they were not known", "type", typ)
		})
		return nil
	}
	best, err := k.best(typ, url, version)
	if err != nil {
		k.own.log.Error("the definitions of the node cannot be looked up", "type", typ, "error", err)
		return nil
	}
	var out *T
	size := len(key)
	if best != nil {
		read(best, func(v tape.Value) { out = of(v, best) })
		size += len(best.Body)
	}
	k.keep(key, out, size)
	return out
}

func (k *Known) keep(key string, made any, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, twice := k.made[key]; !twice {
		k.made[key] = made
		k.size += size
	}
}

// best finds the resource that counts; nil for none.
func (k *Known) best(typ, url, version string) (*record.Version, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limitTime)
	defer cancel()
	versions, err := k.own.record.Definitions(ctx, typ, url, version, LimitSame)
	if err != nil {
		return nil, err
	}
	var best *record.Version
	var rankOf int
	var versionOf string
	for i := range versions { // those written last come first
		read(&versions[i], func(v tape.Value) {
			r, number := rank(v.Get("status").Text()), v.Get("version").Text()
			if r > 0 && (best == nil || cmp.Or(cmp.Compare(r, rankOf), definition.CompareVersions(number, versionOf)) > 0) {
				best, rankOf, versionOf = &versions[i], r, number
			}
		})
	}
	return best, nil
}

// rank orders states of a definition (http://hl7.org/fhir/publication-status); 0 for one that is not used: what is retired should no longer be, of what is
// unknown nobody says that it may be.
func rank(status string) int {
	switch status {
	case "active":
		return 2
	case "draft":
		return 1
	}
	return 0
}

// read calls fn with a version's content, unless that is too large.
func read(v *record.Version, fn func(tape.Value)) {
	t := tape.Get()
	defer t.Release()
	if t.Parse(v.Body, tape.Limits{Bytes: LimitOne, Nodes: LimitOne / 4}) == nil {
		fn(t.Root())
	}
}
