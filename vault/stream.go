package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Layout of a sealed stream, for content that is written and read in parts (L3):
//
//	magic[4] ‖ suite[1] ‖ key commitment[32] ‖ wrapped DEK[60] ‖ chunks
//	chunk = nonce[12] ‖ ciphertext ‖ tag[16], of 64 KiB of content, the last one of less, maybe of nothing
//
// Each chunk is bound to its place and to whether it is the last, so that none can be left out, exchanged or put after the end
// (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO
// 2015), and any part can be read without what comes before.
const (
	streamMagic   = "SjSt"
	streamHeader  = int64(blobHeader) // of the same parts as a blob's
	streamPurpose = "sijil/stream/1"
	// StreamChunk is how much content one chunk of a sealed stream holds, in bytes.
	StreamChunk  = 64 << 10
	sealedChunk  = StreamChunk + gcmOverhead
	maxChunks    = 1 << 32 // nonces are random: SP 800-38D, section 8.3
	maxStreamAAD = MaxAAD
)

// streamAAD is what a chunk is bound to. The buffer is used again.
func streamAAD(b []byte, fixed, aad []byte, chunk uint64, last bool) []byte {
	b = append(append(append(b[:0], streamPurpose...), fixed...), 0)
	if last {
		b[len(b)-1] = 1
	}
	return append(binary.BigEndian.AppendUint64(b, chunk), aad...)
}

// StreamWriter seals what is written to it. Close ends the stream: without it nothing at all can be read to its end.
type StreamWriter struct {
	w          io.Writer
	aead       cipher.AEAD
	fixed, aad []byte
	plain      []byte // at most a chunk, not sealed yet
	sealed, ad []byte
	chunk      uint64
	err        error
}

// StreamKey seals streams that nothing shall open once the process has ended: it is random, and in memory alone.
type StreamKey struct{ wrap cipher.AEAD }

// NewStreamKey draws one.
func NewStreamKey() *StreamKey {
	k := newKey()
	return &StreamKey{newGCM(k[:])}
}

// SealStream is Key.SealStream.
func (k *StreamKey) SealStream(w io.Writer, aad []byte) (*StreamWriter, error) {
	return sealStream(k.wrap, w, aad)
}

// OpenStream is Key.OpenStream.
func (k *StreamKey) OpenStream(r io.ReaderAt, size int64, aad []byte) (*StreamReader, error) {
	return openStream(k.wrap, r, size, aad)
}

// SealStream begins a stream on w, sealed under a random key of its own, which this key wraps in the header. The associated data should name
// what the stream is: it does not open as anything else.
func (k *Key) SealStream(w io.Writer, aad []byte) (*StreamWriter, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	return sealStream(k.keys().wrap, w, aad)
}

func sealStream(wrap cipher.AEAD, w io.Writer, aad []byte) (*StreamWriter, error) {
	if len(aad) > maxStreamAAD {
		return nil, fmt.Errorf("%w: %d bytes of associated data", ErrLimit, len(aad))
	}
	dek := newKey()
	enc, commit := expandCommitted(dek[:], streamPurpose)
	head := append(append(append(make([]byte, 0, blobHeader), streamMagic...), suiteGCM), commit...)
	fixed := bytes.Clone(head)
	head = wrap.Seal(head, nil, dek[:], blobAAD(dekPurpose, fixed, nil))
	if _, err := w.Write(head); err != nil {
		return nil, err
	}
	return &StreamWriter{w: w, aead: newGCM(enc), fixed: fixed, aad: bytes.Clone(aad), plain: make([]byte, 0, StreamChunk)}, nil
}

// Write implements io.Writer.
func (s *StreamWriter) Write(b []byte) (n int, err error) {
	for len(b) > 0 && s.err == nil {
		if len(s.plain) == StreamChunk { // there is more, so it is not the last
			s.seal(false)
			continue
		}
		room := min(StreamChunk-len(s.plain), len(b))
		s.plain, b = append(s.plain, b[:room]...), b[room:]
		n += room
	}
	return n, s.err
}

func (s *StreamWriter) seal(last bool) {
	if s.chunk == maxChunks {
		s.err = fmt.Errorf("%w: a stream of %d chunks", ErrLimit, s.chunk)
		return
	}
	s.ad = streamAAD(s.ad, s.fixed, s.aad, s.chunk, last)
	s.sealed = s.aead.Seal(s.sealed[:0], nil, s.plain, s.ad)
	_, s.err = s.w.Write(s.sealed)
	s.plain, s.chunk = s.plain[:0], s.chunk+1
}

var errStreamEnded = errors.New("vault: the stream was ended")

// Close seals what is left and ends the stream. It does not close what is below.
func (s *StreamWriter) Close() error {
	if s.err != nil {
		return s.err
	}
	s.seal(true)
	err := s.err
	if s.err == nil {
		s.err = errStreamEnded
	}
	return err
}

// StreamReader reads a sealed stream from any place. It may be used from several goroutines.
type StreamReader struct {
	r          io.ReaderAt
	aead       cipher.AEAD
	fixed, aad []byte
	size       int64 // of the content
	chunks     int64

	mu    sync.Mutex
	at    int64  // the chunk that was opened last; -1 for none
	plain []byte // of it
}

// OpenStream reads a stream of `size` bytes, the whole file's, that SealStream began with the same associated data. ErrSealed: it is another
// one, or was altered or cut off at a chunk's end; what else was altered shows where it is read.
func (k *Key) OpenStream(r io.ReaderAt, size int64, aad []byte) (*StreamReader, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	return openStream(k.keys().wrap, r, size, aad)
}

func openStream(wrap cipher.AEAD, r io.ReaderAt, size int64, aad []byte) (*StreamReader, error) {
	if len(aad) > maxStreamAAD || size < streamHeader+gcmOverhead {
		return nil, fmt.Errorf("%w: not a stream", ErrSealed)
	}
	head := make([]byte, blobHeader)
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(head, []byte(streamMagic)) || head[len(streamMagic)] != suiteGCM {
		return nil, fmt.Errorf("%w: not a stream of a known suite", ErrSealed)
	}
	fixed := head[:blobWrapped:blobWrapped]
	dek, err := wrap.Open(nil, nil, head[blobWrapped:], blobAAD(dekPurpose, fixed, nil))
	if err != nil {
		return nil, ErrSealed
	}
	enc, commit := expandCommitted(dek, streamPurpose)
	if subtle.ConstantTimeCompare(commit, fixed[blobCommit:]) != 1 {
		return nil, ErrSealed
	}
	body := size - streamHeader
	s := &StreamReader{r: r, aead: newGCM(enc), fixed: fixed, aad: bytes.Clone(aad), at: -1}
	s.chunks = (body + sealedChunk - 1) / sealedChunk
	if s.size = body - s.chunks*gcmOverhead; s.size < (s.chunks-1)*StreamChunk {
		return nil, ErrSealed
	}
	return s, s.open(s.chunks - 1) // only the last one says that it is
}

// Size is the length of the content.
func (s *StreamReader) Size() int64 { return s.size }

// ReadAt implements io.ReaderAt. What was altered gives ErrSealed.
func (s *StreamReader) ReadAt(b []byte, from int64) (n int, err error) {
	if from < 0 {
		return 0, errors.New("vault: read before the beginning of a stream")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(b) > 0 {
		if from >= s.size {
			return n, io.EOF
		}
		if err := s.open(from / StreamChunk); err != nil {
			return n, err
		}
		got := copy(b, s.plain[from%StreamChunk:])
		b, n, from = b[got:], n+got, from+int64(got)
	}
	return n, nil
}

// open brings a chunk into the clear, unless it is the one opened last.
func (s *StreamReader) open(chunk int64) error {
	if chunk == s.at {
		return nil
	}
	last := chunk == s.chunks-1
	size := int64(sealedChunk)
	if last {
		size = s.size - chunk*StreamChunk + gcmOverhead
	}
	sealed := make([]byte, size)
	if n, err := s.r.ReadAt(sealed, streamHeader+chunk*sealedChunk); err != nil && (int64(n) < size || !errors.Is(err, io.EOF)) {
		return err
	}
	s.at = -1
	var err error
	s.plain, err = s.aead.Open(s.plain[:0], nil, sealed, streamAAD(nil, s.fixed, s.aad, uint64(chunk), last))
	if err != nil {
		return ErrSealed
	}
	s.at = chunk
	return nil
}
