package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// machine measures what the machine itself can do, the limit of everything else.
func (b *bench) machine() error {
	f, err := os.Create(filepath.Join(b.dir, "fsync"))
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 4096)
	took := make([]time.Duration, 0, 300)
	for i := range 300 {
		begin := time.Now()
		if _, err := f.WriteAt(block, int64(i)*4096); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.add(figure{Name: "raw write + fsync, p50", Value: ms(took[len(took)/2]), Unit: "ms"})
	b.add(figure{Name: "raw write + fsync, p99", Value: ms(took[len(took)*99/100]), Unit: "ms"})

	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	c, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	g, err := cipher.NewGCMWithRandomNonce(c)
	if err != nil {
		return err
	}
	out := make([]byte, 0, 8192)
	begin, n := time.Now(), 0
	for ; time.Since(begin) < 300*time.Millisecond; n++ {
		out = g.Seal(out[:0], nil, block, nil)
	}
	b.add(figure{Name: "raw AES-256-GCM of 4 kB, one core", Value: float64(n) * 4096 / time.Since(begin).Seconds() / 1e6, Unit: "MB/s"})
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
