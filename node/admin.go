package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/sijil-health/sijil/policy"
)

// A running node answers its own operator through a Unix socket in its directory. Whoever may open the socket may read the keys beside
// it; so the socket asks for nothing more.

func (n *Node) serveAdmin(failed chan<- error) error {
	l, err := listenSocket(n.Dir)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", n.adminStatus)
	mux.HandleFunc("POST /token", n.adminToken)
	mux.HandleFunc("GET /trust", n.adminTrust)
	mux.HandleFunc("POST /checkpoint", n.adminCheckpoint)
	mux.HandleFunc("POST /scrub", n.adminScrub)
	mux.HandleFunc("POST /witness/request", n.adminWitness)
	mux.HandleFunc("POST /witness/accept", n.adminWitness)
	mux.HandleFunc("POST /audit", n.adminAudit)
	mux.HandleFunc("POST /backup", n.adminBackup)
	mux.HandleFunc("POST /backup/check", n.adminCheckBackup)
	mux.HandleFunc("GET /members", n.adminMembers)
	mux.HandleFunc("POST /members", n.adminPropose)
	mux.HandleFunc("POST /members/update", n.adminUpdate)
	profiles(mux)
	n.admin = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelWarn)}
	n.running.Go(func() { failed <- n.admin.Serve(l) })
	return nil
}

func (n *Node) adminStatus(w http.ResponseWriter, r *http.Request) {
	s, err := n.status(r.Context())
	reply(w, s, err)
}

// TokenRequest asks for a bearer token.
type TokenRequest struct {
	Actor    string        `json:"actor"`
	Role     string        `json:"role"`
	Purpose  string        `json:"purpose"`
	Chart    string        `json:"patient,omitempty"`
	Lifetime time.Duration `json:"lifetime,omitempty"`
}

func (n *Node) adminToken(w http.ResponseWriter, r *http.Request) {
	var q TokenRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&q); err != nil {
		reply(w, nil, err)
		return
	}
	token, err := policy.Mint(n.keys.token, policy.Claims{
		Actor: q.Actor, Role: policy.Role(q.Role), Purpose: policy.Purpose(q.Purpose), Chart: q.Chart,
		Org: n.org, Chain: n.chain, Lifetime: q.Lifetime,
	})
	if err == nil {
		err = n.record.Minted(r.Context(), q.Actor, q.Role, q.Purpose)
	}
	reply(w, map[string]string{"token": token}, err)
}

// reply writes a result or an error as JSON.
func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		v = failure(err)
	}
	_ = json.NewEncoder(w).Encode(v) // the operator's program has gone
}

// ErrNotRunning says that no node runs in the directory.
var ErrNotRunning = errors.New("the node is not running")

// Ask sends a request to the node that runs in dir and reads its JSON answer into v. Errors: ErrNotRunning, those of kinds.
func Ask(ctx context.Context, dir, method, path string, body, v any) error {
	resp, err := AskRaw(ctx, dir, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var f Failure
		if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&f); err != nil {
			return err
		}
		return f.Err()
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// AskRaw is Ask for an answer that is read as it comes. It asks nobody who put a socket where the node's would be.
func AskRaw(ctx context.Context, dir, method, path string, body any) (*http.Response, error) {
	socket, err := findSocket(dir)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	var b io.Reader
	if body != nil {
		j, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		b = bytes.NewReader(j)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://node"+path, b)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		if _, err := ReadConfig(Layout{dir}.Config()); errors.Is(err, ErrNoNode) || errors.Is(err, syscall.ENOTDIR) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	return resp, err
}

func (n *Node) adminTrust(w http.ResponseWriter, r *http.Request) {
	t, err := n.trust(r.Context())
	reply(w, t, err)
}

// adminCheckpoint makes a checkpoint now, has it cosigned by whom can be reached, and renews the trust file.
func (n *Node) adminCheckpoint(w http.ResponseWriter, r *http.Request) {
	report, err := n.checkpointNow(r.Context())
	reply(w, report, err)
}
