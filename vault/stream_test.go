package vault

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func sealedStream(t testing.TB, k *Key, aad string, content []byte, step int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := k.SealStream(&b, []byte(aad))
	for len(content) > 0 && err == nil {
		n := min(step, len(content))
		_, err = w.Write(content[:n])
		content = content[n:]
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("something was written after the end")
	}
	return b.Bytes()
}

func noise(n int) []byte {
	b := make([]byte, n)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func TestStreamReadsWhatWasWritten(t *testing.T) {
	k, _ := twoKeys(t)
	for _, size := range []int{0, 1, StreamChunk - 1, StreamChunk, StreamChunk + 1, 3*StreamChunk + 7} {
		content := noise(size)
		sealed := sealedStream(t, k, "a", content, 10_000)
		r, err := k.OpenStream(bytes.NewReader(sealed), int64(len(sealed)), []byte("a"))
		if err != nil || r.Size() != int64(size) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), content); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if bytes.Contains(sealed, content[:min(size, 16)]) && size >= 16 {
			t.Error("it can be read without the key")
		}
	}
}

func TestStreamShowsWhatWasDone(t *testing.T) {
	k, other := twoKeys(t)
	content := noise(3*StreamChunk + 100)
	good := sealedStream(t, k, "a", content, 1<<20)
	at := func(chunk int) int { return blobHeader + chunk*sealedChunk }
	for name, spoil := range map[string]func(b []byte) []byte{
		"cut in a chunk":           func(b []byte) []byte { return b[:len(b)-1] },
		"cut after a chunk":        func(b []byte) []byte { return b[:at(3)] },
		"cut to the header":        func(b []byte) []byte { return b[:blobHeader] },
		"longer":                   func(b []byte) []byte { return append(b, 0) },
		"longer by a chunk":        func(b []byte) []byte { return append(b, b[at(0):at(1)]...) },
		"chunks exchanged":         func(b []byte) []byte { return slicesOf(b[:at(0)], b[at(1):at(2)], b[at(0):at(1)], b[at(2):]) },
		"a chunk left out":         func(b []byte) []byte { return slicesOf(b[:at(1)], b[at(2):]) },
		"a bit of a chunk":         func(b []byte) []byte { b[at(1)+500] ^= 1; return b },
		"a bit of the commitment":  func(b []byte) []byte { b[blobCommit] ^= 1; return b },
		"a bit of the wrapped key": func(b []byte) []byte { b[blobWrapped] ^= 1; return b },
		"another suite":            func(b []byte) []byte { b[len(streamMagic)]++; return b },
	} {
		b := spoil(bytes.Clone(good))
		r, err := k.OpenStream(bytes.NewReader(b), int64(len(b)), []byte("a"))
		if err == nil {
			_, err = io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size()))
		}
		if !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.OpenStream(bytes.NewReader(good), int64(len(good)), []byte("b")); !errors.Is(err, ErrSealed) {
		t.Errorf("as something else: %v", err)
	}
	if _, err := other.OpenStream(bytes.NewReader(good), int64(len(good)), []byte("a")); !errors.Is(err, ErrSealed) {
		t.Errorf("with another key: %v", err)
	}
	// A part can be read although another is damaged.
	b := bytes.Clone(good)
	b[at(1)+9] ^= 1
	r, err := k.OpenStream(bytes.NewReader(b), int64(len(b)), []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 1000)
	if _, err := r.ReadAt(part, 2*StreamChunk+5); err != nil || !bytes.Equal(part, content[2*StreamChunk+5:][:1000]) {
		t.Errorf("a part behind the damage: %v", err)
	}
	if n, err := r.ReadAt(part, StreamChunk-10); n != 10 || !errors.Is(err, ErrSealed) {
		t.Errorf("a part that meets the damage: %d bytes, %v", n, err)
	}
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func FuzzOpenStream(f *testing.F) {
	k, _ := twoKeys(f)
	f.Add(sealedStream(f, k, "a", noise(100), 1000))
	f.Add(sealedStream(f, k, "a", nil, 1000))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := k.OpenStream(bytes.NewReader(b), int64(len(b)), []byte("a"))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size()))
	})
}

func BenchmarkStream(b *testing.B) {
	k, _ := twoKeys(b)
	content := noise(8 << 20)
	sealed := sealedStream(b, k, "a", content, 1<<20)
	b.Run("seal", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			w, err := k.SealStream(io.Discard, nil)
			if err == nil {
				_, err = w.Write(content)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			r, err := k.OpenStream(bytes.NewReader(sealed), int64(len(sealed)), []byte("a"))
			if err == nil {
				_, err = io.CopyBuffer(io.Discard, io.NewSectionReader(r, 0, r.Size()), make([]byte, 1<<16))
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
