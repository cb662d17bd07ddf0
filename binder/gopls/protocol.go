//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"unicode/utf8"
)

// message is any of the Language Server Protocol's: a request has an ID and a
// Method, an answer an ID alone, a notification a Method alone.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// largest is the size of a message, in bytes, that is still read.
const largest = 64 << 20

func read(from *bufio.Reader) (m message, err error) {
	header, err := textproto.NewReader(from).ReadMIMEHeader()
	if err != nil {
		return m, err
	}
	size, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil || size < 0 || size > largest {
		return m, fmt.Errorf("Content-Length %q", header.Get("Content-Length"))
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(from, text); err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}

func write(to io.Writer, m message) error {
	m.JSONRPC = "2.0"
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "Content-Length: %d\r\n\r\n%s", len(text), text)
	return err
}

func encoded(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // values of this program's own
	}
	return text
}

type position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type span struct {
	Start position `json:"start"`
	End   position `json:"end"`
}

// toUnits returns how many UTF-16 units the first bytes of a line are. Bytes
// beyond its end count one each.
func toUnits(line string, bytes int) int {
	units := 0
	for i, r := range line {
		if i >= bytes {
			return units
		}
		units += width(r)
	}
	return units + max(0, bytes-len(line))
}

// toBytes is the reverse of toUnits.
func toBytes(line string, units int) int {
	for i, r := range line {
		if units <= 0 {
			return i
		}
		units -= width(r)
	}
	return len(line) + max(0, units)
}

// width is the number of UTF-16 units of a rune, 1 for a byte that is none.
func width(r rune) int {
	if r > 0xffff && r <= utf8.MaxRune {
		return 2
	}
	return 1
}
