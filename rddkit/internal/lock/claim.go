package lock

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Holder says who made a claim.
type Holder struct {
	Host    string        `json:"host"`
	PID     int           `json:"pid"`
	Since   time.Time     `json:"since"` // by the holder's clock
	Beat    time.Duration `json:"beat"`  // between two signs of life, ns
	Place   string        `json:"place"` // start of the system and process namespace; "" if unknown
	Process string        `json:"process"`
	Nonce   string        `json:"nonce"`
}

// A claim's file begins with one of these; beats and the release rewrite only
// them, so that no reader sees half a claim.
const (
	held = "held\n"
	free = "free\n"
)

// claim is one file as it was read. The claim 0 stands for an empty folder.
type claim struct {
	number   int
	text     []byte // after the state; identifies the claim
	free     bool
	holder   Holder // zero if the text is damaged
	modified time.Time
}

func (c claim) same(other claim) bool { return bytes.Equal(c.text, other.text) }

func (c claim) path(dir string) string { return filepath.Join(dir, strconv.Itoa(c.number)) }

// newText returns a holder in this process, and the text of its claim, which no
// other has.
func newText(o Options) (Holder, []byte) {
	nonce := make([]byte, 12)
	rand.Read(nonce) // it never fails
	host := o.host
	if host == "" {
		host, _ = os.Hostname()
	}
	pid := os.Getpid()
	h := Holder{
		Host: host, PID: pid, Since: time.Now().UTC().Truncate(time.Second), Beat: o.Beat,
		Place: place(), Process: processStart(pid), Nonce: hex.EncodeToString(nonce),
	}
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // plain fields
	}
	return h, append(text, '\n')
}

// readClaim reads the claim of a number; its error is fs.ErrNotExist if there is
// none.
func readClaim(dir string, number int) (claim, error) {
	c := claim{number: number}
	file, err := os.Open(c.path(dir)) // over NFS, opening asks for the present times
	if err != nil {
		return c, err
	}
	defer file.Close()
	const enough = 1 << 16
	text, err := io.ReadAll(io.LimitReader(file, enough))
	if err != nil {
		return c, err
	}
	info, err := file.Stat()
	if err != nil {
		return c, err
	}
	c.modified = info.ModTime()
	c.free = bytes.HasPrefix(text, []byte(free))
	c.text = text[min(len(held), len(text)):]
	if json.Unmarshal(c.text, &c.holder) != nil {
		c.holder = Holder{}
	}
	return c, nil
}

// list returns the numbers claimed and the other files in a lock's folder.
func list(dir string) (numbers []int, others []fs.DirEntry, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		n, err := strconv.Atoi(entry.Name())
		switch {
		case err == nil && n > 0 && strconv.Itoa(n) == entry.Name():
			numbers = append(numbers, n)
		case strings.HasPrefix(entry.Name(), draftPrefix):
			others = append(others, entry)
		}
	}
	return numbers, others, nil
}

// highest returns the claim that counts, the claim 0 if there is none.
func highest(dir string) (claim, error) {
	for {
		numbers, _, err := list(dir)
		if err != nil {
			return claim{}, err
		}
		most := 0
		for _, n := range numbers {
			most = max(most, n)
		}
		if most == 0 {
			return claim{free: true}, nil
		}
		c, err := readClaim(dir, most)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a higher one came, and it went
		}
		return c, err
	}
}

const draftPrefix = "draft-"

// draft is a file of one who wants the lock: what will be its claim, and the
// clock of the file system.
type draft struct {
	path string
	text []byte
}

// newDraft writes a draft into a lock's folder, which it makes if it is missing.
func newDraft(dir string, o Options) (*draft, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	holder, text := newText(o)
	d := &draft{filepath.Join(dir, draftPrefix+holder.Nonce), text}
	if err := d.write(d.path); err != nil {
		d.remove()
		return nil, err
	}
	return d, nil
}

// write makes a file that must not exist.
func (d *draft) write(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(append([]byte(held), d.text...))
	return errors.Join(err, file.Close())
}

func (d *draft) remove() { os.Remove(d.path) }

// now is the time of the file system.
func (d *draft) now() (time.Time, error) {
	if err := rewrite(d.path, held); err != nil {
		return time.Time{}, err
	}
	info, err := os.Stat(d.path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// claim makes the draft the claim of a number, and says whether it was the first.
func (d *draft) claim(dir string, number int) (bool, error) {
	path := claim{number: number}.path(dir)
	err := os.Link(d.path, path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrExist):
		// The reply to a link that was made may be lost, and the link sent again.
		mine, err := os.Stat(d.path)
		if err != nil {
			return false, err
		}
		there, err := os.Stat(path)
		return err == nil && os.SameFile(mine, there), nil
	case errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	// No hard links here (FAT, some network file systems): the best that is left.
	switch exclusive := d.write(path); {
	case exclusive == nil:
		return true, nil
	case errors.Is(exclusive, fs.ErrExist):
		return false, nil
	}
	return false, err
}

// rewrite writes a claim's state again, which moves the file's time.
func rewrite(path, state string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(state), 0)
	return errors.Join(err, file.Close())
}
