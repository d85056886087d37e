package definition

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Registry is what is defined: by R4, and by packages beside it. It may be asked by many at once. What it gives as JSON is the resource,
// reduced to what checking, searching and terminology use of it; the bytes are the caller's. Nothing of it is kept: whoever asks often
// keeps what it made of it.
//
// Where several define the same URL, packages come before R4: in the order of their names, of one name the higher version first. Within one
// the highest version counts. "|version" at the end of a canonical URL asks for that one alone.
type Registry struct {
	packages   []*Package
	packs      []*pack // in the order in which they count
	parameters *parameters
}

// Base is what R4 defines.
func Base() *Registry { return baseRegistry() }

var baseRegistry = sync.OnceValue(func() *Registry { return &Registry{packs: []*pack{base()}, parameters: baseParameters()} })

// NewRegistry is what R4 and packages define. The error is that of search parameters that cannot be read.
func NewRegistry(packages ...*Package) (*Registry, error) {
	packages = slices.Clone(packages)
	slices.SortFunc(packages, func(a, b *Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), CompareVersions(b.Version, a.Version))
	})
	r := &Registry{packages: packages, parameters: baseParameters()}
	for _, p := range packages {
		r.packs = append(r.packs, p.pack)
	}
	for _, p := range slices.Backward(packages) { // the last that is added counts
		if len(p.pack.of(ofSearchParameter)) > 0 {
			var err error
			if r.parameters, err = r.parameters.with(p.pack); err != nil {
				return nil, err
			}
		}
	}
	r.packs = append(r.packs, base())
	return r, nil
}

// Packages are those beside R4, in that order. They must not be changed.
func (r *Registry) Packages() []*Package { return r.packages }

// StructureDefinition gives a profile, an extension or a type as JSON; nil for none.
func (r *Registry) StructureDefinition(canonical string) []byte {
	return r.raw(canonical, ofProfile, ofType)
}

// CodeSystem gives a code system as JSON; nil for none.
func (r *Registry) CodeSystem(canonical string) []byte { return r.raw(canonical, ofCodeSystem) }

// ValueSet gives a value set as JSON; nil for none.
func (r *Registry) ValueSet(canonical string) []byte { return r.raw(canonical, ofValueSet) }

// ConceptMap gives a concept map as JSON; nil for none.
func (r *Registry) ConceptMap(canonical string) []byte { return r.raw(canonical, ofConceptMap) }

// SearchParameters are those of a type of resource: its own, and those of all resources.
func (r *Registry) SearchParameters(resourceType string) []*SearchParameter {
	return r.parameters.of(resourceType)
}

// SearchParameter gives a parameter by its canonical URL; nil for none.
func (r *Registry) SearchParameter(url string) *SearchParameter { return r.parameters.byURL[url] }

// Definition names a resource of a registry.
type Definition struct{ URL, Version, Name string }

// Profiles are all profiles and extensions, in the order of their URLs; of each URL the one that counts.
func (r *Registry) Profiles() []Definition { return r.list(ofProfile) }

// CodeSystems are listed as Profiles are.
func (r *Registry) CodeSystems() []Definition { return r.list(ofCodeSystem) }

// ValueSets are listed as Profiles are.
func (r *Registry) ValueSets() []Definition { return r.list(ofValueSet) }

// ConceptMaps are listed as Profiles are.
func (r *Registry) ConceptMaps() []Definition { return r.list(ofConceptMap) }

func (r *Registry) list(k kind) []Definition {
	var all []Definition
	for _, p := range r.packs {
		of := p.of(k)
		for i := range of {
			if it := highest(of[i:]); i == 0 || of[i-1].url != it.url {
				all = append(all, Definition{it.url, it.version, it.name})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Definition) int { return cmp.Compare(a.URL, b.URL) })
	return slices.CompactFunc(all, func(a, b Definition) bool { return a.URL == b.URL })
}

// highest gives the highest version of the first item's URL.
func highest(of []item) *item {
	best := &of[0]
	for i := range of[1:] {
		if it := &of[i+1]; it.url != best.url {
			break
		} else if CompareVersions(it.version, best.version) > 0 {
			best = it
		}
	}
	return best
}

func (r *Registry) raw(canonical string, of ...kind) []byte {
	for _, p := range r.packs {
		for _, k := range of {
			it := p.choose(k, canonical)
			if it == nil {
				continue
			}
			b, err := p.raw(it)
			if err != nil {
				return nil // a pack is checked when it is made
			}
			return b
		}
	}
	return nil
}

// choose gives the item of a canonical; nil for none.
func (p *pack) choose(k kind, canonical string) *item {
	if found := p.find(k, canonical); len(found) > 0 { // some tables of HL7 v2 have a bar in their URL
		return highest(found)
	}
	url, version, _ := strings.Cut(canonical, "|")
	found := p.find(k, url)
	at := slices.IndexFunc(found, func(it item) bool { return it.version == version })
	if at < 0 {
		return nil
	}
	return &found[at]
}

// CompareVersions compares versions of definitions part by part, numbers as such.
func CompareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		m, errM := strconv.Atoi(x)
		n, errN := strconv.Atoi(y)
		c := cmp.Compare(x, y)
		if errM == nil && errN == nil {
			c = cmp.Compare(m, n)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
