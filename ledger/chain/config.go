package chain

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Profile chooses how long a validator waits for the others before it goes on without them.
type Profile string

// The profiles there are. A dead proposer costs about Propose + Prevote once per turn of it.
const (
	LAN Profile = "lan" // one site, or sites within 50 ms of one another
	WAN Profile = "wan" // up to 300 ms one way
)

// MinKeep is the least number of blocks a node may keep: what evidence of double signing may still refer to.
const MinKeep = evidenceBlocks

// DefaultKeep is how many blocks a node keeps unless told otherwise: at two anchors a second half an hour, 20 MB. Whoever
// was away for longer begins from a snapshot.
const DefaultKeep = 4000

// Config is what Open needs.
type Config struct {
	// Dir is the engine's own directory; it is made when it is not there. Nothing else may write to it.
	Dir string
	// Keys is where GenerateKeys put the keys; "" means Dir/keys.
	Keys string
	// Genesis is what the founders agreed on; Check must find nothing wrong with it.
	Genesis *verify.Genesis
	// Listen is host:port for other members' engines. External is what they are to dial instead, "" for the same.
	Listen, External string
	// Peers are nodes to admit and to dial besides the members', as node@host:port. A member's node named here is dialled
	// there and not where the ledger says. A newcomer names one or two members.
	Peers []string
	// Profile of the timeouts; "" means LAN. It may differ between nodes.
	Profile Profile
	// Keep is how many blocks are kept; 0 means DefaultKeep, less than MinKeep is refused, -1 keeps all.
	Keep int64
	// StateSync, when set, lets a node without blocks, or one that was away for too long, begin from a snapshot.
	StateSync *StateSync
	// Feed, when set, lets a member without a vote follow without CometBFT's connections; it needs StateSync. Without it such a member
	// listens and dials like a voting one.
	Feed Feed
	// Follower says, for as long as the ledger as read so far does not know this node's organisation, that it will follow without a vote.
	Follower bool
	// Log gets what CometBFT has to say (its own information as debug); nil discards it.
	Log *slog.Logger
}

func (c *Config) check() error {
	switch {
	case c.Dir == "":
		return errors.New("chain: no directory")
	case c.Genesis == nil:
		return errors.New("chain: no genesis")
	case c.Profile != "" && c.Profile != LAN && c.Profile != WAN:
		return fmt.Errorf("chain: profile %q is unknown, use %q or %q", c.Profile, LAN, WAN)
	case c.Keep > 0 && c.Keep < MinKeep:
		return fmt.Errorf("chain: keep at least %d blocks, evidence of double signing refers to them", MinKeep)
	}
	if c.Feed != nil && c.StateSync == nil {
		return errors.New("chain: a node that is fed needs to be able to begin from a snapshot")
	}
	if err := c.Genesis.Check(); err != nil {
		return fmt.Errorf("chain: %w", err)
	}
	if ahead := time.Until(time.UnixMilli(c.Genesis.Time)); ahead > time.Minute {
		return fmt.Errorf("chain: the ledger begins in %v by this machine's clock; set the clock", ahead.Round(time.Minute))
	}
	for i := range c.Genesis.Members {
		if err := checkMember(&c.Genesis.Members[i]); err != nil {
			return fmt.Errorf("chain: genesis: %s: %w", c.Genesis.Members[i].Name, err)
		}
	}
	for _, addr := range []string{c.Listen, c.External} {
		if _, _, err := net.SplitHostPort(addr); addr != "" && err != nil {
			return fmt.Errorf("chain: address %q: %w", addr, err)
		}
	}
	if c.Listen == "" {
		return errors.New("chain: no address to listen on")
	}
	for _, peer := range c.Peers {
		id, addr, _ := strings.Cut(peer, "@")
		if _, _, err := net.SplitHostPort(addr); err != nil || !isNodeID(id) {
			return fmt.Errorf("chain: peer %q is not node@host:port", peer)
		}
	}
	return nil
}

func (c *Config) keys() string {
	if c.Keys != "" {
		return c.Keys
	}
	return filepath.Join(c.Dir, "keys")
}

func (c *Config) keep() int64 {
	if c.Keep == 0 {
		return DefaultKeep
	}
	return c.Keep
}

// timeouts are how long a validator waits in a round: for the proposal, then for more votes once two thirds are in.
type timeouts struct{ propose, vote time.Duration }

func (c *Config) timeouts() timeouts {
	if c.Profile == WAN {
		return timeouts{propose: 1500 * time.Millisecond, vote: 700 * time.Millisecond}
	}
	return timeouts{propose: 400 * time.Millisecond, vote: 200 * time.Millisecond}
}
