package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/sijil-health/sijil/verify"
)

// readers is how many objects are read back at once: a bucket answers each after some time only.
const readers = 4

// maxNamed bounds how many damaged objects one report names; all are counted.
const maxNamed = 1000

// Damage is an object that is missing at the place, or is not what was stored.
type Damage struct {
	Object  string `json:"object"`            // its name at the place
	Of      string `json:"of,omitempty"`      // the file or secret it belongs to, where that is known
	Reason  string `json:"reason"`            // for people
	Missing bool   `json:"missing,omitempty"` // there is nothing of that name
	Mended  bool   `json:"mended,omitempty"`  // this backup stored it again
}

// damages are damaged objects by name.
type damages map[string]*Damage

func (d damages) add(e *DamageError) {
	if d[e.Object] == nil {
		d[e.Object] = &Damage{Object: e.Object, Of: e.Of, Reason: e.Reason, Missing: e.gone}
	}
}

func (d damages) mended(object string) {
	if bad := d[object]; bad != nil {
		bad.Mended = true
	}
}

// sealedObject is a piece or a secret at the place. Its name is a keyed hash of its content: nothing else is needed to know that it is what
// was stored.
type sealedObject struct {
	name   string
	of     string // the file or secret it belongs to; "" when it is not known
	size   int64  // sealed
	key    []byte
	nameOf func(content verify.Hash) string
}

func (p *place) pieceObject(name, of string, size int64) sealedObject {
	return sealedObject{name: name, of: of, size: size, key: p.keys.piece, nameOf: p.keys.object}
}

func secretObject(name, of string, size int64, month string, key []byte) sealedObject {
	return sealedObject{name: name, of: of, size: size, key: key, nameOf: func(h verify.Hash) string { return secretName(month, key, h) }}
}

// secretName names the secret of a month with a content.
func secretName(month string, key []byte, content verify.Hash) string {
	return "epoch/" + month + "/secrets/" + shelf(expand(key, "sijil/backup/name/1", keySize), content)
}

// read gets an object that should be there. Errors: *DamageError, those of the place.
func (p *place) read(ctx context.Context, name, of string) ([]byte, error) {
	b, err := p.Get(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, &DamageError{Object: name, Of: of, Reason: "it is missing", gone: true}
	case errors.Is(err, syscall.EIO):
		return nil, &DamageError{Object: name, Of: of, Reason: fmt.Sprintf("the disk cannot read it: %v", err)}
	}
	return b, err
}

// inspect reads an object and opens it. Errors: *DamageError, those of the place.
func (p *place) inspect(ctx context.Context, o *sealedObject) error {
	sealed, err := p.read(ctx, o.name, o.of)
	if err != nil {
		return err
	}
	plain, err := unseal(o.key, o.name, sealed)
	if err == nil && o.nameOf(sha256.Sum256(plain)) != o.name {
		err = errors.New("its content is not the one that it is named after")
	}
	if err != nil {
		return &DamageError{Object: o.name, Of: o.of, Reason: err.Error()}
	}
	return nil
}

// inspectAll inspects objects, several at once, and calls done with each and its damage, nil for none, one at a time. It ends with the first error
// of the place.
func (p *place) inspectAll(ctx context.Context, objects []sealedObject, done func(*sealedObject, *DamageError)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan *sealedObject)
	for range readers {
		wg.Go(func() {
			for o := range next {
				err, damage := p.inspect(ctx, o), (*DamageError)(nil)
				if err != nil && !errors.As(err, &damage) {
					cancel(err)
					continue
				}
				mu.Lock()
				done(o, damage)
				mu.Unlock()
			}
		})
	}
feed:
	for i := range objects {
		select {
		case next <- &objects[i]:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
