package subscription

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sijil-health/sijil/record"
)

// TestPlaces has one actor take all that one may: others get theirs, and the next of that one waits until one is given back.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p places
		p.begin(3, 2)
		took := make(chan string, 4)
		take := func(actor string) {
			if err := p.take(t.Context(), actor); err == nil {
				took <- actor
			}
		}
		for range 3 {
			go take("a")
		}
		synctest.Wait()
		if len(took) != 2 {
			t.Fatalf("one actor took %d places", len(took))
		}
		go take("b")
		synctest.Wait()
		if len(took) != 3 {
			t.Fatal("another actor waits")
		}
		p.give("b")
		synctest.Wait()
		if len(took) != 3 {
			t.Fatal("one actor took more than it may")
		}
		p.give("a")
		synctest.Wait()
		if len(took) != 4 {
			t.Error("who waits got nothing")
		}
	})
}

// TestTokensOfOneActor bounds the tokens of each, so that nobody keeps the others from theirs.
func TestTokensOfOneActor(t *testing.T) {
	var all tokens
	give := func(actor string) error {
		_, err := all.give(binding{by: record.Access{Actor: actor}, until: time.Now().Add(time.Hour)})
		return err
	}
	for range actorTokens {
		if err := give("a"); err != nil {
			t.Fatal(err)
		}
	}
	if give("a") != ErrBusy || give("b") != nil {
		t.Error("one actor has no bound, or keeps another out")
	}
}
