package backup

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Checked is what a check of a place found.
type Checked struct {
	Number  uint64    `json:"number"`        // of the latest backup
	Time    time.Time `json:"time,omitzero"` // of the latest backup; zero where it does not open
	Objects int       `json:"objects"`       // read and opened
	Bytes   int64     `json:"bytes"`         // of them
	Damaged int       `json:"damaged"`       // objects, missing ones too
	Damages []Damage  `json:"damages"`       // the first maxNamed of them
}

// Check reads everything at a place, opens it, and looks whether all that the manifests name is there. It writes nothing. Months whose key is gone
// are passed over: they are to be unreadable. Errors: ErrNone, ErrKit, those of the place.
func Check(ctx context.Context, s Store, masterKey []byte, public verify.PublicKey, tell func(Progress)) (*Checked, error) {
	keys, err := expandMaster(masterKey)
	if err != nil {
		return nil, err
	}
	c := &checker{
		place: place{s, keys, public}, tell: tell, stored: make(map[string]int64), months: make(map[string][]byte),
		needed: make(map[string]string), bad: make(damages), done: Checked{Damages: []Damage{}},
	}
	for _, part := range []func(context.Context) error{c.survey, c.head, c.openMonths, c.latestIsThere, c.manifests, c.contents} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	n, named := c.bad.report()
	c.done.Damaged, c.done.Damages = n, append(c.done.Damages, named...)
	return &c.done, nil
}

// checker is a check under way.
type checker struct {
	place
	tell     func(Progress)
	stored   map[string]int64  // objects at the place
	months   map[string][]byte // keys that open
	needed   map[string]string // by a manifest: the file or secret
	latest   string            // name of the newest manifest
	bad      damages
	done     Checked
	progress Progress
}

// found notes an object that was read, with its damage, and gives back what is no damage.
func (c *checker) found(size int64, err error) error {
	damage := (*DamageError)(nil)
	switch {
	case errors.As(err, &damage):
		c.bad.add(damage)
	case err != nil:
		return err
	}
	if damage == nil || !damage.gone {
		c.done.Objects++
	}
	c.done.Bytes += size
	if c.progress.Bytes += size; c.tell != nil {
		c.tell(c.progress)
	}
	return nil
}

func (c *checker) survey(ctx context.Context) error {
	for _, prefix := range []string{"objects/", "epoch/", "epochs/"} {
		err := c.List(ctx, prefix, func(name string, size int64) error {
			c.stored[name] = size
			c.progress.Total += size
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// head looks at the two files that a restore begins with.
func (c *checker) head(ctx context.Context) error {
	err := c.recognise(ctx)
	if errors.Is(err, ErrNone) {
		if len(c.stored) == 0 {
			return err
		}
		err = &DamageError{Object: repositoryFile, Reason: "it is missing", gone: true}
	}
	if err := c.found(0, err); err != nil {
		return err
	}
	b, err := c.read(ctx, latestFile, "")
	if err != nil {
		if damage := (*DamageError)(nil); errors.As(err, &damage) && damage.gone && !c.anyManifest() {
			return ErrNone // the first backup was cut short
		}
		return c.found(0, err)
	}
	c.latest = strings.TrimSuffix(string(b), "\n")
	if _, _, ok := parseManifestName(c.latest); !ok {
		err = &DamageError{Object: latestFile, Reason: "it does not name a manifest"}
	} else if _, is := c.stored[c.latest]; !is {
		err = &DamageError{Object: latestFile, Reason: "it names " + c.latest + ", which is missing"}
	}
	return c.found(int64(len(b)), err)
}

func (c *checker) anyManifest() bool {
	for name := range c.stored {
		if _, _, ok := parseManifestName(name); ok {
			return true
		}
	}
	return false
}

func (c *checker) openMonths(ctx context.Context) error {
	for name, size := range c.stored {
		month, ok := strings.CutPrefix(name, "epochs/")
		if !ok {
			continue
		}
		key, err := c.month(ctx, month)
		if errors.Is(err, ErrNotFound) {
			continue // swept since it was listed
		}
		if err := c.found(size, err); err != nil {
			return err
		}
		if err == nil {
			c.months[month] = key
		}
	}
	return nil
}

// latestIsThere names what the newest backup cannot be opened without.
func (c *checker) latestIsThere(context.Context) error {
	month, _, ok := parseManifestName(c.latest)
	if !ok {
		return nil
	}
	for _, name := range []string{epochFile(month), c.latest} {
		if _, is := c.stored[name]; !is {
			c.bad.add(&DamageError{Object: name, Of: "the latest backup", Reason: "it is missing", gone: true})
		}
	}
	return nil
}

// manifests opens the manifests of all months that open, and looks for what they name.
func (c *checker) manifests(ctx context.Context) error {
	for name, size := range c.stored {
		month, number, ok := parseManifestName(name)
		key := c.months[month]
		if !ok || key == nil {
			continue
		}
		b, err := c.read(ctx, name, "")
		var m *Manifest
		if err == nil {
			m, err = c.parse(key, name, b)
			if err == nil && (m.Month != month || m.Number != number) {
				err = errors.New("it is another manifest")
			}
			if err != nil {
				err = &DamageError{Object: name, Reason: err.Error()}
			}
		}
		if err := c.found(size, err); err != nil {
			return err
		}
		if err == nil {
			c.need(name, m)
		}
	}
	return nil
}

func (c *checker) need(name string, m *Manifest) {
	if name == c.latest {
		c.done.Number, c.done.Time = m.Number, time.UnixMilli(m.Time).UTC()
	}
	look := func(object, of string) {
		c.needed[object] = of
		if _, is := c.stored[object]; !is {
			c.bad.add(&DamageError{Object: object, Of: of, Reason: fmt.Sprintf("it is missing, and backup %d needs it", m.Number), gone: true})
		}
	}
	for i := range m.Files {
		for _, h := range m.Files[i].pieces() {
			look(c.keys.object(h), m.Files[i].Path)
		}
	}
	for _, s := range m.Secrets {
		look(s.Object, s.Name)
	}
}

// contents opens the pieces, and the secrets of the months that open.
func (c *checker) contents(ctx context.Context) error {
	var all []sealedObject
	for name, size := range c.stored {
		switch top, rest, _ := strings.Cut(name, "/"); top {
		case "objects":
			all = append(all, c.pieceObject(name, c.needed[name], size))
		case "epoch":
			month, kind, _ := strings.Cut(rest, "/")
			if key := c.months[month]; key != nil && path.Dir(path.Dir(kind)) == "secrets" {
				all = append(all, secretObject(name, c.needed[name], size, month, key))
			}
		}
	}
	return c.inspectAll(ctx, all, func(o *sealedObject, damage *DamageError) {
		var err error
		if damage != nil {
			err = damage
		}
		_ = c.found(o.size, err) // a damage is no error of the place
	})
}
