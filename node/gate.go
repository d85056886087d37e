package node

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/sijil-health/sijil/fhir"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// authorizer turns a bearer token into an access for the FHIR gate. What the access may do is the record's to ask.
type authorizer struct {
	*policy.Authority
	renamed *atomic.Bool // set when somebody who has a token knows this node by another name than its machine's own: there is a proxy
}

// Authorize checks the request's token. Without a valid one nothing else is looked at.
func (a authorizer) Authorize(r *http.Request) (record.Access, error) {
	token, err := policy.Bearer(r)
	if err != nil {
		return record.Access{}, errors.Join(fhir.ErrUnauthenticated, err)
	}
	access, err := a.Authority.Authorize(token)
	if err != nil {
		return record.Access{}, fmt.Errorf("%w: %w", fhir.ErrUnauthenticated, err)
	}
	if !a.renamed.Load() && !isLoopback(r.Host) {
		a.renamed.Store(true)
	}
	return record.Access{
		Actor: access.Actor, Role: string(access.Role), Purpose: string(access.Purpose),
		Org: access.Org.String(), Chart: access.Chart,
	}, nil
}

// base is the URL by which the gate's resources are named: the configured one, else where it listens, as far as that is the loopback
// interface; "" if it is not known. It never comes from a request: a client must not say which references are to this node.
func (n *Node) base() string {
	switch at, ok := n.fhir.Addr().(*net.TCPAddr); {
	case n.config.Base != "":
		return strings.TrimSuffix(n.config.Base, "/")
	case ok && at.IP.IsLoopback():
		return "http://" + n.Address() + "/fhir"
	}
	return ""
}

// baseMissing tells whether clients know the gate by a name that nobody configured.
func (n *Node) baseMissing() bool {
	return n.config.Base == "" && (n.base() == "" || n.renamed.Load())
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}
