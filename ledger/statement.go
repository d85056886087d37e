package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// statement gives what this node's chain says at a height, as a checkpoint of an epoch, and the keys of those who may sign it:
// the members of the epoch, and for the checkpoint that begins it those of the one before.
func (n *Notary) statement(ctx context.Context, height int64, epoch uint64) (*verify.Checkpoint, []verify.NoteKey, error) {
	list, err := n.periods.list(ctx)
	if err != nil {
		return nil, nil, err
	}
	last := uint64(len(list)) - 1
	if epoch > last || height <= 0 || height < list[epoch].Start || epoch < last && height > list[epoch+1].Start {
		return nil, nil, fmt.Errorf("%w: height %d is not in epoch %d", ErrDisagree, height, epoch)
	}
	b, err := blockAt(ctx, n.opt.Engine, height)
	if err != nil {
		return nil, nil, err
	}
	root, err := n.opt.Engine.LogRoot(ctx, b.LogSize)
	if err != nil {
		return nil, nil, err
	}
	p := &list[epoch]
	keys, err := memberKeys(n.opt.Chain, p.Members)
	if err == nil && epoch > 0 && height == p.Start {
		var before []verify.NoteKey
		before, err = memberKeys(n.opt.Chain, list[epoch-1].Members)
		keys = append(keys, before...)
	}
	return verify.NewCheckpoint(n.opt.Chain, epoch, p.Members, height, b.LogSize, root), keys, err
}

// memberKeys gives what members sign checkpoints with.
func memberKeys(chain string, members []verify.Member) ([]verify.NoteKey, error) {
	var keys []verify.NoteKey
	for i := range members {
		m := &members[i]
		k, err := verify.NewNoteKey(verify.MemberKeyName(chain, m.Org), verify.AlgEd25519, m.Key[:])
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
		if len(m.MLDSA) == 0 {
			continue
		}
		if k, err = verify.NewNoteKey(verify.MemberKeyName(chain, m.Org), verify.AlgMLDSA65, m.MLDSA); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// voters counts the voting members of a period that signed the note. Its signatures were checked when they were added.
func voters(note *verify.Note, keys []verify.NoteKey, p *Period) int {
	count := 0
	for i := range p.Members {
		m := &p.Members[i]
		if m.Power == 0 {
			continue
		}
		for _, s := range note.Signatures {
			if k := keyOf(keys, s); k != nil && k.Algorithm() == verify.AlgEd25519 && strings.HasSuffix(k.Name(), "/"+m.Org.String()) && ofMember(k, m) {
				count++
				break
			}
		}
	}
	return count
}

// ofMember tells whether a key is the one a member has.
func ofMember(k *verify.NoteKey, m *verify.Member) bool {
	own, err := verify.NewNoteKey(k.Name(), verify.AlgEd25519, m.Key[:])
	return err == nil && own.ID() == k.ID()
}

func keyOf(keys []verify.NoteKey, s verify.NoteSignature) *verify.NoteKey {
	for i := range keys {
		if keys[i].ID() == s.ID && keys[i].Name() == s.Name {
			return &keys[i]
		}
	}
	return nil
}
