package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// asker speaks the requests of the service as their caller. Its errors are those of peer.Client.Do, *peer.Problem among them.
type asker struct{ client *peer.Client }

// do sends a request and reads an answer of at most limit bytes.
func (a asker) do(ctx context.Context, to verify.OrgID, method, path string, body []byte, limit int64) ([]byte, error) {
	request := peer.Request{Method: method, Path: path, Body: body}
	if method == http.MethodGet {
		_, b, err := a.get(ctx, to, request, limit)
		return b, err
	}
	resp, err := a.client.Do(ctx, to, request)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := readAnswer(resp.Body, limit)
	return b, answerErr(to, err)
}

const (
	// stallLimit is how long the first byte of an answer may take: who is asked may mean to keep the caller waiting.
	stallLimit = 5 * time.Second
	// slowest is how many bytes a second have to come after that; an answer of n bytes is over in stallLimit + n/slowest.
	slowest = 4 << 10
)

var errStalled = fmt.Errorf("after %v fewer than %d bytes a second came", stallLimit, slowest)

// get asks for something held, as long as its bytes keep coming.
func (a asker) get(ctx context.Context, to verify.OrgID, request peer.Request, limit int64) (http.Header, []byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := time.Now()
	stall := time.AfterFunc(stallLimit, func() { cancel(errStalled) })
	defer stall.Stop()
	resp, err := a.client.Do(ctx, to, request)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := readAnswer(&progress{from: resp.Body, timer: stall, end: begun.Add(stallLimit)}, limit)
	if err != nil && context.Cause(ctx) == errStalled {
		err = errStalled
	}
	return resp.Header, b, answerErr(to, err)
}

// progress puts a timer off by what the bytes that come may take. Dripping them gains no more than that.
type progress struct {
	from  io.Reader
	timer *time.Timer
	end   time.Time
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	if n > 0 {
		p.end = p.end.Add(time.Duration(n) * time.Second / slowest)
		p.timer.Reset(time.Until(p.end))
	}
	return n, err
}

// readAnswer reads at most limit bytes. It believes no length: memory is taken as bytes come.
func readAnswer(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return b, err
}

func answerErr(to verify.OrgID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("custody: answer of %s: %w", to, err)
}

// append sends frames, and gives the place after them once they are durable.
func (a asker) append(ctx context.Context, to verify.OrgID, start journal.Cursor, frames []byte) (end journal.Cursor, err error) {
	b, err := a.do(ctx, to, http.MethodPost, pathJournal+"?at="+start.String(), frames, 64)
	if err != nil {
		return end, err
	}
	return end, answerErr(to, end.UnmarshalBinary(b))
}

// frames gets frames held from a place on, and the place after them as the custodian says. None are the end of a run.
func (a asker) frames(ctx context.Context, to verify.OrgID, from journal.Cursor) (b []byte, end journal.Cursor, err error) {
	header, b, err := a.get(ctx, to, peer.Request{Method: http.MethodGet, Path: pathJournal + "?at=" + from.String()}, journal.MaxFrames)
	if err == nil {
		err = answerErr(to, end.UnmarshalText([]byte(header.Get(headerEnd))))
	}
	if err == nil && (end.Segment != from.Segment || end.Offset != from.Offset+int64(len(b))) {
		err = answerErr(to, fmt.Errorf("%d bytes from %s do not end at %s", len(b), from, end))
	}
	return b, end, err
}

func (a asker) held(ctx context.Context, to verify.OrgID) (h held, err error) {
	b, err := a.do(ctx, to, http.MethodGet, pathHeld, nil, peer.MaxBody)
	if err != nil {
		return h, err
	}
	return h, answerErr(to, wireDec.Unmarshal(b, &h))
}

func (a asker) putBlob(ctx context.Context, to verify.OrgID, hash verify.Hash, blob []byte) error {
	_, err := a.do(ctx, to, http.MethodPut, pathBlob+hash.String(), blob, 64)
	return err
}

// blob gets a ciphertext, checked against its hash. A zero owner is the caller itself.
func (a asker) blob(ctx context.Context, to, owner verify.OrgID, hash verify.Hash) ([]byte, error) {
	path := pathBlob + hash.String()
	if owner != (verify.OrgID{}) {
		path += "?owner=" + owner.String()
	}
	b, err := a.do(ctx, to, http.MethodGet, path, nil, maxBlob)
	if err != nil {
		return nil, err
	}
	if hashOf(b) != hash {
		return nil, fmt.Errorf("custody: %s answered with other bytes than blob %s", to, hash)
	}
	return b, nil
}

// missing tells which of the blobs a custodian does not hold.
func (a asker) missing(ctx context.Context, to verify.OrgID, hashes []verify.Hash) ([]verify.Hash, error) {
	body := make([]byte, 0, 32*len(hashes))
	for i := range hashes {
		body = append(body, hashes[i][:]...)
	}
	b, err := a.do(ctx, to, http.MethodPost, pathMissing, body, int64(len(body)))
	if err != nil {
		return nil, err
	}
	var missing []verify.Hash
	for ; len(b) >= 32; b = b[32:] {
		missing = append(missing, verify.Hash(b))
	}
	return missing, nil
}

func (a asker) putPages(ctx context.Context, to verify.OrgID, pages []Page) error {
	b, err := wireEnc.Marshal(pages)
	if err != nil {
		return fmt.Errorf("custody: encode pages: %w", err)
	}
	_, err = a.do(ctx, to, http.MethodPost, pathPages, b, 64)
	return err
}

// pages gets the caller's pages from a number on; none means that there are no more.
func (a asker) pages(ctx context.Context, to verify.OrgID, from uint64) ([]Page, error) {
	b, err := a.do(ctx, to, http.MethodGet, pathPages+"?from="+strconv.FormatUint(from, 10), nil, maxRead+maxPage+1<<16)
	if err != nil {
		return nil, err
	}
	pages, err := decodeHeldPages(b, from)
	return pages, answerErr(to, err)
}

// decodeHeldPages reads an untrusted answer: pages with rising numbers, none below from.
func decodeHeldPages(b []byte, from uint64) ([]Page, error) {
	pages, err := decodePages(b)
	if err != nil {
		return nil, err
	}
	for i := range pages {
		if pages[i].Number < from || i > 0 && pages[i].Number <= pages[i-1].Number {
			return nil, fmt.Errorf("page %d stands where page %d or a later one is due", pages[i].Number, from)
		}
	}
	return pages, nil
}

func (a asker) dropPages(ctx context.Context, to verify.OrgID) error {
	_, err := a.do(ctx, to, http.MethodDelete, pathPages, nil, 64)
	return err
}

func (a asker) withdraw(ctx context.Context, to verify.OrgID, w *withdrawal) error {
	b, err := wireEnc.Marshal(w)
	if err != nil {
		return fmt.Errorf("custody: encode a withdrawal: %w", err)
	}
	_, err = a.do(ctx, to, http.MethodPost, pathVoid, b, 64)
	return err
}

// attest asks for a signature or, where the proposal has no batch, only tells.
func (a asker) attest(ctx context.Context, to verify.OrgID, p *proposal) (c verify.Custody, err error) {
	body, err := wireEnc.Marshal(p)
	if err != nil {
		return c, fmt.Errorf("custody: encode a proposal: %w", err)
	}
	b, err := a.do(ctx, to, http.MethodPost, pathAttest, body, 1<<10)
	if err != nil || p.Batch == nil {
		return c, err
	}
	return c, answerErr(to, wireDec.Unmarshal(b, &c))
}

func (a asker) entry(ctx context.Context, to, owner verify.OrgID, tag verify.Tag) (w Witnessed, err error) {
	query := url.Values{"owner": {owner.String()}, "tag": {fmt.Sprintf("%x", tag[:])}}
	b, err := a.do(ctx, to, http.MethodGet, pathEntry+"?"+query.Encode(), nil, journal.MaxRecord)
	if err != nil {
		return w, err
	}
	return w, answerErr(to, wireDec.Unmarshal(b, &w))
}

// refusedAs gives the custodian's refusal if it has that code.
func refusedAs(err error, code string) (*peer.Problem, bool) {
	p := new(peer.Problem)
	if !errors.As(err, &p) || p.Code != code {
		return nil, false
	}
	return p, true
}
