package subscription

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/sijil-health/sijil/record"
)

// tokens are what websocket clients bind with (backport, $get-ws-binding-token), by the hash of their text. They end with the process.
type tokens struct {
	mu    sync.Mutex
	given map[[sha256.Size]byte]binding
}

// binding is what a token binds, and until when.
type binding struct {
	by    record.Access
	ids   []string
	until time.Time
}

// The tokens that are kept at most, over all and of one actor.
const (
	maxTokens   = 1_024
	actorTokens = 64
)

// give makes a token. Errors: ErrBusy.
func (t *tokens) give(b binding) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := 0
	for sum, old := range t.given {
		switch {
		case time.Now().After(old.until):
			delete(t.given, sum)
		case old.by.Actor == b.by.Actor:
			mine++
		}
	}
	if len(t.given) >= maxTokens || mine >= actorTokens {
		return "", ErrBusy
	}
	if t.given == nil {
		t.given = map[[sha256.Size]byte]binding{}
	}
	token := newSecret()
	t.given[sha256.Sum256([]byte(token))] = b
	return token, nil
}

func (t *tokens) find(token string) (binding, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.given[sha256.Sum256([]byte(token))]
	return b, ok && time.Now().Before(b.until)
}

// newSecret gives 256 random bits as text.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Token gives an owner of websocket Subscriptions a token to bind them with, all of theirs that are in force where none are named. Errors: ErrUnknown,
// ErrChannel, ErrBusy, record.ErrForbidden.
func (x *Subscriptions) Token(ctx context.Context, a record.Access, ids []string) (token string, until time.Time, bound []string, err error) {
	for _, id := range ids {
		w, err := x.owned(ctx, a, id)
		if err == nil && w.channel != websocket {
			err = ErrChannel
		}
		if err != nil {
			return "", until, nil, err
		}
	}
	if len(ids) == 0 {
		for _, id := range x.Mine(a) {
			if w := x.find(id); w != nil && w.channel == websocket && w.status() == active {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return "", until, nil, ErrUnknown
	}
	until = time.Now().Add(x.opt.Limits.Binding).UTC()
	token, err = x.tokens.give(binding{a, ids, until})
	return token, until, ids, err
}
