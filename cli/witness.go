package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

func (a *app) witness() *cobra.Command {
	c := a.group(&cobra.Command{Use: "witness"})
	c.AddCommand(a.witnessInit(), a.witnessServe(), a.witnessCosign())
	return c
}

const witnessSeedFile, witnessNameFile = "witness.seed", "witness.name"

func (a *app) witnessInit() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "init --dir DIR --name NAME", Args: a.args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if name == "" {
				return a.misuse("usage.witness_name")
			}
			seed := make([]byte, ed25519.SeedSize)
			if _, err := rand.Read(seed); err != nil {
				return err
			}
			signer, err := verify.WitnessSigner(name, ed25519.NewKeyFromSeed(seed))
			if err != nil {
				return a.misuse("usage.witness_key", name)
			}
			if err := a.createWitness(name, seed, signer.Key()); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(node.WitnessConfig{Name: name, Key: signer.Key().String()})
			}
			a.tell("witness.made")
			a.printf("  %s\n", signer.Key())
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "")
	return a.jsonFlag(a.witnessDir(c))
}

// createWitness puts the witness onto the disk: seed and name first, for with the key the directory is a witness's.
func (a *app) createWitness(name string, seed []byte, key verify.NoteKey) error {
	if err := durable.MkdirAll(a.dir, 0o700); err != nil {
		return err
	}
	if err := createSecret(filepath.Join(a.dir, witnessSeedFile), seed); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = lang.NewProblem("witness_here", a.dir)
		}
		return err
	}
	if err := createSecret(filepath.Join(a.dir, witnessNameFile), []byte(name)); err != nil {
		return err
	}
	return ledger.CreateWitness(a.dir, key)
}

func (a *app) witnessDir(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&a.dir, "dir", "sijil-witness", "")
	return c
}

// openWitness opens the witness for the ledgers whose trust files are given.
func (a *app) openWitness(q *witnessing) (*ledger.Witness, error) {
	seed, err := os.ReadFile(filepath.Join(a.dir, witnessSeedFile))
	if err != nil {
		return nil, noWitness(a.dir, err)
	}
	name, err := os.ReadFile(filepath.Join(a.dir, witnessNameFile))
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, lang.NewProblem("witness_seed").In(filepath.Join(a.dir, witnessSeedFile))
	}
	signer, err := verify.WitnessSigner(string(name), ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return nil, err
	}
	var logs []ledger.WitnessLog
	if q.need < 0 {
		return nil, a.misuse("usage.need", q.need)
	}
	for _, file := range q.trusts {
		l, err := a.witnessLog(file, q.need)
		if err != nil {
			return nil, err
		}
		logs = append(logs, *l)
	}
	if len(logs) == 0 {
		return nil, a.misuse("usage.witness_trusts")
	}
	return ledger.OpenWitness(a.dir, signer, logs, time.Now)
}

// witnessLog says of a ledger who may speak for it: the voting members of the last epoch that the trust file knows, and of them more than
// two thirds together, as it takes for the ledger itself to go on. A witness that listened to fewer would cosign the fork of whoever holds
// one key, and refuse the true log from then on. need, if it is not 0, asks for fewer.
func (a *app) witnessLog(file string, need int) (*ledger.WitnessLog, error) {
	t, err := a.readTrust(file)
	if err != nil {
		return nil, err
	}
	chain, members := t.Genesis.Chain(), t.Genesis.Members
	if n := len(t.Epochs); n > 0 {
		members = t.Epochs[n-1].Members
	}
	l := &ledger.WitnessLog{Origin: verify.OriginOf(chain)}
	for _, m := range members {
		if m.Power == 0 {
			continue
		}
		key, err := verify.NewNoteKey(verify.MemberKeyName(chain, m.Org), verify.AlgEd25519, m.Key[:])
		if err != nil {
			return nil, err
		}
		l.Keys = append(l.Keys, key)
	}
	l.Need = 2*len(l.Keys)/3 + 1
	if need > 0 {
		l.Need = min(l.Need, need)
	}
	return l, nil
}

// witnessing is what serving and cosigning are asked for: the ledgers, and how many members must speak for each.
type witnessing struct {
	trusts []string
	need   int
}

func (q *witnessing) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&q.trusts, "trust", nil, "")
	c.Flags().IntVar(&q.need, "need", 0, "")
}
