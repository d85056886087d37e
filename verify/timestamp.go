package verify

import (
	"fmt"
	"time"
)

// Timestamp is a moment in Unix nanoseconds, the precision of the consensus engine. Zero stands for "none".
// JSON documents write it as RFC 3339 in UTC, CBOR as an integer.
type Timestamp int64

// TimestampOf converts a time between the years 1678 and 2261; the zero time gives zero.
func TimestampOf(t time.Time) Timestamp {
	if t.IsZero() {
		return 0
	}
	return Timestamp(t.UnixNano())
}

// Time gives the moment in UTC; zero gives the zero time.
func (t Timestamp) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// MarshalText writes the moment by RFC 3339, with as many digits as it needs.
func (t Timestamp) MarshalText() ([]byte, error) {
	return []byte(time.Unix(0, int64(t)).UTC().Format(time.RFC3339Nano)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (t *Timestamp) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	if y := at.Year(); y < 1679 || y > 2261 {
		return fmt.Errorf("timestamp: the year %d cannot be told in nanoseconds", y)
	}
	*t = Timestamp(at.UnixNano())
	return nil
}

// encode gives google.protobuf.Timestamp: seconds, and nanoseconds that count forward also before 1970.
func (t Timestamp) encode() []byte {
	seconds, nanos := int64(t)/1e9, int64(t)%1e9
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+1e9
	}
	return appendUint(appendUint(nil, 1, uint64(seconds)), 2, uint64(nanos))
}
