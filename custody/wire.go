package custody

import (
	"net/http"
	"strconv"

	"github.com/fxamacker/cbor/v2"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// Paths of the service. {owner} is an organisation in hexadecimal; a caller writes only under its own.
const (
	pathRoot    = "/peer/v1/"
	pathJournal = pathRoot + "journal"       // POST ?at=CURSOR frames → the cursor behind them; GET list of ranges
	pathSegment = pathRoot + "journal/read"  // GET ?at=CURSOR → frames from there to the end of the part, at most maxRead bytes
	pathEntry   = pathRoot + "entries"       // GET ?owner=ORG&tag=HEX → the sealed entry with that tag
	pathBlobs   = pathRoot + "blobs/"        // PUT, GET, HEAD blobs/HEX
	pathMissing = pathRoot + "blobs-missing" // POST hashes → those not held
	pathPages   = pathRoot + "pages"         // GET list; PUT, GET, DELETE pages/NUMBER
	pathAttest  = pathRoot + "attest"        // POST proposal → signature
	pathHeld    = pathRoot + "held"          // GET what is held for the caller
)

// Codes of the refusals a Keeper gives; see peer.Problem.
const (
	codeMalformed  = "malformed"  // the request makes no sense
	codeTooLarge   = "too-large"  // over a limit of the protocol
	codeForbidden  = "forbidden"  // not the caller's to see
	codeUnknown    = "unknown"    // not held here
	codeQuota      = "quota"      // the owner's share of the custodian's disk is used up
	codeFull       = "disk-full"  // the custodian's disk is
	codeFault      = "fault"      // the custodian's disk or software failed
	codeConflict   = "conflict"   // other bytes are held at this place: alarm
	codeScattered  = "scattered"  // held in too many pieces
	codeStale      = "stale"      // a newer version of the page is held
	codeLacking    = "lacking"    // records of the batch are not held; Position is the first entry missing
	codePrior      = "need-prior" // batches before the proposal must be told, from the one that holds entry Position on
	codeUnanchored = "unanchored" // the batches told lead to no anchor on the ledger
	codeSkipped    = "skipped"    // entries held here are left out, the first being Position: alarm
	codeTagReuse   = "tag-reuse"  // entry Position carries the tag of another entry: alarm
	codeRoot       = "root"       // the root is not that of the records held: alarm
)

const (
	maxRead     = 4 << 20 // bytes of frames sent in one answer to a read, a single larger frame excepted
	maxProposal = 16 << 20
	maxPage     = 4 << 20 // bytes of one page of a key store
	maxMissing  = 1 << 12 // hashes asked for at once
	maxAnswer   = peer.MaxBody
)

// held is what a custodian has of an owner: the answer to GET /peer/v1/held.
type held struct {
	Ranges []journal.Range `cbor:"1,keyasint"`
	Pages  []pageInfo      `cbor:"2,keyasint"`
	Used   int64           `cbor:"3,keyasint"` // bytes
	Quota  int64           `cbor:"4,keyasint"` // bytes
	// Seq+1 of the last batch signed, 0 for none; Covered is the entry up to which held entries are known to be anchored.
	Signed  uint64 `cbor:"5,keyasint"`
	Covered uint64 `cbor:"6,keyasint"`
}

type pageInfo struct {
	Page    uint64 `cbor:"1,keyasint"`
	Version uint64 `cbor:"2,keyasint"`
}

var (
	wireEnc = must(cbor.CoreDetEncOptions().EncMode())
	wireDec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       64,
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

// parseHash reads 64 hexadecimal digits.
func parseHash(s string) (h verify.Hash, ok bool) {
	return h, parseHex(h[:], s)
}

// parseTag reads 32 hexadecimal digits.
func parseTag(s string) (t verify.Tag, ok bool) {
	return t, parseHex(t[:], s)
}
