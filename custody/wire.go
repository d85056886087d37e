package custody

import (
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/fxamacker/cbor/v2"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// Paths of the service. A caller writes only what is its own; owner=ORG in a read names another's.
const (
	pathRoot    = "/peer/v1/"
	pathStream  = peer.EndlessPrefix + "journal" // POST groups, each answered when it is durable; see message.go
	pathJournal = pathRoot + "journal"           // POST ?at=CURSOR frames → the cursor behind them, 20 bytes; GET ?at=CURSOR → frames
	pathEntry   = pathRoot + "entry"             // GET ?owner=ORG&tag=HEX → Witnessed
	pathBlob    = pathRoot + "blob/"             // PUT, GET, HEAD blob/HEX[?owner=ORG]
	pathMissing = pathRoot + "blobs/missing"     // POST hashes → those not held
	pathPages   = pathRoot + "pages"             // POST pages → their versions held; GET ?from=NUMBER → pages; DELETE all
	pathAttest  = pathRoot + "attest"            // POST proposal → verify.Custody, or nothing where nothing was to be signed
	pathHeld    = pathRoot + "held"              // GET → held
	pathVoid    = pathRoot + "withdrawn"         // POST withdrawal: what it names is held no more
)

// headerEnd, in the answer to a read of frames, is the place after them.
const headerEnd = "Sijil-End"

// Codes of the refusals a Keeper gives; see peer.Problem.
const (
	codeMalformed  = "malformed"  // the request makes no sense
	codeTooLarge   = "too-large"  // over a limit of the protocol
	codeForbidden  = "forbidden"  // not the caller's to see
	codeUnknown    = "unknown"    // not held here
	codeQuota      = "quota"      // the owner's share of the custodian's disk is used up
	codeFull       = "disk-full"  // the custodian's disk is
	codeFault      = "fault"      // the custodian's disk or software failed
	codeDamaged    = "damaged"    // what is held here, or the place asked for, cannot be read
	codeConflict   = "conflict"   // other bytes are held at this place: alarm
	codeScattered  = "scattered"  // held in too many pieces
	codeLacking    = "lacking"    // records of the batch are not held; Position is the first entry missing
	codePrior      = "need-prior" // batches before the proposal must be told, from the one that holds entry Position on
	codeUnanchored = "unanchored" // the batches told lead to no anchor on the ledger
	codeSkipped    = "skipped"    // entries held here are left out, the first being Position: alarm
	codeRepeated   = "repeated"   // entries that are anchored already come again, the first being Position: alarm
	codeTagReuse   = "tag-reuse"  // entry Position carries the tag of another entry: alarm
	codeRoot       = "root"       // the root is not that of the records held: alarm
	codeVouched    = "vouched"    // what is withdrawn was vouched for, or withdrawn entries were anchored: alarm
)

// Limits of single requests and answers.
const (
	maxRead     = 4 << 20 // bytes of frames or pages sent in one answer, a single larger frame excepted
	maxProposal = 16 << 20
	maxMissing  = 1 << 12 // hashes asked for at once
	maxPage     = 1 << 20 // bytes of one page of a key store
	maxPages    = 1 << 12 // pages sent at once
	maxBlob     = peer.MaxBody
	lastBytes   = 4 << 10 // bytes of the journal that stand for all before them
)

// held is what a custodian has of an owner.
type held struct {
	Ranges []journal.Range   `cbor:"1,keyasint"`
	Pages  map[uint64]uint64 `cbor:"2,keyasint"`           // number → version
	Used   int64             `cbor:"3,keyasint"`           // bytes
	Quota  int64             `cbor:"4,keyasint"`           // bytes
	Last   last              `cbor:"5,keyasint"`           // by which the owner tells whether all of it is its own
	Gone   []journal.Range   `cbor:"6,keyasint,omitempty"` // held before, and lost: files that were taken away or are damaged
}

// last is the end of the furthest run held of a journal.
type last struct {
	End  journal.Cursor `cbor:"1,keyasint"`
	Size int64          `cbor:"2,keyasint"` // bytes before End that Hash is over, at most lastBytes; 0 if nothing is held
	Hash verify.Hash    `cbor:"3,keyasint"` // SHA-256
}

// Page is one page of a key store: opaque to its custodians, sealed by its owner. Of two versions the higher one stays.
type Page struct {
	Number  uint64 `cbor:"1,keyasint"`
	Version uint64 `cbor:"2,keyasint"`
	Sealed  []byte `cbor:"3,keyasint"`
}

// TopPage is the number of the page without which no other opens. Custodians keep it in a file of its own and overwrite the
// old bytes when it is replaced; that is what an erasure rests on. Other pages lie in a store where old versions may linger.
const TopPage = 0

// Witnessed is a sealed entry as a custodian holds it, for a member that walks a chart whose key it has.
type Witnessed struct {
	Number   uint64      `cbor:"1,keyasint"` // of the entry in its owner's journal
	Bind     verify.Hash `cbor:"2,keyasint"`
	Envelope []byte      `cbor:"3,keyasint"`
	Time     int64       `cbor:"4,keyasint"` // of its record, Unix milliseconds: the sealed form leaves out what is usual
}

var (
	wireEnc = must(cbor.CoreDetEncOptions().EncMode())
	wireDec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 20,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func refuse(status int, code, detail string, position uint64) *peer.Problem {
	return &peer.Problem{Status: status, Code: code, Detail: detail, Position: position}
}

func malformed(detail string) *peer.Problem {
	return refuse(http.StatusBadRequest, codeMalformed, detail, 0)
}

// answerCBOR sends v.
func answerCBOR(w http.ResponseWriter, v any) {
	b, err := wireEnc.Marshal(v)
	if err != nil {
		peer.Refuse(w, refuse(http.StatusInternalServerError, codeFault, "the answer could not be encoded", 0))
		return
	}
	answerBytes(w, "application/cbor", b)
}

func answerBytes(w http.ResponseWriter, kind string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	// An error here means that the caller is gone; there is nobody to tell.
	_, _ = w.Write(b)
}

// decodeProposal reads an untrusted proposal's encoding; hear checks its contents.
func decodeProposal(b []byte) (*proposal, error) {
	p := new(proposal)
	if err := wireDec.Unmarshal(b, p); err != nil {
		return nil, err
	}
	return p, nil
}

// parseHex fills dst from exactly as many hexadecimal digits as it takes.
func parseHex(dst []byte, s string) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

// parseHash reads 64 hexadecimal digits.
func parseHash(s string) (h verify.Hash, ok bool) {
	return h, parseHex(h[:], s)
}

// parseTag reads 32 hexadecimal digits.
func parseTag(s string) (t verify.Tag, ok bool) {
	return t, parseHex(t[:], s)
}
