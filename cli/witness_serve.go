package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/cli/document"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
)

func (a *app) witnessServe() *cobra.Command {
	var q witnessing
	var listen string
	c := &cobra.Command{
		Use: "serve --dir DIR --trust TRUST", Args: a.args(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.openWitness(&q)
			if err != nil {
				return err
			}
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return a.misuse("usage.listen", listen)
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			w.Alarm = func(e *ledger.WitnessError) {
				fmt.Fprintln(a.err, a.say.T("witness.fork", time.Now().UTC().Format(time.RFC3339), e.Reason))
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
	q.flags(c)
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "")
	return a.witnessDir(c)
}

func (a *app) witnessCosign() *cobra.Command {
	var q witnessing
	var code string
	c := &cobra.Command{
		Use: "cosign --dir DIR --trust TRUST REQUEST", Args: a.args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := a.openWitness(&q)
			if err != nil {
				return err
			}
			request, err := a.readNote(args[0], "usage.no_request", document.Request)
			if err != nil {
				return err
			}
			answer, late, err := w.Answer(request)
			if err != nil {
				return a.refused(err)
			}
			if late != nil {
				fmt.Fprintln(a.err, a.say.T("witness.late", late.Size))
			}
			return a.carry(answer, code)
		},
	}
	q.flags(c)
	qrFlag(c, &code)
	return a.witnessDir(c)
}

// refused says what a witness's refusal means for whoever carries the request.
func (a *app) refused(err error) error {
	refusal := (*ledger.WitnessError)(nil)
	switch {
	case !errors.As(err, &refusal):
		return err
	case refusal.Fork:
		return lang.NewProblem("cosign_fork").Because(err)
	case refusal.Forgot:
		return lang.NewProblem("cosign_forgot", refusal.Size).Because(err)
	case refusal.Status == http.StatusNotFound:
		return lang.NewProblem("cosign_log").Because(err)
	case refusal.Status == http.StatusForbidden:
		return lang.NewProblem("cosign_few").Because(err)
	}
	return lang.NewProblem("cosign_request").Because(err)
}

// noWitness says that a directory is no witness's.
func noWitness(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return lang.NewProblem("no_witness", dir)
	}
	return err
}
