package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A slow disk without touching the product, root, or another program: the node runs under a seccomp filter (Linux 5.19) that asks this
// program before each fsync and fdatasync; it answers "go on" after a while, and the real call follows.
//
// What that leaves out: calls of several threads are each delayed, but not queued behind one another as a disk with one write head would;
// reads and writes are not slowed down, nor is writing through O_DSYNC, which nothing here uses. The figures are those of a solid
// state disk without power-loss protection, not of a spinning one under other load.

// noticeSize and replySize are those of struct seccomp_notif and seccomp_notif_resp.
const (
	noticeSize = 80
	replySize  = 24
	goOn       = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// slowly makes the command line one whose fsyncs take longer by extra.
func (b *bench) slowly(extra time.Duration, argv []string) (*slowed, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "slow"), os.NewFile(uintptr(pair[1]), "slow")
	cmd := exec.Command(b.self, append([]string{"slow"}, argv...)...)
	cmd.ExtraFiles = []*os.File{theirs}
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, errors.Join(err, ours.Close(), theirs.Close())
	}
	s := &slowed{cmd: cmd, extra: extra}
	var running sync.WaitGroup
	running.Go(func() { s.watch(conn.(*net.UnixConn)) })
	s.end = func() error {
		err := errors.Join(conn.Close(), ours.Close(), theirs.Close())
		running.Wait()
		return err
	}
	return s, nil
}

// watch receives the filter's descriptor and then answers each notice after the extra time. It ends with the program.
func (s *slowed) watch(conn *net.UnixConn) {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 1), oob)
	if err != nil {
		return
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return
	}
	defer unix.Close(fds[0])
	var answers sync.WaitGroup
	defer answers.Wait()
	for {
		// Only poll tells that the program has ended.
		poll := []unix.PollFd{{Fd: int32(fds[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			if poll[0].Revents != 0 {
				return
			}
			continue
		}
		var notice [noticeSize / 8]uint64
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fds[0]), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&notice))); e != 0 {
			continue // the thread is gone
		}
		answers.Go(func() {
			time.Sleep(s.extra)
			reply := [replySize / 8]uint64{notice[0], 0, goOn << 32} // id; value; error u32, flags u32
			_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fds[0]), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&reply)))
		})
	}
}

// behindSlowDisk is the worker that puts the filter on itself, hands its descriptor to the parent over descriptor 3, and becomes the program.
func behindSlowDisk(argv []string) error {
	if len(argv) == 0 {
		return errors.New("no program given")
	}
	runtime.LockOSThread() // the filter is on this thread, and the program begins on the one that calls exec
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // struct seccomp_data begins with the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FSYNC, Jt: 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FDATASYNC, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	fd, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&prog)))
	if e != 0 {
		return fmt.Errorf("seccomp: %w; simulating a slow disk needs Linux 5.19", e)
	}
	if err := unix.Sendmsg(3, []byte{0}, unix.UnixRights(int(fd)), nil, 0); err != nil {
		return os.NewSyscallError("sendmsg", err)
	}
	if err := errors.Join(unix.Close(int(fd)), unix.Close(3)); err != nil {
		return err
	}
	return syscall.Exec(argv[0], argv, os.Environ())
}
