package verify

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrFork says that two checkpoints of one log cannot both be true: somebody keeps two histories.
var ErrFork = errors.New("FORK: two histories of one ledger")

// Checkpoint is the head of the global log, in the form of https://c2sp.org/tlog-checkpoint with four extension lines.
type Checkpoint struct {
	Origin     string // OriginOf(chain)
	Size       uint64 // anchors in the log
	Root       Hash   // RFC 6962 root over their IDs
	Epoch      uint64
	Validators Hash  // hash of the epoch's ValidatorSet
	Members    Hash  // MembersHash of the epoch's members
	Height     int64 // the tree holds the anchors of all blocks up to this one, and of no later block
}

// originPrefix makes names of logs and keys that nobody else's log uses.
const originPrefix = "sijil.health/"

// OriginOf names the global log of a chain.
func OriginOf(chain string) string { return originPrefix + chain }

// MemberKeyName names a member's key on checkpoints.
func MemberKeyName(chain string, org OrgID) string { return originPrefix + chain + "/" + org.String() }

// NewCheckpoint fills in what follows from the chain and the members of the epoch.
func NewCheckpoint(chain string, epoch uint64, members []Member, height int64, size uint64, root Hash) *Checkpoint {
	return &Checkpoint{
		Origin: OriginOf(chain), Size: size, Root: root, Epoch: epoch,
		Validators: NewValidatorSet(members).Hash(), Members: MembersHash(members), Height: height,
	}
}

// Text is the note text: what is signed.
func (c *Checkpoint) Text() string {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s\n%d\n%s\nepoch %d\nvalidators %s\nmembers %s\nheight %d\n",
		c.Origin, c.Size, b64(c.Root[:]), c.Epoch, b64(c.Validators[:]), b64(c.Members[:]), c.Height)
}

// head is what every tlog-checkpoint begins with.
type head struct {
	Origin string
	Size   uint64
	Root   Hash
}

// parseHead reads the three lines that every log has and gives the extension lines.
func parseHead(text string) (h head, extensions []string, err error) {
	bad := func(what string) (head, []string, error) { return head{}, nil, fmt.Errorf("checkpoint: %s", what) }
	body, ok := strings.CutSuffix(text, "\n")
	lines := strings.SplitN(body, "\n", 65)
	if !ok || len(lines) < 3 || len(lines) > 64 {
		return bad("want origin, size and root, each on its line")
	}
	for _, l := range lines {
		if l == "" {
			return bad("an empty line")
		}
	}
	h.Origin = lines[0]
	if h.Size, ok = parseDecimal(lines[1]); !ok {
		return bad("the size is no decimal number")
	}
	if err := h.Root.UnmarshalText([]byte(lines[2])); err != nil {
		return bad("the root is no base64 of 32 bytes")
	}
	return h, lines[3:], nil
}

// ParseCheckpoint reads the text of a checkpoint of a Sijil ledger. It accepts what Text writes and nothing else.
func ParseCheckpoint(text string) (*Checkpoint, error) {
	h, ext, err := parseHead(text)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Origin: h.Origin, Size: h.Size, Root: h.Root}
	if len(ext) != 4 {
		return nil, fmt.Errorf("checkpoint: %d extension lines, a Sijil ledger has 4", len(ext))
	}
	var height uint64
	number := func(line, key string, v *uint64) bool {
		rest, ok := strings.CutPrefix(line, key+" ")
		if !ok {
			return false
		}
		*v, ok = parseDecimal(rest)
		return ok
	}
	digest := func(line, key string, v *Hash) bool {
		rest, ok := strings.CutPrefix(line, key+" ")
		return ok && v.UnmarshalText([]byte(rest)) == nil
	}
	ok := number(ext[0], "epoch", &c.Epoch) && digest(ext[1], "validators", &c.Validators) &&
		digest(ext[2], "members", &c.Members) && number(ext[3], "height", &height)
	c.Height = int64(height)
	if !ok || !strings.HasPrefix(c.Origin, originPrefix) || c.Text() != text {
		return nil, errors.New("checkpoint: not that of a Sijil ledger: want the lines epoch, validators, members and height")
	}
	return c, nil
}

// parseDecimal reads a number without sign or leading zero that fits into 63 bits.
func parseDecimal(s string) (uint64, bool) {
	v, err := strconv.ParseUint(s, 10, 63)
	return v, err == nil && strconv.FormatUint(v, 10) == s
}

// ForkError holds the two checkpoints that contradict one another. Keep both: signed, they are evidence.
type ForkError struct{ Known, Shown Checkpoint }

// Error says what contradicts what.
func (e *ForkError) Error() string {
	return fmt.Sprintf("%v: known is size %d at height %d with root %s, shown is size %d at height %d with root %s", ErrFork,
		e.Known.Size, e.Known.Height, e.Known.Root, e.Shown.Size, e.Shown.Height, e.Shown.Root)
}

// Unwrap gives ErrFork.
func (e *ForkError) Unwrap() error { return ErrFork }

// CheckHeads finds out without any proof whether two checkpoints of one log contradict one another: one size has one root,
// one height has one size, and the log never shrinks as blocks are added. It returns nil or a *ForkError.
func CheckHeads(known, shown *Checkpoint) error {
	a, b := known, shown
	if cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Height, b.Height), cmp.Compare(a.Epoch, b.Epoch)) > 0 {
		a, b = b, a
	}
	if (a.Size == b.Size) != (a.Root == b.Root) || (a.Height == b.Height && a.Size != b.Size) ||
		a.Height > b.Height || a.Epoch > b.Epoch {
		return &ForkError{Known: *known, Shown: *shown}
	}
	return nil
}

// CheckConsistency proves that the later checkpoint's log begins with the whole of the earlier one's (RFC 6962, section
// 2.1.2). A log that shrank or was rewritten gives an error that wraps ErrFork. Signatures are for the caller to check.
func CheckConsistency(earlier, later *Checkpoint, proof []Hash) error {
	if earlier.Origin != later.Origin {
		return fmt.Errorf("checkpoint: %s and %s are different logs", earlier.Origin, later.Origin)
	}
	if later.Size < earlier.Size {
		return &ForkError{Known: *earlier, Shown: *later}
	}
	if err := CheckHeads(earlier, later); err != nil {
		return err
	}
	if err := checkConsistency(earlier.Size, later.Size, proof, earlier.Root, later.Root); err != nil {
		return fmt.Errorf("checkpoint: size %d does not extend size %d: %w (%w)", later.Size, earlier.Size, ErrFork, err)
	}
	return nil
}
