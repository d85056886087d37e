package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/sijil-health/sijil/node"
)

// Why a demonstration is refused before anything of it is written.
var (
	// ErrForeign says that the directory holds something else than a demonstration.
	ErrForeign = errors.New("not a demonstration")
	// ErrPorts says that another program listens at an address that stands on the ledger of the demonstration.
	ErrPorts = errors.New("address in use")
)

// firstPort is where the hospital's gate listens if nobody else does.
const firstPort = 8080

// look finds out what the directory holds: nothing yet, a demonstration that can be started again, or what is not to be touched.
func (d *Demo) look() error {
	held, err := os.ReadDir(d.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(held) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var taken []string
	for i, role := range organisations {
		l := node.Layout{Dir: filepath.Join(d.Dir, role)}
		config, err := node.ReadConfig(l.Config())
		if err == nil {
			_, err = os.Stat(l.Genesis())
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %w", d.Dir, ErrForeign, err)
		}
		addresses := []string{config.FHIR, config.Peer, config.P2P}
		if i == 0 {
			addresses = addresses[1:] // its gate moves
		}
		for _, address := range addresses {
			if !free(address) {
				taken = append(taken, role+" "+address)
			}
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("%s: %w: %s", d.Dir, ErrPorts, strings.Join(taken, ", "))
	}
	d.again = true
	return nil
}

// free tells whether nobody listens at an address of this machine.
func free(address string) bool {
	l, err := net.Listen("tcp", address)
	return err == nil && l.Close() == nil
}
