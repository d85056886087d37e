package chain

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/cometbft/cometbft/consensus"
)

// stopBroken stops what matters of a CometBFT that panicked in its start, and is therefore never to be stopped by its own means: those wait for
// a routine that never came to run. The consensus log is what matters: its own ticker goes on turning files over, under the node that is
// started next. CometBFT shows it to nobody, hence the look inside.
func stopBroken(s *consensus.State) error {
	if s == nil {
		return nil
	}
	f := reflect.ValueOf(s).Elem().FieldByName("wal")
	if !f.IsValid() {
		return errors.New("chain: CometBFT's consensus has no log")
	}
	log, ok := reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem().Interface().(consensus.WAL) //nolint:gosec // see above
	if !ok {
		return errors.New("chain: CometBFT's consensus has another log")
	}
	if err := log.Stop(); err != nil {
		return nil //nolint:nilerr // it was not opened yet
	}
	log.Wait()
	return nil
}
