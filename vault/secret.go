package vault

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// PutSecret keeps one of the organisation's own secrets (the seed of its signing key, the key of its tokens) in the key
// store, at most MaxSecret bytes under a name of at most MaxName. Replacing one destroys the former value as EraseChart
// destroys a chart's keys. It is durable when PutSecret returns.
func (v *Vault) PutSecret(name string, value []byte) error {
	if name == "" || len(name) > MaxName || len(value) > MaxSecret {
		return fmt.Errorf("%w: secret of %d bytes under a name of %d", ErrLimit, len(value), len(name))
	}
	v.write.Lock()
	defer v.write.Unlock()
	p := v.plan()
	p.secrets = maps.Clone(v.secrets)
	p.secrets[name] = bytes.Clone(value)
	if !putSecrets(new([bodySize]byte), slices.Sorted(maps.Keys(p.secrets)), p.secrets) {
		return fmt.Errorf("%w: the organisation's secrets take more than %d bytes together", ErrLimit, bodySize)
	}
	if old, ok := v.secrets[name]; !ok {
		p.touch(secretsPage)
	} else if bytes.Equal(old, value) {
		return v.writable()
	} else {
		p.rekey(secretsPage)
	}
	return v.commit(p)
}

// Secret gives what PutSecret kept, or ErrNotFound.
func (v *Vault) Secret(name string) ([]byte, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return nil, ErrClosed
	}
	value, ok := v.secrets[name]
	if !ok {
		return nil, fmt.Errorf("secret %q: %w", name, ErrNotFound)
	}
	return bytes.Clone(value), nil
}
