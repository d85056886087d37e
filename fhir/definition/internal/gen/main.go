// Command gen writes fhir/definition/r4.pack from the official FHIR R4 (4.0.1) definitions.
//
// Run it as "go generate ./fhir/definition" with the files in $SIJIL_SHARED/data/fhir-definitions/r4. It takes only those whose SHA-256 is
// that of the files that HL7 published.
package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/fhir/definition"
)

// published are the SHA-256 of the files, uncompressed.
var published = map[string]string{
	"conceptmaps.json":           "3b6a7e9f2a8e2d13fc1ffa1524ede726e8f9122d90fa8e4918de0b1f194d8048",
	"extension-definitions.json": "c7d00de1c0efe5c34e704477f0105e9f2d9fff8c162be04aec8e69517936ce61",
	"profiles-others.json":       "37a663a5dabebbda8046092a1403ba3aa16ca39a6e2546ef8ae354877494e9fe",
	"profiles-resources.json":    "d062516a420265da6d248e1d2b5d2a4aa9709c3c637807fe48e278054dffa114",
	"profiles-types.json":        "13d3b9c75a23dd575b6c9cffa9fb5efce3871a4cc9bd8c92671ce1a50c19c064",
	"search-parameters.json":     "dc5927e3781a5aba26c08821904c4091664b3a40171aba9b01e563e9f7ca85df",
	"v2-tables.json":             "d180cc829f2a95950664d918d1ed9b2a7e9a7423e3f3957e294c3375f146fc00",
	"v3-codesystems.json":        "b9e75b6586b61843042e543280a91adc1bdd4d8a2df3427e30fa5f404b004646",
	"valuesets.json":             "8d8fd0894624163296aa84e93c47cbead9b805fd83ec22ac71d45b7e25a86758",
}

func main() {
	log.SetFlags(0)
	shared := os.Getenv("SIJIL_SHARED")
	if shared == "" {
		shared = "../../../shared" // beside the repository
	}
	pack, err := generate(shared)
	if err == nil {
		err = os.WriteFile("r4.pack", pack, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("r4.pack:", len(pack), "bytes")
}

func generate(shared string) ([]byte, error) {
	var files [][]byte
	for _, name := range definition.Files {
		b, err := read(filepath.Join(shared, "data", "fhir-definitions", "r4", name+".gz"))
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != published[name] {
			return nil, fmt.Errorf("%s is not the file that HL7 published", name)
		}
		files = append(files, b)
	}
	return definition.Pack(files)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
