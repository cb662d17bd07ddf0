package align

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// stateMagic begins a marshalled RDD; its last byte is the format's version.
var (
	stateMagic = []byte("rddkit RDD\x02")
	firstMagic = []byte("rddkit RDD\x01")
)

// stateHeader follows it, then the sizes, and for each layer the feedback
// deviation, the parameters and, if Carried, the driven neurons.
type stateHeader struct {
	Epoch      uint64
	Seconds    float64
	Spikes     uint64
	Operations uint64
	Layers     uint32
	Carried    uint8
}

// MarshalBinary returns the regressions, the first standard deviations of the
// feedback weights, the driven neurons, what it cost and the number of the next epoch.
func (r *RDD) MarshalBinary() ([]byte, error) {
	cost := r.Cost()
	header := stateHeader{Epoch: r.simulator.epoch, Seconds: cost.Seconds, Spikes: cost.Spikes, Operations: cost.Operations, Layers: uint32(len(r.layers))}
	if r.simulator.driven != nil {
		header.Carried = 1
	}
	size := 64 // more than the header's
	for _, l := range r.layers {
		size += 8 + 32*l.in*l.out + 33*l.in
	}
	out := append(make([]byte, 0, size), stateMagic...)
	write := func(v any) { out, _ = binary.Append(out, binary.LittleEndian, v) } // of fixed size all
	write(header)
	if r.layers != nil {
		for _, size := range r.sizes() {
			write(uint32(size))
		}
	}
	for l, layer := range r.layers {
		write(layer.feedbackDeviation)
		write(r.Parameters(l))
		if r.options.Estimator == Wald {
			write(layer.treatment)
		}
		if r.simulator.driven != nil {
			write(r.simulator.driven[l])
		}
	}
	return out, nil
}

// UnmarshalBinary restores what MarshalBinary returned. State that is damaged
// or of another format is an *invalid.Error, and nothing is changed.
func (r *RDD) UnmarshalBinary(state []byte) error {
	damaged := func(what string) error {
		return invalid.New("learner state", what, "what RDD.MarshalBinary returned")
	}
	rest, ok := bytes.CutPrefix(state, stateMagic)
	first := false
	if !ok {
		if rest, first = bytes.CutPrefix(state, firstMagic); !first {
			return damaged("without its beginning")
		}
	}
	in := bytes.NewReader(rest)
	read := func(v any) bool { return binary.Read(in, binary.LittleEndian, v) == nil }
	var header stateHeader
	complete := false
	if first { // it had no costs
		var earlier struct {
			Epoch   uint64
			Layers  uint32
			Carried uint8
		}
		complete = read(&earlier)
		header.Epoch, header.Layers, header.Carried = earlier.Epoch, earlier.Layers, earlier.Carried
	} else {
		complete = read(&header)
	}
	if !complete || header.Layers > 1<<10 || header.Carried > 1 || header.Layers == 0 && header.Epoch > 0 || !finiteTime(header.Seconds) || header.Carried == 1 && header.Layers == 0 {
		return damaged("with an impossible header")
	}
	var sizes []uint32
	if header.Layers > 0 {
		sizes = make([]uint32, header.Layers+1)
		if !read(sizes) {
			return damaged("cut short")
		}
	}
	// What is still to come is known now; nothing is allocated on a false claim.
	want := uint64(0)
	for l := range header.Layers {
		if sizes[l] == 0 || sizes[l] > 1<<20 || sizes[l+1] == 0 || sizes[l+1] > 1<<20 {
			return damaged(fmt.Sprintf("of layers with %d and %d neurons", sizes[l], sizes[l+1]))
		}
		want += 8 + 32*uint64(sizes[l])*uint64(sizes[l+1]) + uint64(header.Carried)*uint64(sizes[l])
		if r.options.Estimator == Wald {
			want += 32 * uint64(sizes[l])
		}
	}
	if want != uint64(in.Len()) {
		return damaged(fmt.Sprintf("with %d bytes instead of %d", in.Len(), want))
	}
	var layers []*regressions
	var driven [][]bool
	for l := range header.Layers {
		layer := newRegressions(int(sizes[l]), int(sizes[l+1]))
		read(&layer.feedbackDeviation)
		parameters := make([]float64, layer.in*4*layer.out)
		read(parameters)
		if r.options.Estimator == Wald {
			read(layer.treatment)
		}
		for _, t := range layer.treatment {
			parameters = append(parameters, t.InterceptSpike, t.InterceptQuiet, t.SlopeSpike, t.SlopeQuiet)
		}
		for _, p := range append(parameters, layer.feedbackDeviation) {
			if math.IsNaN(p) || math.IsInf(p, 0) {
				return damaged("with a parameter that is not finite")
			}
		}
		layer.transfer(parameters, true)
		layers = append(layers, layer)
		if header.Carried == 1 {
			flags, bytes := make([]bool, layer.in), make([]uint8, layer.in)
			read(bytes)
			for i, b := range bytes {
				if b > 1 {
					return damaged("with an impossible flag")
				}
				flags[i] = b == 1
			}
			driven = append(driven, flags)
		}
	}
	r.layers, r.operations = layers, header.Operations
	r.simulator.epoch, r.simulator.driven = header.Epoch, driven
	r.simulator.cost = Cost{Seconds: header.Seconds, Spikes: header.Spikes}
	return nil
}

// finiteTime reports whether a number can be a time that has passed.
func finiteTime(seconds float64) bool { return seconds >= 0 && !math.IsInf(seconds, 0) }
