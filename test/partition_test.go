//go:build real && linux

package real_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRealPartition cuts one node's cable. Both sides go on; when the cable is back, everything drains.
func TestRealPartition(t *testing.T) {
	needRoot(t, "to make network namespaces")
	at, places := cabled(t, len(names))
	c := prepare(t, at)
	for i, n := range c.nodes {
		n.inside = []string{"ip", "netns", "exec", places[i]}
		n.client = &http.Client{Transport: &http.Transport{DialContext: dialIn(places[i]), DisableKeepAlives: true}}
	}
	c.start(t)
	hospital, university := c.nodes[0], c.nodes[3]
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	university.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Ali"))
	c.settled(t)

	ip(t, "link", "set", cable(3), "down")
	var acks []string
	for i := range 5 {
		id := fmt.Sprintf("o%d", i)
		a := hospital.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", i))
		acks = append(acks, a.header.Get("Sijil-Ack"))
		a = university.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", 100+i))
		if ack := a.header.Get("Sijil-Ack"); ack != "journalled" {
			t.Errorf("cut off, a write is %s", ack)
		}
	}
	if !strings.HasSuffix(strings.Join(acks, " "), "anchored") {
		t.Errorf("three of four did not go on anchoring: %v", acks)
	}
	for i, side := range []*member{hospital, university} {
		for o := range 5 {
			if got := valueOf(t, side.ask(t, http.StatusOK, fmt.Sprintf("clinician GET /Observation/o%d", o), "").body); got != 100*i+o {
				t.Errorf("%s: Observation/o%d: %d", side.name, o, got)
			}
		}
	}
	if s, err := university.status(t); err != nil || s.Unanchored == 0 {
		t.Errorf("cut off: %+v, %v", s, err)
	}
	ip(t, "link", "set", cable(3), "up")
	c.settled(t)
	a := university.ask(t, http.StatusCreated, "clinician PUT /Observation/after", observation("after", "p1", 7))
	if ack := a.header.Get("Sijil-Ack"); ack != "anchored" {
		t.Errorf("with the cable back, a write is %s", ack)
	}
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
}

// What is made on the machine is named after this process, so that two runs do not meet.
func cable(i int) string { return fmt.Sprintf("sj%dc%d", os.Getpid()%100_000, i) }
func place(i int) string { return fmt.Sprintf("sijil-%d-%d", os.Getpid(), i) }

// cabled makes n network namespaces on one switch, and gives the addresses in them.
func cabled(t *testing.T, n int) (at []address, places []string) {
	t.Helper()
	bridge := fmt.Sprintf("sj%d", os.Getpid()%100_000)
	if out, err := exec.Command("ip", "link", "add", bridge, "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces on this machine: %v: %s", err, out)
	}
	t.Cleanup(func() { ip(t, "link", "del", bridge) })
	ip(t, "link", "set", bridge, "up")
	net := fmt.Sprintf("10.%d.%d.", 200+os.Getpid()%50, os.Getpid()/50%250)
	for i := range n {
		host := fmt.Sprintf("%s%d", net, i+1)
		ip(t, "netns", "add", place(i))
		t.Cleanup(func() { ip(t, "netns", "del", place(i)) })
		ip(t, "link", "add", cable(i), "type", "veth", "peer", "name", "eth0", "netns", place(i))
		ip(t, "link", "set", cable(i), "master", bridge, "up")
		ip(t, "-n", place(i), "addr", "add", host+"/24", "dev", "eth0")
		ip(t, "-n", place(i), "link", "set", "eth0", "up")
		ip(t, "-n", place(i), "link", "set", "lo", "up")
		at, places = append(at, address{host + ":8080", host + ":8443", host + ":26656"}), append(places, place(i))
	}
	return at, places
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// dialIn dials from within a network namespace: a client at the node's own site. The socket belongs to the namespace for good; the
// thread comes back, for it must not end: nodes die with the thread that started them (Pdeathsig).
func dialIn(place string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			return nil, err
		}
		defer home.Close()
		if err = enter("/run/netns/" + place); err == nil {
			conn, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
		}
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			panic(back) // a thread in the wrong place is fit for nothing
		}
		runtime.UnlockOSThread()
		return conn, err
	}
}

func enter(namespace string) error {
	f, err := os.Open(namespace)
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("setns "+namespace, unix.Setns(int(f.Fd()), unix.CLONE_NEWNET))
}
