package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Create makes a key store in dir, which must not exist or be empty, and opens it. It is there completely or not at all.
func Create(dir string, root RootKey, opt Options) (*Vault, error) {
	v := newVault(root, opt)
	rand.Read(v.id[:])
	guide := newKey()
	p := v.plan()
	p.secrets = map[string][]byte{}
	p.touch(secretsPage)
	p.slots[v.table.next] = slotContent{compartment: Guide, cek: guide}
	p.touch(leafOf(v.table.next))
	if err := v.raise(dir, p); err != nil {
		return nil, fmt.Errorf("create key store in %s: %w", dir, err)
	}
	return Open(dir, root, opt)
}

// raise writes a whole new key store, the content of the plan, beside dir and then moves it there.
func (v *Vault) raise(dir string, p *plan) error {
	if names, err := v.disk.ReadDir(dir); err == nil && len(names) > 0 {
		return ErrExists
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir = filepath.Clean(dir)
	temp, parent := dir+".new", filepath.Dir(dir)
	if err := removeAll(v.disk, temp); err != nil {
		return err
	}
	if err := makeDir(v.disk, temp); err != nil {
		return err
	}
	s, err := createStore(v.disk, temp)
	if err != nil {
		return err
	}
	frames := p.pages(v.epoch)
	for _, f := range frames {
		s.waiting[f.id] = f.bytes
	}
	s.acked.vault = v.id
	edition := v.edition + uint64(len(frames)) + 1 // that of the top secret
	err = errors.Join(s.settle(edition), s.close())
	if err == nil {
		err = v.raiseTop(filepath.Join(temp, topName), p.tree.top, edition)
	}
	if err == nil {
		err = v.disk.SyncDir(temp)
	}
	if err == nil {
		err = v.disk.Rename(temp, dir)
	}
	if err != nil {
		return err
	}
	return v.disk.SyncDir(parent)
}

func (v *Vault) raiseTop(path string, secret [32]byte, edition uint64) error {
	r, err := wrapTop(v.root, v.id, v.epoch, edition, secret)
	if err != nil {
		return err
	}
	f, err := v.disk.Create(path)
	if err != nil {
		return err
	}
	t := &topFile{path: path, f: f}
	return errors.Join(t.settle(r), f.Close())
}
