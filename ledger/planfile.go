package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sort"

	"github.com/sijil-health/sijil/journal"
)

// A plan file holds plansPerFile plans after a header that says where it begins:
//
//	"sijplan1" ‖ sequence number[8] ‖ journal segment[4] ‖ offset[8] ‖ entry[8] ‖ key[32] ‖ CRC-32C[4]
//
// Its name gives sequence number and first entry, so that the file of either is found without opening any. A file that was trimmed
// (plantrim.go) begins with "sijtrim1" and has plans without anchors.
const (
	plansPerFile   = 2048
	planFileMagic  = "sijplan1"
	trimmedMagic   = "sijtrim1"
	planFileHeader = 8 + 8 + 4 + 8 + 8 + 32 + 4
)

func planFileName(seq, entry uint64) string { return fmt.Sprintf("%016d-%016d.plans", seq, entry) }

// planFile is a file of plans by its name alone.
type planFile struct {
	path  string
	first uint64 // sequence number of its first plan
	entry uint64 // first entry of its first plan
}

func parsePlanFile(path string) (planFile, bool) {
	f := planFile{path: path}
	name := filepath.Base(path)
	if n, err := fmt.Sscanf(name, "%d-%d.plans", &f.first, &f.entry); n != 2 || err != nil {
		return f, false
	}
	return f, name == planFileName(f.first, f.entry)
}

// listPlanFiles gives the files in order and refuses a gap: a missing file must never look like plans that were never made.
func listPlanFiles(dir string) ([]planFile, error) {
	files, err := findPlanFiles(dir)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		if want := uint64(i) * plansPerFile; f.first != want {
			return nil, &Damage{What: fmt.Sprintf("the file of plans from %d on", want), Detail: "missing before " + f.path}
		}
	}
	return files, nil
}

// findPlanFiles gives the files there are, in order.
func findPlanFiles(dir string) ([]planFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.plans"))
	if err != nil {
		return nil, fmt.Errorf("ledger: plans: %w", err)
	}
	sort.Strings(paths)
	files := make([]planFile, 0, len(paths))
	for _, path := range paths {
		f, ok := parsePlanFile(path)
		if !ok {
			return nil, &Damage{What: "plans", File: path, Detail: "the name is not that of a file of plans"}
		}
		files = append(files, f)
	}
	return files, nil
}

// plansIn is what a file of plans holds.
type plansIn struct {
	planFile
	key  BatchKey
	data []byte
	at   []planMark     // one per plan
	end  journal.Cursor // of the last plan
}

type planMark struct {
	offset int
	begin  journal.Cursor
}

// trimmed tells whether the plans are without their anchors.
func (c *plansIn) trimmed() bool { return string(c.data[:8]) == trimmedMagic }

func (c *plansIn) next() uint64 { return c.first + uint64(len(c.at)) }

// plan decodes plan number i of the file.
func (c *plansIn) plan(i int) (*Plan, error) {
	p, _, err := takePlan(c.data[c.at[i].offset:], c.first+uint64(i), c.at[i].begin)
	if err == nil {
		p.Key = c.key
	}
	return p, err
}

// find gives the number within the file of the plan that covers an entry. The caller knows that there is one.
func (c *plansIn) find(entry uint64) int {
	return sort.Search(len(c.at), func(i int) bool { return c.at[i].begin.Entry > entry }) - 1
}

func planFileHead(magic string, seq uint64, begin journal.Cursor, key *BatchKey) []byte {
	b := append(make([]byte, 0, planFileHeader), magic...)
	b = binary.BigEndian.AppendUint64(b, seq)
	b = binary.BigEndian.AppendUint32(b, begin.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(begin.Offset))
	b = binary.BigEndian.AppendUint64(b, begin.Entry)
	b = append(b, key[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readPlanFile reads a file whole. It gives how many bytes hold good plans; whether what follows is a torn tail or damage
// is for the caller to say.
func readPlanFile(f planFile) (*plansIn, int, error) {
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, 0, fmt.Errorf("ledger: plans: %w", err)
	}
	return parsePlans(f, data)
}

func parsePlans(f planFile, data []byte) (*plansIn, int, error) {
	if len(data) < planFileHeader || string(data[:8]) != planFileMagic && string(data[:8]) != trimmedMagic ||
		crc32.Checksum(data[:planFileHeader-4], castagnoli) != binary.BigEndian.Uint32(data[planFileHeader-4:]) {
		return nil, 0, &Damage{What: "header", File: f.path, Detail: "not that of a file of plans, or its checksum is wrong"}
	}
	c := &plansIn{planFile: f, key: BatchKey(data[36:]), data: data}
	c.end = journal.Cursor{
		Segment: binary.BigEndian.Uint32(data[16:]),
		Offset:  int64(binary.BigEndian.Uint64(data[20:])),
		Entry:   binary.BigEndian.Uint64(data[28:]),
	}
	if binary.BigEndian.Uint64(data[8:]) != f.first || c.end.Entry != f.entry {
		return nil, 0, &Damage{What: "header", File: f.path, Detail: "it belongs to a file of another name"}
	}
	at := planFileHeader
	for at < len(data) && len(c.at) < plansPerFile {
		p, rest, err := takePlan(data[at:], c.next(), c.end)
		if err != nil || p.trimmed() != c.trimmed() {
			return c, at, nil
		}
		c.at = append(c.at, planMark{at, c.end})
		c.end, at = p.End, len(data)-len(rest)
	}
	return c, at, nil
}

// torn tells whether what follows the good plans can be what a crash left of the one write that was under way, however much
// of it reached the disk. Such a plan was not durable, so its anchor was never submitted. It is damage when it is longer than
// one plan, or when a later plan is found in it: that was written after this one was durable.
func (c *plansIn) torn(good int) bool {
	tail := c.data[good:]
	if len(c.at) == plansPerFile || len(tail) > planHead+maxPlan {
		return false
	}
	const least = 100 // bytes of the shortest plan, so that there is room for so many later ones
	for at := range tail {
		for later := 1; later <= 1+at/least; later++ {
			if _, _, err := takePlan(tail[at:], c.next()+uint64(later), c.end); err == nil {
				return false
			}
		}
	}
	return true
}

// whole refuses a file with anything but good plans.
func (c *plansIn) whole(good int) error {
	if good == len(c.data) {
		return nil
	}
	return &Damage{
		What: fmt.Sprintf("plan %d", c.next()), File: c.path,
		Detail: fmt.Sprintf("%d bytes from offset %d on are no plan: the checksum is wrong", len(c.data)-good, good),
	}
}
