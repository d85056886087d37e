package journal

import (
	"errors"
	"fmt"
	"io"
)

// standing tells whether the live segment is still the file of its name. What is written into one that was removed or exchanged is lost with
// the process: nothing of it may be acknowledged. Where the name is free, all that was written is put back under it.
func (l *live) standing(d disk) error {
	stands, err := l.file.Stands(l.name)
	if err != nil || stands {
		return err
	}
	damage := &DamageError{File: l.name, Segment: l.number, Reason: "the file was removed or exchanged while the journal was open"}
	if free, err := d.Open(l.name, false); err == nil {
		return errors.Join(damage, free.Close()) // what stands there is somebody's: it is not overwritten
	}
	f, err := placeFile(d, l.name, func(f file) error {
		n, err := io.Copy(io.NewOffsetWriter(f, 0), io.NewSectionReader(l.file, 0, l.size))
		if err == nil && n != l.size {
			err = fmt.Errorf("%d bytes of %d", n, l.size)
		}
		return err
	})
	if err != nil {
		return errors.Join(damage, fmt.Errorf("it could not be put back: %w", err))
	}
	damage.Reason += "; it was put back from what was written, and the node has to be restarted"
	return errors.Join(damage, f.Close())
}
