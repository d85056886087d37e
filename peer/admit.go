package peer

import (
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/sijil-health/sijil/verify"
)

// Why another node is not spoken to. All are matched with errors.Is.
var (
	// ErrCertificate is returned for a certificate that is malformed, expired, of another ledger, or not signed by the
	// organisation it names.
	ErrCertificate = errors.New("peer: certificate refused")
	// ErrNotMember is returned for an organisation that is no member now, or whose key is no longer the one on the ledger.
	ErrNotMember = errors.New("peer: not a member of this ledger")
	// ErrWrongMember is returned when the address of one member answers with the certificate of another.
	ErrWrongMember = errors.New("peer: another member answered at this address")
	// ErrUnreachable is returned when no answer came: no address, no connection, or no time left.
	ErrUnreachable = errors.New("peer: no answer")
)

// Members gives the current members as the ledger has them. It is asked at every handshake and every request, from many
// goroutines, and must be quick; the slice is not modified.
type Members func() []verify.Member

// Find gives the member org, if it is one now.
func (m Members) Find(org verify.OrgID) (verify.Member, bool) {
	all := m()
	i := slices.IndexFunc(all, func(x verify.Member) bool { return x.Org == org })
	if i < 0 {
		return verify.Member{}, false
	}
	return all[i], true
}

// admit says which member a chain of certificates belongs to, or why to none.
func (id *Identity) admit(members Members, chain []*x509.Certificate) (verify.Member, error) {
	var none verify.Member
	if len(chain) != 2 {
		return none, fmt.Errorf("%w: %d certificates, want the node's and its organisation's", ErrCertificate, len(chain))
	}
	leaf, root := chain[0], chain[1]
	org, err := id.named(leaf)
	if err != nil {
		return none, err
	}
	key, ok := root.PublicKey.(ed25519.PublicKey)
	if !ok || !root.IsCA || leaf.IsCA {
		return none, fmt.Errorf("%w: the organisation's is not an Ed25519 authority", ErrCertificate)
	}
	member, ok := members.Find(org)
	if !ok {
		return none, fmt.Errorf("%w: %s", ErrNotMember, org)
	}
	if verify.PublicKey(key) != member.Key {
		return none, fmt.Errorf("%w: %s (%s) shows a key that is not its own on the ledger", ErrNotMember, member.Name, org)
	}
	if err := leaf.CheckSignatureFrom(root); err != nil {
		return none, fmt.Errorf("%w: not signed by %s: %w", ErrCertificate, org, err)
	}
	return member, id.inTime(org, leaf)
}

// inTime refuses a certificate that is not valid yet, or not any more.
func (id *Identity) inTime(org verify.OrgID, leaf *x509.Certificate) error {
	now := id.now()
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return fmt.Errorf("%w: that of %s is valid from %s to %s and it is %s here: compare the two nodes' clocks",
			ErrCertificate, org, leaf.NotBefore.UTC().Format(timeForm), leaf.NotAfter.UTC().Format(timeForm), now.UTC().Format(timeForm))
	}
	return nil
}

// still tells whether an admitted chain would be admitted now, by today's ledger. The signatures were checked at the handshake
// and do not change; the membership and the key may, and the time does.
func (id *Identity) still(members Members, chain []*x509.Certificate) (verify.OrgID, error) {
	var none verify.OrgID
	if len(chain) != 2 {
		return none, ErrCertificate
	}
	org, err := id.named(chain[0])
	if err != nil {
		return none, err
	}
	key, ok := chain[1].PublicKey.(ed25519.PublicKey)
	if !ok {
		return none, ErrCertificate
	}
	if member, ok := members.Find(org); !ok || verify.PublicKey(key) != member.Key {
		return none, fmt.Errorf("%w: %s", ErrNotMember, org)
	}
	return org, id.inTime(org, chain[0])
}

const timeForm = "2006-01-02 15:04:05 UTC"
