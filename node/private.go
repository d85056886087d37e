package node

import "os"

// keepPrivate sees to it that nobody but the owner gets into the data directory, whatever mode a copying hand left it with. Behind a closed
// directory the modes of the files do not matter.
func keepPrivate(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return os.Chmod(dir, mode&^0o077)
	}
	return nil
}
