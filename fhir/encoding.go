package fhir

import (
	"compress/flate"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// contentCodings are those that bodies and answers may be compressed by (RFC 9110, 8.4.1; RFC 8878). The first is preferred where a client takes several alike.
var contentCodings = []string{"zstd", "gzip"}

// minEncoded is the least length, in bytes, of an answer that is worth compressing.
const minEncoded = 4 << 10

// bodyCoding gives the coding that a request's body is compressed by; "" for none.
func bodyCoding(r *http.Request) (string, *problem) {
	coding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ",")))
	switch coding {
	case "", "identity":
		return "", nil
	case "gzip", "x-gzip":
		return "gzip", nil
	case "zstd":
		return coding, nil
	}
	return "", fail(http.StatusUnsupportedMediaType, "not-supported", "of the contentCodings of a body gzip and zstd are known, one at a time")
}

// decoded gives a body as it is without its coding. What comes of it is bounded by whoever reads; the memory that is taken meanwhile, here.
func decoded(coding string, in io.Reader, limit int) (io.ReadCloser, error) {
	if coding == "gzip" {
		return gzip.NewReader(in)
	}
	d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(max(uint64(limit), 8<<20)))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// corrupt tells whether an error says that a body is not of the coding that it claims.
func corrupt(err error) bool {
	for _, e := range []error{gzip.ErrHeader, gzip.ErrChecksum, zstd.ErrMagicMismatch, zstd.ErrCRCMismatch, zstd.ErrReservedBlockType, zstd.ErrCompressedSizeTooBig,
		zstd.ErrBlockTooSmall, zstd.ErrUnexpectedBlockSize, zstd.ErrUnknownDictionary, zstd.ErrWindowSizeExceeded, zstd.ErrWindowSizeTooSmall,
		zstd.ErrDecoderSizeExceeded, zstd.ErrFrameSizeExceeded, zstd.ErrFrameSizeMismatch} {
		if errors.Is(err, e) {
			return true
		}
	}
	var data flate.CorruptInputError
	return errors.As(err, &data)
}

// answerCoding chooses the coding of an answer, by Accept-Encoding (RFC 9110, 12.5.3); "" for none.
func answerCoding(r *http.Request) (best string) {
	quality := map[string]float64{}
	for _, header := range r.Header.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(header, ",") {
			name, q, weighted := strings.Cut(item, ";")
			weight := 1.0
			if weighted {
				value, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(q), " ", ""), "q=")
				n, err := strconv.ParseFloat(value, 64)
				if !ok || err != nil {
					continue
				}
				weight = n
			}
			quality[strings.ToLower(strings.TrimSpace(name))] = weight
		}
	}
	most := 0.0
	for _, coding := range contentCodings {
		q, named := quality[coding]
		if !named {
			q = quality["*"]
		}
		if q > most && q >= quality["identity"] {
			best, most = coding, q
		}
	}
	return best
}

// encoder compresses one answer at a time.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

var encoders = map[string]*sync.Pool{
	"gzip": {New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one that there is
		return w
	}},
	"zstd": {New: func() any {
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(512<<10))
		return w
	}},
}

// encode writes body compressed.
func encode(w io.Writer, coding string, body []byte) error {
	pool := encoders[coding]
	e := pool.Get().(encoder)
	defer pool.Put(e)
	e.Reset(w)
	_, err := e.Write(body)
	return errors.Join(err, e.Close())
}
