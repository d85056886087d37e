package journal

// Agree gives the place up to which the frames that somebody holds at start are the owner's own: the end of the last whole frame that
// both have. Own bytes may be fewer, or none, and may end within a frame. Errors: ErrFrames for malformed held bytes.
func Agree(start Cursor, held, own []byte) (Cursor, error) {
	r, err := checkRun(start, held)
	if err != nil {
		return start, err
	}
	same := 0
	for same < min(len(held), len(own)) && held[same] == own[same] {
		same++
	}
	end := start
	for _, at := range r.places {
		if at.Offset > start.Offset+int64(same) {
			break
		}
		end = at
	}
	return end, nil
}
