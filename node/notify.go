package node

import (
	"net"
	"os"
)

// notifyReady tells systemd that the node serves (sd_notify(3), Type=notify). Without systemd it does nothing.
func notifyReady() {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte("READY=1")) // whoever does not listen does not need to know
}
