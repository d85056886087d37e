package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

func (a *app) witness() *cobra.Command {
	c := &cobra.Command{
		Use:   "witness",
		Short: "Cosign other ledgers' checkpoints, so that nobody can rewrite them",
		Long: `A witness keeps no data and no copy of a ledger: it remembers the last checkpoint it cosigned and cosigns only what extends it. A
hospital that runs alone is protected from its own administrator by a university next door that does this. It speaks the
C2SP tlog-witness protocol over HTTP, and the same by file, for a USB stick, e-mail or QR codes.

  sijil witness init --dir W --name university.example/sijil      once; prints the key to name in the node's config.json
  sijil witness serve --dir W --trust trust.json --listen :8090   cosign over HTTP
  sijil witness cosign --dir W --trust trust.json REQUEST         cosign a file; prints the answer`,
	}
	c.AddCommand(a.witnessInit(), a.witnessServe(), a.witnessCosign())
	return c
}

const witnessSeedFile, witnessNameFile = "witness.seed", "witness.name"

func (a *app) witnessInit() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "init --dir DIR --name NAME", Short: "Make a witness's key", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if name == "" {
				return misuse("--name is needed, e.g. university.example/sijil")
			}
			seed := make([]byte, ed25519.SeedSize)
			if _, err := rand.Read(seed); err != nil {
				return err
			}
			signer, err := verify.WitnessSigner(name, ed25519.NewKeyFromSeed(seed))
			if err != nil {
				return misuse("%v", err)
			}
			if err := ledger.CreateWitness(a.dir, signer.Key()); err != nil {
				return err
			}
			err = errors.Join(os.WriteFile(filepath.Join(a.dir, witnessSeedFile), seed, 0o600),
				os.WriteFile(filepath.Join(a.dir, witnessNameFile), []byte(name), 0o600))
			if err != nil {
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
	c.Flags().StringVar(&name, "name", "", "name of the witness, as in its key")
	return a.jsonFlag(a.witnessDir(c))
}

func (a *app) witnessDir(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&a.dir, "dir", "sijil-witness", "directory of the witness")
	return c
}

// openWitness opens the witness for the ledgers whose trust files are given.
func (a *app) openWitness(trusts []string) (*ledger.Witness, error) {
	seed, err := os.ReadFile(filepath.Join(a.dir, witnessSeedFile))
	if err != nil {
		return nil, fmt.Errorf("%w; make a witness with `sijil witness init`", err)
	}
	name, err := os.ReadFile(filepath.Join(a.dir, witnessNameFile))
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s is damaged", filepath.Join(a.dir, witnessSeedFile))
	}
	signer, err := verify.WitnessSigner(string(name), ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return nil, err
	}
	var logs []ledger.WitnessLog
	for _, file := range trusts {
		l, err := witnessLog(file)
		if err != nil {
			return nil, err
		}
		logs = append(logs, *l)
	}
	if len(logs) == 0 {
		return nil, misuse("--trust is needed: the trust file of each ledger to witness")
	}
	return ledger.OpenWitness(a.dir, signer, logs, time.Now)
}

func witnessLog(file string) (*ledger.WitnessLog, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t, err := verify.ParseTrust(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	chain := t.Genesis.Chain()
	l := &ledger.WitnessLog{Origin: verify.OriginOf(chain)}
	for _, m := range t.Genesis.Members {
		key, err := verify.NewNoteKey(verify.MemberKeyName(chain, m.Org), verify.AlgEd25519, m.Key[:])
		if err != nil {
			return nil, err
		}
		l.Keys = append(l.Keys, key)
	}
	return l, nil
}

func (a *app) witnessServe() *cobra.Command {
	var trusts []string
	var listen string
	c := &cobra.Command{
		Use: "serve --dir DIR --trust TRUST", Short: "Cosign over HTTP", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.openWitness(trusts)
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			a.tell("witness.serving", l.Addr())
			s := &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
			go func() {
				<-c.Context().Done()
				_ = s.Close()
			}()
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&trusts, "trust", nil, "trust file of a ledger to witness (repeatable)")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "address to listen on")
	return a.witnessDir(c)
}

func (a *app) witnessCosign() *cobra.Command {
	var trusts []string
	var code string
	c := &cobra.Command{
		Use: "cosign --dir DIR --trust TRUST REQUEST", Short: "Cosign a request from a file (- for standard input)", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := a.openWitness(trusts)
			if err != nil {
				return err
			}
			request, err := a.readNote(args[0])
			if err != nil {
				return fmt.Errorf("the request: %w", err)
			}
			answer, err := w.Cosign(request)
			if err != nil {
				return err
			}
			return a.carry(answer, code)
		},
	}
	c.Flags().StringArrayVar(&trusts, "trust", nil, "trust file of the ledger (repeatable)")
	qrFlag(c, &code)
	return a.witnessDir(c)
}

func (a *app) checkpoint() *cobra.Command {
	c := &cobra.Command{
		Use:   "checkpoint --dir DIR",
		Short: "Have the ledger's head cosigned now, and renew the trust file",
		Long: `Makes a checkpoint, collects the signatures of members and witnesses that can be reached, and writes trust.json anew. For a witness
reached by file:
  sijil checkpoint request NAME --dir DIR > request     carry it to the witness, who runs "sijil witness cosign"
  sijil checkpoint accept NAME REQUEST ANSWER --dir DIR

Both print text that an e-mail can hold, and with --qr FILE.png the same as a QR code for a telephone's camera.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var t verify.Trust
			if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/checkpoint", nil, &t); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(t)
			}
			for _, note := range t.Checkpoints {
				a.printf("%s", note)
			}
			return nil
		},
	}
	a.dirFlag(c)
	c.AddCommand(a.checkpointRequest(), a.checkpointAccept())
	return a.jsonFlag(c)
}

// carry prints what somebody carries to the other side, and puts it into a QR code where asked to.
func (a *app) carry(note []byte, code string) error {
	if code != "" {
		if err := a.writeQR(note, code); err != nil || code == "-" {
			return err
		}
	}
	_, err := a.out.Write(note)
	return err
}

func qrFlag(c *cobra.Command, code *string) {
	c.Flags().StringVar(code, "qr", "", "also write it as a QR code to this PNG file; - draws the code instead")
}

func (a *app) checkpointRequest() *cobra.Command {
	var code string
	c := &cobra.Command{
		Use: "request NAME --dir DIR", Short: "Print a request for a witness reached by file", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var got node.WitnessExchange
			if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/witness/request", node.WitnessExchange{Name: args[0]}, &got); err != nil {
				return err
			}
			return a.carry(got.Request, code)
		},
	}
	qrFlag(c, &code)
	return a.dirFlag(c)
}

func (a *app) checkpointAccept() *cobra.Command {
	c := &cobra.Command{
		Use: "accept NAME REQUEST ANSWER --dir DIR", Short: "Take a witness's answer", Args: cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			request, err := a.readNote(args[1])
			if err != nil {
				return fmt.Errorf("the request: %w", err)
			}
			answer, err := a.readNote(args[2])
			if err != nil {
				return fmt.Errorf("the answer: %w", err)
			}
			x := node.WitnessExchange{Name: args[0], Request: request, Answer: answer}
			if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/witness/accept", x, &x); err != nil {
				return err
			}
			a.tell("witness.accepted", args[0])
			return nil
		},
	}
	return a.dirFlag(c)
}
