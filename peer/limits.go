package peer

import (
	"net/http"
	"time"
)

// Limits of the service. They are generous to a slow link and closed to a careless or hostile member.
const (
	MaxBody   = 74 << 20 // bytes of one request: the largest group of journal records, and room to spare
	maxHeader = 16 << 10 // bytes of the header fields of one request

	maxConnections = 256 // open at a time, of all members and of strangers before their handshake
	maxStreams     = 256 // requests at a time on one connection

	memberConnections = 8         // open at a time, of one member
	memberStreams     = 4         // requests that last, at a time, of one member
	memberBytes       = 160 << 20 // bytes of one member's requests at a time: two of the largest

	handshakeTimeout = 5 * time.Second
	requestTimeout   = 2 * time.Minute  // to receive one request
	answerTimeout    = 5 * time.Minute  // to send one answer
	idleTimeout      = 30 * time.Minute // a connection without a request

	dialTimeout = 2 * time.Second
	// pingAfter keeps idle connections warm, through address translation too, at some 50 bit/s each way: eight of them fit beside a clinic's
	// feed. While a request waits, attendEvery finds a dead one sooner.
	pingAfter   = 60 * time.Second
	attendEvery = 15 * time.Second // a request without an answer for so long has the other node asked whether it is still there
	pingTimeout = 5 * time.Second
	// recheckEvery is within what time a server ends a connection whose member was voted out or changed its key, or whose certificate
	// expired. On the other side attendEvery is; a request is refused at once.
	recheckEvery = 10 * time.Second
)

func http2Config() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReadFrameSize:              256 << 10,
		MaxReceiveBufferPerStream:     1 << 20,
		MaxReceiveBufferPerConnection: 3 << 20,
		SendPingTimeout:               pingAfter,
		PingTimeout:                   pingTimeout,
		WriteByteTimeout:              20 * time.Second,
	}
}

// onlyHTTP2 leaves HTTP/1 out: one protocol, one set of parsing rules.
func onlyHTTP2() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	return p
}
