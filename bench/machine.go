package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// machine measures what the machine itself can do, the limit of everything else.
func (b *bench) machine() error {
	foreign, err := foreign(time.Second)
	if err != nil {
		return err
	}
	b.add(figure{Name: "processors busy with other work before the run", Value: foreign, Unit: "%"})
	took, err := fsyncs(b.dir)
	if err != nil {
		return err
	}
	b.base.fsync = middle(took)
	b.add(figure{Name: "raw write + fsync of 4 kB, p50", Value: b.base.fsync, Unit: "ms"})
	b.add(figure{Name: "raw write + fsync of 4 kB, p99", Value: tail(took), Unit: "ms"})
	if b.base.disk, err = sequential(b.dir); err != nil {
		return err
	}
	b.add(figure{Name: "raw write + fsync of 1 MiB after 1 MiB", Value: b.base.disk, Unit: "MB/s"})
	if err := b.ciphers(); err != nil {
		return err
	}
	b.add(figure{Name: "raw AES-256-GCM of 4 kB, one core", Value: b.base.aes, Unit: "MB/s"})
	b.add(figure{Name: "raw SHA-256 of 4 kB, one core", Value: b.base.sha, Unit: "MB/s"})
	return nil
}

// fsyncs writes and syncs 300 blocks of a fresh file and gives the times in ascending order.
func fsyncs(dir string) ([]time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	took := make([]time.Duration, 0, 300)
	for i := range cap(took) {
		begin := time.Now()
		if _, err := f.WriteAt(block, int64(i)*4096); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took, nil
}

// sequential gives the rate, in MB/s, at which 64 MiB become durable when each MiB is synced.
func sequential(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "sequential"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	piece := make([]byte, 1<<20)
	if _, err := rand.Read(piece); err != nil {
		return 0, err
	}
	begin := time.Now()
	for range 64 {
		if _, err := f.Write(piece); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return 64 * float64(len(piece)) / time.Since(begin).Seconds() / 1e6, nil
}

func (b *bench) ciphers() error {
	block, key := make([]byte, 4096), make([]byte, 32)
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
	b.base.aes = megabytes(len(block), func() { out = g.Seal(out[:0], nil, block, nil) })
	b.base.sha = megabytes(len(block), func() { sha256.Sum256(block) })
	return nil
}

// megabytes gives the rate at which do treats pieces of a size, in MB/s.
func megabytes(size int, do func()) float64 {
	begin, n := time.Now(), 0
	for ; time.Since(begin) < 300*time.Millisecond; n++ {
		do()
	}
	return float64(n) * float64(size) / time.Since(begin).Seconds() / 1e6
}

// printFsync is the worker that tells what an fsync takes where it runs, in ms.
func printFsync(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want a directory, got %q", args)
	}
	took, err := fsyncs(args[0])
	if err == nil {
		_, err = fmt.Println(middle(took), tail(took))
	}
	return err
}

// middle and tail give the median and the 99th percentile of times in ascending order, in ms.
func middle(took []time.Duration) float64 { return ms(took[len(took)/2]) }
func tail(took []time.Duration) float64   { return ms(took[len(took)*99/100]) }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
