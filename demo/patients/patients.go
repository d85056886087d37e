// Package patients holds the sample patients of the demonstration: synthetic records in FHIR R4, embedded in the binary so
// that it needs no network. README.md says where they come from and under which licence. The package imports nothing of
// Sijil.
package patients

import (
	"embed"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"github.com/klauspost/compress/zstd"
)

const suffix = ".json.zst"

// maxBundle bounds one decompressed bundle, in bytes.
const maxBundle = 4 << 20

//go:embed bundles/*.json.zst
var bundles embed.FS

// Names lists the bundles in the order to load them: hospitals, practitioners, then patients by name.
func Names() []string {
	// The names of files begin so that their alphabetical order, which ReadDir promises, is this one.
	entries, err := fs.ReadDir(bundles, "bundles")
	if err != nil {
		panic(fmt.Sprintf("patients: the embedded directory is missing: %v", err))
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), suffix)
	}
	return names
}

// IsPatient tells whether the bundle of that name is a patient's record; the others are hospitals and practitioners.
func IsPatient(name string) bool { return !strings.HasPrefix(name, "0-") }

// All goes through the bundles in the order of Names. Each is a transaction Bundle in JSON, byte for byte as published.
// Only one is decompressed at a time. It panics when the binary itself is damaged.
func All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBundle))
		if err != nil {
			panic(fmt.Sprintf("patients: %v", err))
		}
		defer decoder.Close()
		for _, name := range Names() {
			if !yield(name, read(decoder, name)) {
				return
			}
		}
	}
}

func read(decoder *zstd.Decoder, name string) []byte {
	packed, err := bundles.ReadFile("bundles/" + name + suffix)
	if err != nil {
		panic(fmt.Sprintf("patients: %v", err))
	}
	body, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		panic(fmt.Sprintf("patients: the embedded bundle %s is damaged: %v", name, err))
	}
	return body
}
