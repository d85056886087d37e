package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// audited is what one run of `sijil audit` did.
type audited struct {
	Entries, Bytes, Blobs uint64
	seconds, cpu          float64
}

// audit measures the command as a whole; then what large documents add to it, which is the rate at which ciphertexts are verified.
func (b *bench) audit(ctx context.Context, c *cluster) error {
	before, err := b.runAudit(ctx, c)
	if err != nil {
		return err
	}
	b.add(figure{Name: "sijil audit, the whole command: entries", Nodes: c.nodes, Value: float64(before.Entries) / before.seconds, Unit: "/s"})
	b.add(figure{Name: "sijil audit, the whole command: bytes", Nodes: c.nodes, Value: float64(before.Bytes) / before.seconds / 1e6, Unit: "MB/s"}.
		beside("SHA-256 on one core", b.base.sha))
	bytes, err := b.documents(ctx, c)
	if err != nil {
		return err
	}
	after, err := b.runAudit(ctx, c)
	if err != nil {
		return err
	}
	rate := bytes / (after.cpu - before.cpu) / 1e6
	b.add(figure{Name: "sijil audit: documents, per second of one core", Nodes: c.nodes, Value: rate, Unit: "MB/s"}.least(500).
		beside("SHA-256 on one core", b.base.sha))
	return nil
}

// documents writes large documents, whose ciphertexts are files of their own, and gives how many bytes these take.
func (b *bench) documents(ctx context.Context, c *cluster) (float64, error) {
	ids, err := c.charts(ctx, 1)
	if err != nil {
		return 0, err
	}
	before, scan := classes(c.members[0].data), make([]byte, 600<<10)
	if _, err := rand.Read(scan); err != nil {
		return 0, err
	}
	for range b.load.blobs {
		body := fmt.Appendf(nil, `{"resourceType":"DocumentReference","status":"current","subject":{"reference":"Patient/%s"},`+
			`"content":[{"attachment":{"contentType":"application/pdf","data":"%s"}}]}`, ids[0], base64.StdEncoding.EncodeToString(scan))
		if _, err := c.create(ctx, c.members[0], "DocumentReference", body); err != nil {
			return 0, err
		}
	}
	time.Sleep(time.Second)
	return float64(classes(c.members[0].data)["blobs"] - before["blobs"]), nil
}

func (b *bench) runAudit(ctx context.Context, c *cluster) (a audited, err error) {
	used, err := cpu(c.members[0].pid)
	if err != nil {
		return a, err
	}
	begin := time.Now()
	out, err := exec.CommandContext(ctx, b.sijil, "audit", "--json", c.members[0].data).Output()
	if err != nil {
		return a, fmt.Errorf("sijil audit: %w: %.300s", err, out)
	}
	a.seconds = time.Since(begin).Seconds()
	now, err := cpu(c.members[0].pid) // a running node does the work, the command only shows it
	a.cpu = (now - used).Seconds()
	return a, errors.Join(err, json.Unmarshal(out, &a))
}
