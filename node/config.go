package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/sijil-health/sijil/internal/durable"
)

// Config is the operator's part of a node, kept as config.json. Everything else is on the ledger or in the key store.
type Config struct {
	// Name is the organisation's name, as people read it.
	Name string `json:"name"`
	// FHIR is the address that the FHIR gate listens on, host:port.
	FHIR string `json:"fhir"`
	// Base is the URL that clients know the gate by, such as "https://records.example/fhir", where a TLS proxy stands before it. Links begin
	// with it, and references that begin with it are to this node. Empty, it is the gate's own address, if that is of the loopback interface.
	Base string `json:"base,omitempty"`
	// Peer and P2P are the addresses that other members' nodes reach: the node-to-node service and the consensus engine.
	// The ledger carries them to the members. Empty for a lone node.
	Peer string `json:"peer,omitempty"`
	P2P  string `json:"p2p,omitempty"`
	// Copies is how many nodes hold every record, this one included; 0 chooses 1 for a lone node and f+1 for 3f+1 members.
	Copies int `json:"copies,omitempty"`
	// Engine is "inside" (the consensus engine runs in this process) or "child" (in a supervised process of its own).
	Engine string `json:"engine"`
	// Network is "lan" or "wan": how patient the consensus engine is.
	Network string `json:"network"`
	// KeepBlocks is how many blocks of the chain are kept besides what is kept for ever; 0 is the engine's default.
	KeepBlocks int64 `json:"keep_blocks,omitempty"`
	// Witnesses are the witnesses that checkpoints are sent to.
	Witnesses []WitnessConfig `json:"witnesses,omitempty"`
}

// WitnessConfig names a witness: its URL (empty when it is reached by file or paper) and its verifier key in C2SP form.
type WitnessConfig struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
	Key  string `json:"key"`
}

// DefaultConfig is what `sijil init` writes for a lone node.
func DefaultConfig(name string) *Config {
	return &Config{Name: name, FHIR: "127.0.0.1:8080", Engine: "inside", Network: "lan"}
}

// ErrNoNode says that a directory is no node's.
var ErrNoNode = errors.New("there is no node here")

// ReadConfig reads and checks config.json. Unknown fields are refused: a misspelt setting must not be a silent one.
func ReadConfig(path string) (*Config, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrNoNode)
	}
	if err != nil {
		return nil, err
	}
	c := new(Config)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *Config) check() error {
	if c.Name == "" {
		return errors.New("name is empty; say which organisation this node belongs to")
	}
	for field, address := range map[string]string{"fhir": c.FHIR, "peer": c.Peer, "p2p": c.P2P} {
		if address == "" && field != "fhir" {
			continue
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("%s: %w; write it as host:port", field, err)
		}
		if _, err := net.LookupPort("tcp", port); err != nil {
			return fmt.Errorf("%s: %q names no port; use 1 to 65535", field, address)
		}
	}
	if c.Peer != "" && c.Peer == c.P2P {
		return fmt.Errorf("peer and p2p are both %s; two services cannot listen at one address", c.Peer)
	}
	if err := checkBase(c.Base); err != nil {
		return err
	}
	if c.Engine != "inside" && c.Engine != "child" {
		return fmt.Errorf("engine %q is unknown; use \"inside\" or \"child\"", c.Engine)
	}
	if c.Network != "lan" && c.Network != "wan" {
		return fmt.Errorf("network %q is unknown; use \"lan\" or \"wan\"", c.Network)
	}
	if c.Copies < 0 || c.Copies > 16 {
		return fmt.Errorf("copies %d is out of range; use 0 (automatic) to 16", c.Copies)
	}
	return nil
}

func checkBase(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(base, "?#") {
		return fmt.Errorf("base %q is no base URL; write it as https://HOST/fhir, the way clients reach the gate", base)
	}
	return nil
}

// writeJSON replaces a file by v, whole or not at all.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(path, append(b, '\n'), 0o600)
}
