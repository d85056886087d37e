package peer

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

const (
	// certificateLife bounds for how long a transport key stolen from a node's memory is of use.
	certificateLife = 24 * time.Hour
	// clockLeeway is by how much another node's clock may be behind when it looks at a fresh certificate.
	clockLeeway = time.Hour
	// renewBefore is how long before a certificate of a connection expires new requests take another one. What is under way goes on until then.
	renewBefore = certificateLife / 4
)

// Identity is an organisation as its node shows it to other nodes. It is safe for concurrent use.
type Identity struct {
	chain  string
	org    verify.OrgID
	signer crypto.Signer
	key    verify.PublicKey
	now    func() time.Time

	mu    sync.Mutex
	cert  *tls.Certificate
	renew time.Time
}

// NewIdentity makes the node's identity on the ledger named chain (verify.Genesis.Chain). The signer holds the
// organisation's Ed25519 signing key, in memory or in a device; it is asked for two signatures now and again whenever the
// certificate is renewed, which happens by itself.
func NewIdentity(chain string, org verify.OrgID, signer crypto.Signer) (*Identity, error) {
	return newIdentity(chain, org, signer, time.Now)
}

func newIdentity(chain string, org verify.OrgID, signer crypto.Signer, now func() time.Time) (*Identity, error) {
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("peer: the signing key is a %T, want Ed25519", signer.Public())
	}
	if chain == "" {
		return nil, errors.New("peer: no chain named")
	}
	id := &Identity{chain: chain, org: org, signer: signer, key: verify.PublicKey(public), now: now}
	_, err := id.certificate()
	return id, err
}

// Org is the organisation that the identity stands for.
func (id *Identity) Org() verify.OrgID { return id.org }

// certificate gives the current certificate, a new one once half of its life has passed.
func (id *Identity) certificate() (*tls.Certificate, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	now := id.now()
	if id.cert != nil && now.Before(id.renew) && now.After(id.renew.Add(-certificateLife)) {
		return id.cert, nil
	}
	cert, err := id.issue(now)
	if err != nil {
		return nil, err
	}
	id.cert, id.renew = cert, now.Add(certificateLife/2)
	return cert, nil
}

// expiry is when the certificate that is shown now is no longer valid.
func (id *Identity) expiry() time.Time {
	_, _ = id.certificate() // where none can be made, the old one's
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.renew.Add(certificateLife / 2)
}

// issue makes a transport key and the two certificates that tie it to the organisation's signing key.
func (id *Identity) issue(now time.Time) (*tls.Certificate, error) {
	from, to := now.Add(-clockLeeway), now.Add(certificateLife)
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "sijil organisation " + id.org.String()},
		NotBefore:             from,
		NotAfter:              to,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, id.signer.Public(), id.signer)
	if err != nil {
		return nil, fmt.Errorf("peer: certificate of the organisation: %w", err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("peer: transport key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("peer: serial number: %w", err)
	}
	node := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "sijil node " + id.org.String()},
		NotBefore:             from,
		NotAfter:              to,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{nodeName(id.chain, id.org)},
	}
	leaf, err := x509.CreateCertificate(rand.Reader, node, authority, public, id.signer)
	if err != nil {
		return nil, fmt.Errorf("peer: certificate of the node: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf, root}, PrivateKey: private}, nil
}

// nodeName is the one name in a node's certificate: the ledger and the organisation on it.
func nodeName(chain string, org verify.OrgID) *url.URL {
	return &url.URL{Scheme: "sijil", Host: chain, Path: "/" + org.String()}
}

// named reads the organisation out of a certificate that names exactly one, on this ledger.
func (id *Identity) named(leaf *x509.Certificate) (verify.OrgID, error) {
	var org verify.OrgID
	if len(leaf.URIs) != 1 || leaf.URIs[0].Scheme != "sijil" {
		return org, fmt.Errorf("%w: it names no node", ErrCertificate)
	}
	name := leaf.URIs[0]
	if name.Host != id.chain {
		return org, fmt.Errorf("%w: it is for the ledger %.64q, this one is %s", ErrCertificate, name.Host, id.chain)
	}
	if err := org.UnmarshalText(bytes.TrimPrefix([]byte(name.Path), []byte("/"))); err != nil {
		return org, fmt.Errorf("%w: %.64q names no organisation", ErrCertificate, name.Path)
	}
	return org, nil
}

// base is what both directions of TLS have in common. Standard verification is off because trust comes from the ledger,
// not from a list of authorities: admit takes its place, and runs on every handshake, resumed ones included.
func (id *Identity) base(admit func(tls.ConnectionState) error) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{"h2"},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		VerifyConnection:       admit,
		SessionTicketsDisabled: true,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return id.certificate() },
		GetClientCertificate:   func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return id.certificate() },
	}
}
