package node

import "path/filepath"

// Layout names the files of a data directory.
type Layout struct{ Dir string }

// Config is what the operator decides: addresses, copies, engine.
func (l Layout) Config() string { return filepath.Join(l.Dir, "config.json") }

// Genesis is what the founders agreed on; its hash is the chain's name.
func (l Layout) Genesis() string { return filepath.Join(l.Dir, "genesis.json") }

// Member is the public description of the organisation, as it stands or will stand on the ledger.
func (l Layout) Member() string { return filepath.Join(l.Dir, "member.json") }

// Root is the organisation's root key, wrapped by the passphrase.
func (l Layout) Root() string { return filepath.Join(l.Dir, "root.key") }

// Keys is the erasable key store.
func (l Layout) Keys() string { return filepath.Join(l.Dir, "keys") }

// Journal holds the node's own segments.
func (l Layout) Journal() string { return filepath.Join(l.Dir, "journal") }

// Held holds what the node keeps for other organisations.
func (l Layout) Held() string { return filepath.Join(l.Dir, "held") }

// Blobs holds ciphertexts too large for the journal.
func (l Layout) Blobs() string { return filepath.Join(l.Dir, "blobs") }

// Index is the rebuildable projection.
func (l Layout) Index() string { return filepath.Join(l.Dir, "index") }

// Exports holds the files of exports while the node runs. They open to nobody afterwards.
func (l Layout) Exports() string { return filepath.Join(l.Dir, "exports") }

// Answers holds what is answered in the background while the node runs. It opens to nobody afterwards.
func (l Layout) Answers() string { return filepath.Join(l.Dir, "answers") }

// Imports holds imports that are under way, sealed, and what is to be said of those that are complete.
func (l Layout) Imports() string { return filepath.Join(l.Dir, "imports") }

// Subscriptions is what is remembered of who is to be told of which changes.
func (l Layout) Subscriptions() string { return filepath.Join(l.Dir, "subscriptions") }

// Chain is the consensus engine's directory.
func (l Layout) Chain() string { return filepath.Join(l.Dir, "ledger", "chain") }

// Plans holds the batches that were cut.
func (l Layout) Plans() string { return filepath.Join(l.Dir, "ledger", "plans") }

// Checkpoints holds cosigned checkpoints.
func (l Layout) Checkpoints() string { return filepath.Join(l.Dir, "checkpoints") }

// Trust is the file that others verify receipts with.
func (l Layout) Trust() string { return filepath.Join(l.Dir, "trust.json") }

// Packages holds FHIR packages that were added.
func (l Layout) Packages() string { return filepath.Join(l.Dir, "fhir", "packages") }
