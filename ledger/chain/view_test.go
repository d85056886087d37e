package chain

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInspectNamesDamage changes the middle byte of each file of an engine that was stopped. A look at the directory, read-only, names the
// file and neither panics nor writes; an engine refuses a damaged table with ErrWedged, and the doctor has it made anew.
func TestInspectNamesDamage(t *testing.T) {
	n, o := sick(t, 10)
	n.start(o) // a start puts what is in the log into a table
	n.stop(o)
	cfg := o.cfg
	v, found, err := Inspect(cfg)
	if err != nil || len(found) > 0 || !v.Whole() {
		t.Fatal(found, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{
		"state/*.sst", "state/MANIFEST-*", "state/OPTIONS-*", "data/state.db/*.ldb", "data/blockstore.db/*.ldb", "data/evidence.db/MANIFEST-*",
		nodeKeyFile, validatorKeyFile, signStateFile,
	} {
		dir := cfg.Dir
		if !strings.Contains(pattern, "/") {
			dir = cfg.keys()
		}
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no file, %v", pattern, err)
		}
		path := files[len(files)-1]
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte(nil), old...)
		at := len(bad) / 2
		if strings.HasPrefix(filepath.Base(path), "OPTIONS-") { // Pebble passes over most of what it notes there, if each line has this
			at = bytes.IndexByte(bad, '=')
		}
		bad[at] ^= 0x5a
		if strings.HasSuffix(path, signStateFile) {
			bad[0] ^= 0x5a // the other slot too
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		v, found, err := Inspect(cfg)
		if err != nil {
			t.Fatal(path, err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || found[0].File != path {
			t.Errorf("%s: %+v", path, found)
		}
		if strings.HasSuffix(path, ".sst") {
			if e, err := Open(t.Context(), cfg); !errors.Is(err, ErrWedged) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: the engine opens: %v %v", path, e, err)
			}
			all, err := Diagnose(cfg)
			if err != nil || len(all) != 1 || all[0].Trouble != BadState || !all[0].Safe || !strings.Contains(all[0].What, path) {
				t.Errorf("%s: %+v %v", path, all, err)
			}
		}
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
