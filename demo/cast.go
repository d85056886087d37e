package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

// File is what DIR/demo.json says about a running demonstration. It is a contract: programs read it.
type File struct {
	Trust   string   `json:"trust"` // path of the trust file
	Members []Member `json:"members"`
}

// Member is one of the four organisations.
type Member struct {
	Name   string            `json:"name"`
	Role   string            `json:"role"` // hospital, clinic, laboratory, university
	FHIR   string            `json:"fhir"` // base URL
	Data   string            `json:"data"` // data directory
	PID    int               `json:"pid"`
	Tokens map[string]string `json:"tokens"` // clinician, auditor, admin, laboratory, nurse
}

// organisations are the four, in the order in which they appear.
var organisations = []string{"hospital", "clinic", "laboratory", "university"}

// prepare makes the four nodes and the ledger that they found together, unless the directory holds them already.
func (d *Demo) prepare(ctx context.Context) error {
	if d.again {
		return d.readdress()
	}
	ports, err := freePorts(3 * len(organisations))
	if err != nil {
		return err
	}
	if free(local(firstPort)) {
		ports[0] = firstPort
	} else {
		d.tell("demo.port", firstPort, ports[0])
	}
	var members []verify.Member
	for i, role := range organisations {
		config := node.DefaultConfig(d.Say.T("member." + role))
		config.FHIR, config.Peer, config.P2P = local(ports[i]), local(ports[4+i]), local(ports[8+i])
		dir := filepath.Join(d.Dir, role)
		made, err := node.Init(ctx, node.Setup{Dir: dir, Config: config, Passphrase: func() ([]byte, error) {
			return []byte("demo-" + role), os.WriteFile(filepath.Join(dir, "passphrase"), []byte("demo-"+role+"\n"), 0o600)
		}})
		if err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
		members = append(members, made.Member)
	}
	genesis, err := node.Found(members, time.Now())
	if err != nil {
		return err
	}
	for _, role := range organisations {
		if err := node.Adopt(filepath.Join(d.Dir, role), genesis); err != nil {
			return err
		}
	}
	return nil
}

// readdress looks whether the first node's port is still free: a demonstration that is started again moves if it is not. The other
// addresses stand on the ledger and stay.
func (d *Demo) readdress() error {
	path := filepath.Join(d.Dir, organisations[0], "config.json")
	config, err := node.ReadConfig(path)
	if err != nil {
		return err
	}
	if free(config.FHIR) {
		return nil
	}
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	config.FHIR = local(ports[0])
	b, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// describe asks the running nodes who they are, and for tokens.
func (d *Demo) describe(ctx context.Context) error {
	d.File = File{Trust: filepath.Join(d.Dir, organisations[0], "trust.json")}
	for i, role := range organisations {
		dir := filepath.Join(d.Dir, role)
		var s node.Status
		if err := node.Ask(ctx, dir, http.MethodGet, "/status", nil, &s); err != nil {
			return err
		}
		m := Member{Name: s.Name, Role: role, FHIR: s.FHIR, Data: dir, PID: d.nodes[i].Process.Pid, Tokens: make(map[string]string)}
		for name, q := range map[string]node.TokenRequest{
			"clinician":  {Actor: "Practitioner/demo-" + role, Role: "clinician", Purpose: "TREAT"},
			"nurse":      {Actor: "nurse@" + role, Role: "nurse", Purpose: "TREAT"},
			"laboratory": {Actor: "laboratory@" + role, Role: "laboratory", Purpose: "TREAT"},
			"auditor":    {Actor: "auditor@" + role, Role: "auditor", Purpose: "HCOMPL"},
			"admin":      {Actor: "admin@" + role, Role: "administrator", Purpose: "HSYSADMIN"},
		} {
			q.Lifetime = 24 * time.Hour
			var got struct {
				Token string `json:"token"`
			}
			if err := node.Ask(ctx, dir, http.MethodPost, "/token", &q, &got); err != nil {
				return fmt.Errorf("%s: token: %w", role, err)
			}
			m.Tokens[name] = got.Token
		}
		d.File.Members = append(d.File.Members, m)
	}
	return nil
}

// publish writes demo.json: whoever finds it finds everything ready.
func (d *Demo) publish() error {
	b, err := json.MarshalIndent(&d.File, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(d.file(), append(b, '\n'), 0o600)
}

func (d *Demo) file() string { return filepath.Join(d.Dir, "demo.json") }

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// freePorts finds ports of the loopback address that nobody uses at the moment.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at once, so that no port is given twice
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
