package custody

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// putFrames stores frames that the caller brings after the fact, and answers when they are durable.
func (k *Keeper) putFrames(r *http.Request, v *visit) error {
	at, err := cursorOf(r)
	if err != nil {
		return err
	}
	frames, err := readBody(r, journal.MaxFrames)
	if err != nil {
		return err
	}
	end, err := k.store(v, at, frames)
	if err != nil {
		return err
	}
	b, err := end.MarshalBinary()
	if err != nil {
		return err
	}
	answerBytes(v.w, "application/octet-stream", b)
	return nil
}

// store brings frames to the disk, or refuses them.
func (k *Keeper) store(v *visit, at journal.Cursor, frames []byte) (end journal.Cursor, err error) {
	c, err := k.room(v.shelf, int64(len(frames)))
	if err != nil {
		return at, err
	}
	kept := int64(0)
	defer func() { c.settle(kept) }()
	end, err = v.mirror.Append(at, frames)
	if errors.Is(err, journal.ErrConflict) {
		k.alarm(v.owner, codeConflict, at.Entry, fmt.Sprintf("at %s the owner has sent other bytes than before: two histories", at))
		return at, refuse(http.StatusConflict, codeConflict, "other bytes are held at this place; an alarm was recorded", at.Entry)
	}
	if err != nil {
		return at, err
	}
	kept = v.appended(end, len(frames))
	return end, nil
}

// getFrames gives back what is held of the caller's own journal from a place on. An empty answer is the end of a run.
func (k *Keeper) getFrames(r *http.Request, v *visit) error {
	at, err := cursorOf(r)
	if err != nil {
		return err
	}
	g, err := v.mirror.Frames(at, maxRead)
	if err != nil {
		return err
	}
	v.w.Header().Set(headerEnd, g.End.String())
	answerBytes(v.w, "application/octet-stream", g.Frames)
	return nil
}

// getHeld lists what is held for the caller.
func (k *Keeper) getHeld(_ *http.Request, v *visit) error {
	end, b, err := v.mirror.Last(lastBytes)
	if err != nil {
		return err
	}
	h := held{Ranges: v.mirror.Held(), Pages: v.pageVersions(), Used: v.used.Load(), Quota: k.opt.Quota,
		Last: last{End: end, Size: int64(len(b)), Hash: hashOf(b)}, Gone: v.mirror.Gone()}
	answerCBOR(v.w, h)
	return nil
}

// getEntry gives any member a sealed entry by its tag. Only who has the chart's key can know a tag, and only who has it can open
// the entry: so a chart can be walked at the custodians, without its owner's help or knowledge.
func (k *Keeper) getEntry(r *http.Request, v *visit) error {
	s, err := k.ownerOf(r, v)
	if err != nil {
		return err
	}
	tag, ok := parseTag(r.URL.Query().Get("tag"))
	if !ok {
		return malformed("tag: want 32 hexadecimal digits")
	}
	p, found, err := k.book.place(s.owner, tag)
	if err != nil {
		return err
	}
	if !found {
		return journal.ErrNotHeld
	}
	record, err := s.mirror.Read(p.at)
	if err != nil {
		return k.damaged(s.owner, p.number, err)
	}
	i := p.number - record.First
	if i >= uint64(len(record.Entries)) || record.Entries[i].Tag != tag {
		return fmt.Errorf("custody: the book names entry %d of %s for tag %s, the record does not", p.number, s.owner, hex.EncodeToString(tag[:]))
	}
	e := &record.Entries[i]
	answerCBOR(v.w, Witnessed{Number: p.number, Bind: e.Bind, Envelope: e.Envelope, Time: record.Time})
	return nil
}

// damaged raises an alarm where an error is damage of a held copy, and gives the error on.
func (k *Keeper) damaged(owner verify.OrgID, entry uint64, err error) error {
	if damage := (*journal.DamageError)(nil); errors.As(err, &damage) {
		k.alarm(owner, "damage", entry, "a held copy cannot be read: "+damage.Error())
	}
	return err
}

// ownerOf is the shelf that a read is about: the caller's own, or that of the member it names. It never makes a new one.
func (k *Keeper) ownerOf(r *http.Request, v *visit) (*shelf, error) {
	name := r.URL.Query().Get("owner")
	if name == "" {
		return v.shelf, nil
	}
	var owner verify.OrgID
	if err := owner.UnmarshalText([]byte(name)); err != nil {
		return nil, malformed("owner: want an organisation in hexadecimal")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.shelves[owner]
	if s == nil {
		return nil, journal.ErrNotHeld
	}
	return s, nil
}

func cursorOf(r *http.Request) (at journal.Cursor, err error) {
	if err := at.UnmarshalText([]byte(r.URL.Query().Get("at"))); err != nil {
		return at, malformed("at: want segment/offset/entry in decimal")
	}
	return at, nil
}
