package vault

import "time"

// Limits. What goes over them is refused with [ErrLimit].
const (
	MaxChart     = 92       // bytes of a chart's name
	MaxBlob      = 64 << 20 // bytes of one blob, sealed
	MaxEntry     = 1 << 20  // bytes of one entry in the clear
	MaxWants     = 1 << 16  // keys asked for in one call
	MaxAAD       = 64 << 10 // bytes of associated data
	MaxPassword  = 1 << 10  // bytes of a passphrase
	MinPassword  = 8        // bytes of a passphrase
	MaxName      = 64       // bytes of the name of a secret or of a root key
	MaxSecret    = 1 << 10  // bytes of one of the organisation's own secrets; all of them together fit one page of 4 kB
	MaxEscrowSet = 1 << 14  // most pages that one call of EscrowPages returns

	// MaxSlots bounds the keys ever created in one key store. A slot is not used again after its key was erased: a slot and a number name
	// one entry for ever.
	MaxSlots = slotsPerLeaf * fanOut * fanOut * fanOut
	// MaxNumbers bounds the entries of one chart, or of the organisation's own: 87 years of a hundred a second.
	MaxNumbers = 1 << numberBits
)

const (
	maxWrapped = 2 << 10          // bytes of the top secret as the root key wrapped it
	rootWait   = 30 * time.Second // for one answer of the root key, which may be a remote service
)
