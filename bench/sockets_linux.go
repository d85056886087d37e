package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is what the kernel has counted of one TCP connection.
type socket struct {
	local, remote string // address:port
	bytes         uint64 // of payload, both ways, acknowledged or received
	segments      uint64 // both ways, acknowledgements included
}

// diagRequest is struct inet_diag_req_v2 behind its netlink header.
type diagRequest struct {
	head   unix.NlMsghdr
	family uint8
	proto  uint8
	ext    uint8
	_      uint8
	states uint32
	id     [48]byte
}

const (
	sockDiagByFamily = 20 // of linux/sock_diag.h
	inetDiagInfo     = 2  // of linux/inet_diag.h
	diagMessage      = 72 // bytes of struct inet_diag_msg
)

// sockets gives the TCP connections of a process by their inodes. It needs no rights but those over the process.
func sockets(pid int) (map[uint32]socket, error) {
	mine, err := inodes(pid)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	q := diagRequest{family: unix.AF_INET, proto: unix.IPPROTO_TCP, ext: 1 << (inetDiagInfo - 1), states: ^uint32(0)}
	q.head = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(q)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST | unix.NLM_F_DUMP}
	if err := unix.Sendto(fd, (*[unsafe.Sizeof(q)]byte)(unsafe.Pointer(&q))[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("sendto", err)
	}
	all, buf := make(map[uint32]socket), make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return nil, os.NewSyscallError("recvfrom", err)
		}
		for b := buf[:n]; len(b) >= unix.SizeofNlMsghdr; {
			size := int(binary.NativeEndian.Uint32(b))
			switch kind := binary.NativeEndian.Uint16(b[4:]); {
			case size < unix.SizeofNlMsghdr || size > len(b) || kind == unix.NLMSG_ERROR:
				return nil, fmt.Errorf("sock_diag: message of kind %d and %d bytes", kind, size)
			case kind == unix.NLMSG_DONE:
				return all, nil
			}
			if inode, s, ok := parseSocket(b[unix.SizeofNlMsghdr:size]); ok && mine[inode] {
				all[inode] = s
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

// parseSocket reads one struct inet_diag_msg and the struct tcp_info behind it.
func parseSocket(b []byte) (inode uint32, s socket, ok bool) {
	if len(b) < diagMessage {
		return 0, s, false
	}
	at := func(port, ip int) string {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[ip:ip+4])), binary.BigEndian.Uint16(b[port:])).String()
	}
	s.local, s.remote = at(4, 8), at(6, 24)
	inode = binary.NativeEndian.Uint32(b[68:])
	for a := b[diagMessage:]; len(a) >= 4; {
		size := int(binary.NativeEndian.Uint16(a))
		if size < 4 || size > len(a) {
			break
		}
		if binary.NativeEndian.Uint16(a[2:]) == inetDiagInfo {
			var info unix.TCPInfo
			copy((*[unsafe.Sizeof(info)]byte)(unsafe.Pointer(&info))[:], a[4:size])
			s.bytes, s.segments = info.Bytes_acked+info.Bytes_received, uint64(info.Segs_out)+uint64(info.Segs_in)
			return inode, s, true
		}
		a = a[min(len(a), (size+3)&^3):]
	}
	return 0, s, false
}

// inodes gives those of a process's open sockets.
func inodes(pid int) (map[uint32]bool, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := make(map[uint32]bool)
	for _, e := range list {
		to, err := os.Readlink(dir + "/" + e.Name())
		if err != nil || !strings.HasPrefix(to, "socket:") {
			continue // closed meanwhile, or a file
		}
		var inode uint32
		if _, err := fmt.Sscanf(to, "socket:[%d]", &inode); err == nil {
			all[inode] = true
		}
	}
	return all, nil
}
