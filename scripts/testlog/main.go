// Testlog turns the stream of "go test -json" on standard input into what a person wants to see: the closing line of each
// package as it comes, the whole output of what failed, every skipped test with its reason, and the counts. It exits with 1
// when anything failed.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	failed, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
	if failed {
		os.Exit(1)
	}
}

// report copies the digest of events to w and tells whether anything failed.
func report(events io.Reader, w io.Writer) (failed bool, err error) {
	r := newRun()
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if _, err := io.WriteString(w, r.line(lines.Bytes())); err != nil {
			return r.bad(), err
		}
	}
	if err := lines.Err(); err != nil {
		return r.bad(), err
	}
	_, err = io.WriteString(w, r.closing())
	return r.bad(), err
}
