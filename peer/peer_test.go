package peer

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

const testChain = "sijil-00112233445566778899aabbccddeeff"

// roll is a ledger's list of members that a test can change.
type roll struct {
	mu  sync.Mutex
	all []verify.Member
}

func (r *roll) members() []verify.Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

func (r *roll) put(m verify.Member) {
	r.drop(m.Org)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(append([]verify.Member(nil), r.all...), m)
}

func (r *roll) drop(org verify.OrgID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var left []verify.Member
	for _, m := range r.all {
		if m.Org != org {
			left = append(left, m)
		}
	}
	r.all = left
}

func newKey(t testing.TB) (ed25519.PrivateKey, verify.PublicKey, verify.OrgID) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private, verify.PublicKey(public), verify.OrgOf(verify.PublicKey(public))
}

func identify(t testing.TB, chain string, org verify.OrgID, key crypto.Signer, now func() time.Time) *Identity {
	t.Helper()
	id, err := newIdentity(chain, org, key, now)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// node is one member with a running server.
type node struct {
	key    ed25519.PrivateKey
	id     *Identity
	member verify.Member
}

func (r *roll) start(t testing.TB, name string, handler http.Handler) *node {
	t.Helper()
	key, public, org := newKey(t)
	n := &node{key: key, id: identify(t, testChain, org, key, time.Now)}
	n.member = verify.Member{Org: org, Name: name, Key: public, Peer: serve(t, n.id, r.members, handler)}
	r.put(n.member)
	return n
}

func serve(t testing.TB, id *Identity, members Members, handler http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(id, members, handler, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Shutdown(ctx) // a test may have left a request hanging on purpose
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

func echo(w http.ResponseWriter, r *http.Request) {
	org, _ := Caller(r.Context())
	body, err := io.ReadAll(r.Body)
	if err != nil {
		Refuse(w, &Problem{Status: http.StatusRequestEntityTooLarge, Code: "too-large", Detail: "too large"})
		return
	}
	io.WriteString(w, org.String()+" "+r.Proto+" "+string(body))
}

func client(t testing.TB, id *Identity, members Members) *Client {
	c := NewClient(id, members)
	t.Cleanup(c.Close)
	return c
}

func say(c *Client, to verify.OrgID, body string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	resp, err := c.Do(ctx, to, Request{Method: http.MethodPost, Path: "/echo", Body: []byte(body)})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestMembersSpeak(t *testing.T) {
	r := new(roll)
	a, b := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(echo))
	c := client(t, a.id, r.members)
	for range 3 {
		got, err := say(c, b.member.Org, "hello")
		if err != nil {
			t.Fatal(err)
		}
		if want := a.member.Org.String() + " HTTP/2.0 hello"; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	if _, err := c.Ping(context.Background(), b.member.Org); err != nil {
		t.Fatal(err)
	}
	h := c.Health()
	if len(h) != 1 || h[0].Org != b.member.Org || h[0].LastSeen.IsZero() || h[0].RoundTrip <= 0 || h[0].LastError != "" {
		t.Errorf("health: %+v", h)
	}
}

func TestKeyExchangeIsHybridAndTLS13(t *testing.T) {
	r := new(roll)
	seen := make(chan tls.ConnectionState, 1)
	b := r.start(t, "B", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { seen <- *q.TLS }))
	a := r.start(t, "A", http.HandlerFunc(echo))
	if _, err := say(client(t, a.id, r.members), b.member.Org, ""); err != nil {
		t.Fatal(err)
	}
	if cs := <-seen; cs.Version != tls.VersionTLS13 || cs.CurveID != tls.X25519MLKEM768 {
		t.Errorf("version %x, key exchange %v", cs.Version, cs.CurveID)
	}
}

func TestServerRefuses(t *testing.T) {
	r := new(roll)
	b := r.start(t, "B", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a refused caller reached the handler") }))
	a := r.start(t, "A", http.HandlerFunc(echo))
	stranger, _, strangerOrg := newKey(t)
	yesterday := func() time.Time { return time.Now().Add(-2 * certificateLife) }
	cases := map[string]*Identity{
		"unknown organisation":           identify(t, testChain, strangerOrg, stranger, time.Now),
		"a member's name, another's key": identify(t, testChain, a.member.Org, stranger, time.Now),
		"another ledger":                 identify(t, "sijil-ffff", a.member.Org, a.key, time.Now),
		"expired":                        identify(t, testChain, a.member.Org, a.key, yesterday),
		"itself":                         b.id,
	}
	for name, id := range cases {
		t.Run(name, func(t *testing.T) {
			// A caller that accepts anyone, so that it is the server that refuses.
			conn, err := tls.Dial("tcp", b.member.Peer, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"},
				Certificates: []tls.Certificate{*id.cert}})
			if err == nil {
				_, err = conn.Read(make([]byte, 1))
				conn.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "bad certificate") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no certificate", func(t *testing.T) {
		conn, err := tls.Dial("tcp", b.member.Peer, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "certificate required") {
			t.Errorf("got %v", err)
		}
	})
}

func TestClientRefuses(t *testing.T) {
	r := new(roll)
	a, b, d := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(echo)), r.start(t, "D", http.HandlerFunc(echo))
	stranger, _, strangerOrg := newKey(t)
	impostor := serve(t, identify(t, testChain, strangerOrg, stranger, time.Now), r.members, http.HandlerFunc(echo))
	stale := identify(t, testChain, b.member.Org, b.key, func() time.Time { return time.Now().Add(-48 * time.Hour) })
	old := serve(t, stale, func() []verify.Member { return r.members() }, http.HandlerFunc(echo))
	cases := []struct {
		name, addr string
		want       error
	}{
		{"right organisation at another's address", d.member.Peer, ErrWrongMember},
		{"a stranger at the address", impostor, ErrNotMember},
		{"expired", old, ErrCertificate},
		{"no address", "", ErrUnreachable},
		{"nobody listens", "127.0.0.1:1", ErrUnreachable},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			moved := b.member
			moved.Peer = tc.addr
			r.put(moved)
			defer r.put(b.member)
			c := client(t, a.id, r.members)
			if _, err := say(c, b.member.Org, "x"); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestSilentMemberCostsOnlyTheCallersPatience(t *testing.T) {
	r := new(roll)
	a := r.start(t, "A", http.HandlerFunc(echo))
	hole, err := net.Listen("tcp", "127.0.0.1:0") // accepts by the kernel's backlog and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	_, public, org := newKey(t)
	r.put(verify.Member{Org: org, Name: "hole", Key: public, Peer: hole.Addr().String()})
	c := client(t, a.id, r.members)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Do(ctx, org, Request{Method: http.MethodGet, Path: "/"})
	if !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if h := c.Health(); h[0].LastError == "" || h[0].Failing.IsZero() {
		t.Errorf("health: %+v", h)
	}
}

func TestRevokedMembersOpenConnectionStops(t *testing.T) {
	r := new(roll)
	a, b := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(echo))
	everyone := r.members()
	// A's own view of the ledger lags behind: only B knows of the revocation.
	lagging := client(t, a.id, func() []verify.Member { return everyone })
	current := client(t, b.id, r.members)
	if _, err := say(lagging, b.member.Org, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := say(current, a.member.Org, "x"); err != nil {
		t.Fatal(err)
	}
	r.drop(a.member.Org)
	_, err := say(lagging, b.member.Org, "x")
	if p := new(Problem); !errors.As(err, &p) || p.Code != "not-member" || p.Status != http.StatusForbidden {
		t.Errorf("the server went on serving: %v", err)
	}
	if _, err := say(current, a.member.Org, "x"); !errors.Is(err, ErrNotMember) {
		t.Errorf("the client went on asking: %v", err)
	}
}

func TestRotatedKeyReplacesConnections(t *testing.T) {
	r := new(roll)
	a, b := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(echo))
	c := client(t, a.id, r.members)
	if _, err := say(c, b.member.Org, "x"); err != nil {
		t.Fatal(err)
	}
	key, public, _ := newKey(t)
	rotated := b.member
	rotated.Key = public
	r.put(rotated)
	if _, err := say(c, b.member.Org, "x"); !errors.Is(err, ErrNotMember) {
		t.Errorf("the old key still served: %v", err)
	}
	rotated.Peer = serve(t, identify(t, testChain, b.member.Org, key, time.Now), r.members, http.HandlerFunc(echo))
	r.put(rotated)
	if _, err := say(c, b.member.Org, "x"); err != nil {
		t.Errorf("the new key is refused: %v", err)
	}
}

func TestBodyLimit(t *testing.T) {
	r := new(roll)
	a, b := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(echo))
	_, err := say(client(t, a.id, r.members), b.member.Org, strings.Repeat("x", MaxBody+1))
	if p := new(Problem); !errors.As(err, &p) || p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %v", err)
	}
}

func TestCertificateIsRenewed(t *testing.T) {
	key, _, org := newKey(t)
	now := time.Now()
	id := identify(t, testChain, org, key, func() time.Time { return now })
	first, _ := id.certificate()
	now = now.Add(certificateLife / 4)
	if same, _ := id.certificate(); same != first {
		t.Error("renewed too early")
	}
	now = now.Add(certificateLife / 2)
	if later, _ := id.certificate(); later == first {
		t.Error("not renewed after half of its life")
	}
}

func TestIdentityWantsEd25519(t *testing.T) {
	if _, err := NewIdentity("", verify.OrgID{}, ed25519.NewKeyFromSeed(make([]byte, 32))); err == nil {
		t.Error("accepted a ledger without a name")
	}
}

func FuzzProblem(f *testing.F) {
	f.Add(404, []byte(`{"status":200,"code":"unknown","detail":"not here","position":7}`))
	f.Add(500, []byte(`<html>`))
	f.Add(502, []byte(`{"code":`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		p := new(Problem)
		if !errors.As(decodeProblem(status, body, nil), &p) {
			t.Fatal("no problem")
		}
		if p.Status != status || p.Code == "" || len(p.Code) > 64 || len(p.Detail) > 1024 {
			t.Errorf("%+v", p)
		}
	})
}

func BenchmarkPing(b *testing.B) {
	r := new(roll)
	x, y := r.start(b, "X", http.HandlerFunc(echo)), r.start(b, "Y", http.HandlerFunc(echo))
	c := client(b, x.id, r.members)
	for b.Loop() {
		if _, err := c.Ping(b.Context(), y.member.Org); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	r := new(roll)
	x, y := r.start(b, "X", http.HandlerFunc(echo)), r.start(b, "Y", http.HandlerFunc(echo))
	for b.Loop() {
		c := NewClient(x.id, r.members)
		if _, err := c.Ping(b.Context(), y.member.Org); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
