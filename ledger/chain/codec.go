package chain

import (
	"bytes"
	"errors"

	"github.com/fxamacker/cbor/v2"
)

// Everything the state machine stores or signs is CBOR in core deterministic encoding (RFC 8949 §4.2.1): equal values
// have equal bytes on every node, which the running digest relies on.
var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  1 << 16,
		MaxMapPairs:       64,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

var errEncoding = errors.New("not in deterministic encoding")

// must is for what can only fail by a mistake in this package.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func marshal(v any) []byte { return must(encMode.Marshal(v)) }

// unmarshal accepts only the one deterministic encoding of what it returns.
func unmarshal[T any](b []byte) (*T, error) {
	v := new(T)
	if err := decMode.Unmarshal(b, v); err != nil {
		return nil, err
	}
	if !bytes.Equal(marshal(v), b) {
		return nil, errEncoding
	}
	return v, nil
}
