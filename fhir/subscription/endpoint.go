package subscription

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"
)

// endpoints says where notifications may go. Whoever may write a Subscription could otherwise have this node send requests into the network that it stands
// in (OWASP: server-side request forgery). Without more ado they may go to public addresses, by https; anywhere else only under a prefix that the node's
// operator has named.
type endpoints struct{ allowed []*url.URL }

// newEndpoints reads prefixes, such as https://lab.internal/ or http://127.0.0.1:8080/hooks/.
func newEndpoints(prefixes []string) (e endpoints, err error) {
	for _, p := range prefixes {
		u, err := url.Parse(p)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return e, errors.New("subscription: an endpoint that is allowed is a URL of http or https, without query or user")
		}
		e.allowed = append(e.allowed, u)
	}
	return e, nil
}

// refuses says why an endpoint cannot be had; "" where it can.
func (e endpoints) refuses(endpoint string) string {
	u, err := url.Parse(endpoint)
	switch {
	case len(endpoint) > maxEndpoint || err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		return "endpoint is a URL of https, without user or fragment"
	case e.named(u):
		return ""
	case u.Scheme != "https":
		return "notifications go by https; anything else is for the node's operator to allow, by subscription_endpoints in its configuration"
	}
	if ip, err := netip.ParseAddr(strings.Trim(u.Hostname(), "[]")); err == nil && !public(ip) || strings.EqualFold(u.Hostname(), "localhost") {
		return "the endpoint is no public address; such are for the node's operator to allow, by subscription_endpoints in its configuration"
	}
	return ""
}

// named tells whether the operator named a prefix of a URL. A path is compared in whole parts, and one with parts that lead out of it is under none.
func (e endpoints) named(u *url.URL) bool {
	if p := u.Path; p != "" && p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
		return false
	}
	for _, a := range e.allowed {
		under := strings.TrimSuffix(a.Path, "/")
		if u.Scheme == a.Scheme && strings.EqualFold(u.Host, a.Host) && (strings.TrimSuffix(u.Path, "/") == under || strings.HasPrefix(u.Path, under+"/")) {
			return true
		}
	}
	return false
}

// special are ranges that net/netip does not know for what they are: shared, documentation, benchmarks, and IPv6 forms that lead to IPv4 addresses
// (IANA special-purpose address registries).
var special = func() (list []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "2001:db8::/32", "100::/64", "fec0::/10", "::/96",
	} {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}()

// public tells whether an address is one of the internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

var errPrivate = errors.New("the name leads to an address that is not public")

// onlyPublic looks at the address that a connection goes to, after names were resolved: what a name leads to may change from one look to the next.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr()) {
		return errPrivate
	}
	return nil
}

// client sends notifications. It follows no redirects, uses no proxy, keeps no cookies, and reads little.
func client(control func(network, address string, c syscall.RawConn) error, trust *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: trust, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true, DisableCompression: true,
			MaxIdleConns: 64, MaxIdleConnsPerHost: 2, MaxConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
