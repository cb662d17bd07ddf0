package dataset

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/weightalign/lab/data"
	"github.com/weightalign/lab/rddkit/invalid"
)

// contents reads a file, through gzip if it is compressed, and keeps the
// checksums of both the file and its contents.
type contents struct {
	path     string
	file     fs.File
	raw      *bufio.Reader // the file's bytes, hashed by packed
	in       io.Reader     // the contents
	packed   hash.Hash     // of the file
	unpacked hash.Hash     // of the contents: packed itself if the file is not compressed
	size     int64         // bytes of contents read so far
	want     File
	ctx      context.Context
}

// open opens a file for reading its contents; the caller closes c.file.
func open(ctx context.Context, path string, embedded bool, want File) (*contents, error) {
	c := &contents{path: path, packed: sha256.New(), want: want, ctx: ctx}
	var err error
	if embedded {
		c.file, err = data.Embedded.Open(path)
	} else {
		c.file, _, err = openRegular(path)
	}
	if err != nil {
		return nil, err
	}
	c.raw = bufio.NewReaderSize(io.TeeReader(c.file, c.packed), 1<<18)
	c.in, c.unpacked = c.raw, c.packed
	if magic, _ := c.raw.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(c.raw)
		if err != nil {
			c.file.Close()
			return nil, c.damaged("damaged: " + err.Error())
		}
		c.unpacked = sha256.New()
		c.in = io.TeeReader(unzipped, c.unpacked)
	}
	return c, nil
}

// Read reads contents. It fails if there are more than the manifest says, or
// when the context ends.
func (c *contents) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.in.Read(p)
	c.size += int64(n)
	if c.size > c.want.Size {
		return n, damage{fmt.Sprintf("more than %d bytes", c.want.Size)}
	}
	return n, err
}

// finish reads what is left and compares sizes and checksums.
func (c *contents) finish() error {
	if _, err := io.Copy(io.Discard, c); err != nil {
		return c.explain(err)
	}
	if _, err := io.Copy(io.Discard, c.raw); err != nil { // bytes behind the gzip stream
		return err
	}
	packed, unpacked := hex.EncodeToString(c.packed.Sum(nil)), hex.EncodeToString(c.unpacked.Sum(nil))
	switch {
	case c.size != c.want.Size:
		return c.damaged(fmt.Sprintf("truncated: %d bytes", c.size))
	case c.want.SHA256 != "":
		if unpacked != c.want.SHA256 {
			return c.damaged(fmt.Sprintf("altered: its contents have SHA-256 %s%s", unpacked, owner(unpacked, packed)))
		}
	case packed != c.want.PublishedSHA256:
		return c.damaged(fmt.Sprintf("altered: SHA-256 %s%s", packed, owner(unpacked, packed)))
	}
	return nil
}

// damage is an error of a parser: what it found.
type damage struct{ found string }

func (d damage) Error() string { return d.found }

// explain turns an error of reading or parsing into one that names the file.
func (c *contents) explain(err error) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	return c.damaged(err.Error())
}

func (c *contents) damaged(found string) error {
	want := fmt.Sprintf("%d %s in %d bytes", c.want.Rows, c.want.Holds, c.want.Size)
	if c.want.SHA256 != "" {
		want += " with SHA-256 " + c.want.SHA256
	} else {
		want += ", compressed as published with SHA-256 " + c.want.PublishedSHA256
	}
	return invalid.New(c.path, found, want)
}
