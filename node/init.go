package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// Setup is what a new node is made from.
type Setup struct {
	Dir    string
	Config *Config
	// Passphrase is asked for once the directory is known to be free: a new one is often made into it.
	Passphrase func() ([]byte, error)
	// Follower makes a member that keeps the ledger without voting on it: a small clinic, an observer.
	Follower bool
	// Lone founds a ledger of the node's own.
	Lone bool
	// Kit is a new file for the recovery kit; empty, the kit is only returned.
	Kit string
}

// Made is a new node: its public description, and the kit that brings the organisation back when the machine is lost.
type Made struct {
	Member verify.Member
	Kit    *Kit
}

// Init makes the keys and directories of a new node. It does not make or join a ledger unless Setup.Lone: Found and Join do.
// The directory must be empty or absent. The kit is kept nowhere but in Setup.Kit, and is there, on disk, before there is a configuration
// to start the node by. If anything fails, neither node nor kit is left.
func Init(ctx context.Context, s Setup) (_ *Made, err error) {
	if p := s.Config.Check(); p != nil {
		return nil, p
	}
	_, err = os.Stat(s.Dir)
	existed := err == nil
	if err := emptyDir(s.Dir); err != nil {
		return nil, err
	}
	var kit *kitFile
	defer func() {
		if err != nil {
			err = errors.Join(err, kit.discard(), unmake(s.Dir, existed))
		}
	}()
	if s.Kit != "" {
		if kit, err = createKit(s.Kit); err != nil {
			return nil, err
		}
	}
	made, err := makeKeys(&s)
	if err != nil {
		return nil, err
	}
	if kit != nil {
		if err := kit.write(made.Kit); err != nil {
			return nil, err
		}
	}
	return made, makePapers(&s, &made.Member)
}

// unmake empties a directory that was empty before, and removes it if it was not there.
func unmake(dir string, existed bool) error {
	if !existed {
		return os.RemoveAll(dir)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// makeKeys makes root key, key store and the identity in the engine's network.
func makeKeys(s *Setup) (*Made, error) {
	l := Layout{s.Dir}
	passphrase, err := s.Passphrase()
	if err != nil {
		return nil, err
	}
	root, err := vault.CreatePassphraseRoot(l.Root(), passphrase)
	if err != nil {
		return nil, err
	}
	escrowPublic, escrowPrivate := vault.NewEscrowKey()
	v, err := vault.Create(l.Keys(), root, vault.Options{Escrow: escrowPublic})
	if err != nil {
		return nil, err
	}
	made, err := describe(l, s, v, escrowPublic, escrowPrivate)
	return made, errors.Join(err, v.Close())
}

// makePapers writes what is no secret; the configuration comes last, for a node is there when it is.
func makePapers(s *Setup, m *verify.Member) error {
	l := Layout{s.Dir}
	if err := writeJSON(l.Member(), m); err != nil {
		return err
	}
	if s.Lone {
		g, err := Found([]verify.Member{*m}, time.Now())
		if err != nil {
			return err
		}
		if err := Adopt(s.Dir, g); err != nil {
			return err
		}
	}
	return writeJSON(l.Config(), s.Config)
}

func describe(l Layout, s *Setup, v *vault.Vault, escrowPublic, escrowPrivate []byte) (*Made, error) {
	if err := makeSecrets(v); err != nil {
		return nil, err
	}
	keys, err := loadSigners(v)
	if err != nil {
		return nil, err
	}
	nodeID, validator, err := chain.GenerateKeys(l.Chain())
	if err != nil {
		return nil, err
	}
	m := verify.Member{
		Org: verify.OrgOf(keys.public()), Name: s.Config.Name, Key: keys.public(), NodeID: nodeID,
		P2P: s.Config.P2P, Peer: s.Config.Peer, Escrow: escrowPublic, MLDSA: keys.mldsa.PublicKey().Bytes(),
	}
	if !s.Follower {
		m.Validator, m.Power = validator, 1
	}
	kit := &Kit{Format: kitFormat, Org: m.Org, Name: m.Name, Escrow: escrowPrivate}
	if kit.Organisation, err = v.Secret(secretOrg); err != nil {
		return nil, err
	}
	if kit.MLDSA, err = v.Secret(secretMLDSA); err != nil {
		return nil, err
	}
	if kit.Backup, err = v.Secret(secretBackup); err != nil {
		return nil, err
	}
	return &Made{Member: m, Kit: kit}, nil
}

// emptyDir makes the directory, or checks that there is nothing in it.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return durable.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == filepath.Base((Layout{dir}).Config()) {
			return lang.NewProblem("node_here", dir)
		}
	}
	if len(entries) > 0 {
		return lang.NewProblem("dir_not_empty", dir)
	}
	return nil
}

// ReadMember reads the public description of this node's organisation.
func ReadMember(dir string) (*verify.Member, error) {
	b, err := os.ReadFile((Layout{dir}).Member())
	if err != nil {
		return nil, err
	}
	m, err := verify.ParseMember(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", (Layout{dir}).Member(), err)
	}
	return m, nil
}
