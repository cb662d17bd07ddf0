package align

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
)

// simulatorMagic begins a marshalled Simulator; its last byte is the format's
// version.
var simulatorMagic = []byte("rddkit simulator\x01")

// simulatorHeader follows it, then, for each layer with carried neurons, their
// number and a flag for each.
type simulatorHeader struct {
	Epoch   uint64
	Seconds float64
	Spikes  uint64
	Carried uint32
}

// MarshalBinary returns the driven neurons, what it cost and the number of the
// next run: what the next run depends on.
func (s *Simulator) MarshalBinary() ([]byte, error) {
	out := slices.Clone(simulatorMagic)
	write := func(v any) { out, _ = binary.Append(out, binary.LittleEndian, v) } // of fixed size all
	write(simulatorHeader{s.epoch, s.cost.Seconds, s.cost.Spikes, uint32(len(s.driven))})
	for _, flags := range s.driven {
		write(uint32(len(flags)))
		write(flags)
	}
	return out, nil
}

// UnmarshalBinary restores what MarshalBinary returned. State that is damaged
// or of another format is an *invalid.Error, and nothing is changed.
func (s *Simulator) UnmarshalBinary(state []byte) error {
	restored := *s
	rest, err := restored.unmarshal(state)
	if err == nil && len(rest) > 0 {
		err = invalid.New("simulator state", "with bytes beyond its end", "what Simulator.MarshalBinary returned")
	}
	if err == nil {
		*s = restored
	}
	return err
}

// unmarshal restores the state that stands first in a longer one, and returns
// the rest. It changes nothing if it fails.
func (s *Simulator) unmarshal(state []byte) (rest []byte, err error) {
	damaged := func(what string) ([]byte, error) {
		return nil, invalid.New("simulator state", what, "what Simulator.MarshalBinary returned")
	}
	rest, ok := bytes.CutPrefix(state, simulatorMagic)
	if !ok {
		return damaged("without its beginning")
	}
	var header simulatorHeader
	n, err := binary.Decode(rest, binary.LittleEndian, &header)
	if err != nil || header.Carried > 1<<10 || header.Carried > 0 && header.Epoch == 0 || !finiteTime(header.Seconds) {
		return damaged("with an impossible header")
	}
	rest = rest[n:]
	var driven [][]bool
	for range header.Carried {
		if len(rest) < 4 || uint64(binary.LittleEndian.Uint32(rest)) > uint64(len(rest)-4) || binary.LittleEndian.Uint32(rest) == 0 {
			return damaged("cut short")
		}
		flags := make([]bool, binary.LittleEndian.Uint32(rest))
		rest = rest[4:]
		for i := range flags {
			if rest[i] > 1 {
				return damaged("with an impossible flag")
			}
			flags[i] = rest[i] == 1
		}
		rest, driven = rest[len(flags):], append(driven, flags)
	}
	s.epoch, s.driven, s.cost = header.Epoch, driven, Cost{Seconds: header.Seconds, Spikes: header.Spikes}
	return rest, nil
}
