package journal

import "fmt"

// Records reads whole frames that stand at a place, a segment's header before them included where that is its beginning. The errors wrap
// ErrFrames.
func Records(at Cursor, frames []byte) ([]Located, error) {
	if at.Offset == 0 {
		if len(frames) < headerSize {
			return nil, fmt.Errorf("%w: they end within the header", ErrFrames)
		}
		at.Offset, frames = int64(headerSize), frames[headerSize:]
	}
	found, err := decodeFrames(nil, at, frames)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrames, err)
	}
	return found, nil
}
