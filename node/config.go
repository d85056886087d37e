package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sijil-health/sijil/fhir"
	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
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
	// ServerIDs leaves the ids of new resources to the node: a PUT of an id that was never known is refused.
	ServerIDs bool `json:"server_ids,omitempty"`
	// ConditionalDeletes is how many resources one conditional delete may delete that does not say so itself; 0 is one.
	ConditionalDeletes int `json:"conditional_deletes,omitempty"`
	// Origins are the web pages whose programs may use the gate from a browser, such as "https://app.example.org"; none where empty.
	Origins []string `json:"origins,omitempty"`
	// ImportSources are what the addresses begin with from which $import may fetch files, such as "https://files.example.org/exports/"; none where
	// empty: then lines can only be sent.
	ImportSources []string `json:"import_sources,omitempty"`
	// SubscriptionEndpoints are prefixes of URLs that notifications of Subscriptions may go to besides public addresses by https, such as
	// "https://lab.internal/" or "http://127.0.0.1:9000/hooks/".
	SubscriptionEndpoints []string `json:"subscription_endpoints,omitempty"`
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
	// Validation is "strict" (a write that breaks a rule of FHIR R4 is refused) or "lenient" (it is stored where it has the form of its type and
	// all that is required; empty: strict).
	Validation string `json:"validation,omitempty"`
	// Index is the URL of a PostgreSQL database that keeps the search index, such as "postgres://sijil@db.example/sijil"; empty, the node keeps it in
	// files of its own. A password belongs into the file that PGPASSFILE names, not here.
	Index string `json:"index,omitempty"`
	// Witnesses are the witnesses that checkpoints are sent to.
	Witnesses []WitnessConfig `json:"witnesses,omitempty"`
}

// WitnessConfig names a witness: its URL (empty when it is reached by file or paper) and its verifier key in C2SP form.
type WitnessConfig struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
	Key  string `json:"key"`
}

// checks is what a resource has to keep to be stored.
func (c *Config) checks() fhir.Checks {
	if c.Validation == "lenient" {
		return fhir.Lenient
	}
	return fhir.Strict
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
		return nil, lang.NewProblem("config_json", err).In(path)
	}
	if p := c.Check(); p != nil {
		return nil, p.In(path)
	}
	return c, nil
}

// writeJSON replaces a file by v, whole or not at all.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(path, append(b, '\n'), 0o600)
}
