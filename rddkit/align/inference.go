package align

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// inference is what rules of spikes that keep one number for each pair of
// neurons have in common: the numbers, and how feedback weights come from them.
type inference struct {
	rule       string // in states and errors
	rate       float64
	unscaled   bool // feedback weights are the estimates themselves
	forget     bool
	run        SpikeRun
	layers     []*pairEstimates
	operations uint64
}

// pairEstimates are those from one layer to the layer above.
type pairEstimates struct {
	in, out   int
	values    [][tileWidth]float64 // [tile of the layer][neuron above], so that a tile is read in order; what is beyond in stays 0
	deviation float64              // of the first feedback weights
	changed   bool                 // since the last update
}

func newPairEstimates(in, out int) *pairEstimates {
	return &pairEstimates{in: in, out: out, values: make([][tileWidth]float64, tiles(in)*paired(out))}
}

// paired is a number of neurons above rounded up to a pair.
func paired(neurons int) int { return neurons + neurons%2 }

func (e *pairEstimates) tile(tile int) [][tileWidth]float64 {
	return e.values[tile*paired(e.out):][:paired(e.out)]
}

// begin makes the estimates before the first run.
func (f *inference) begin(run SpikeRun) error {
	if f.layers != nil && !slices.Equal(f.sizes(), run.Sizes) {
		return invalid.Newf("layers", fmt.Sprint(run.Sizes), "the sizes of the runs before, %v", f.sizes())
	}
	if f.layers == nil {
		var layers []*pairEstimates
		for l, feedback := range run.Feedback {
			e := newPairEstimates(run.Sizes[l], run.Sizes[l+1])
			if !f.unscaled {
				var err error
				if e.deviation, err = firstDeviation(l, feedback); err != nil {
					return err
				}
			}
			layers = append(layers, e)
		}
		f.layers = layers
	}
	for _, e := range f.layers {
		if f.forget {
			clear(e.values)
		}
		e.changed = true // the caller may have changed the feedback weights
	}
	f.run = run
	f.run.Feedback = nil // they are the caller's
	return nil
}

func (f *inference) sizes() []int {
	sizes := []int{f.layers[0].in}
	for _, e := range f.layers {
		sizes = append(sizes, e.out)
	}
	return sizes
}

// Update writes the feedback weights of a layer; see [SpikeRule].
func (f *inference) Update(layer int, feedback []float32) error {
	e := f.layers[layer]
	if !e.changed {
		return nil
	}
	e.changed = false
	estimates := make([]float64, e.in*e.out)
	if f.unscaled {
		for block := range e.blocks() {
			e.block(estimates, block)
		}
		for k, b := range estimates {
			if !(math.Abs(b) <= largestEstimate) {
				return f.diverged(layer)
			}
			if b != 0 {
				feedback[k] = float32(b)
			}
		}
		return nil
	}
	if !scaleTo(feedback, e.in, e.out, estimates, e.deviation, func(block int) { e.block(estimates, block) }) {
		return f.diverged(layer)
	}
	return nil
}

// End fails if estimates have diverged since the last update; see [SpikeRule].
func (f *inference) End() error {
	for n, e := range f.layers {
		if e.changed && !e.sound() {
			return f.diverged(n)
		}
	}
	return nil
}

func (e *pairEstimates) sound() bool {
	for i := range e.values {
		for _, v := range e.values[i] {
			if !(math.Abs(v) <= largestEstimate) {
				return false
			}
		}
	}
	return true
}

func (f *inference) diverged(layer int) error {
	return invalid.Newf(f.rule+"Options.Rate", f.rate, "a smaller one: the estimates of layers[%d] diverge", layer)
}

func (e *pairEstimates) blocks() int { return (e.in + neuronBlock - 1) / neuronBlock }

// block writes the estimates of a block of the layer's neurons into flat,
// [in][out].
func (e *pairEstimates) block(flat []float64, block int) {
	for i := block * neuronBlock; i < min((block+1)*neuronBlock, e.in); i++ {
		values, lane := e.tile(i/tileWidth), i%tileWidth
		row := flat[i*e.out:][:e.out]
		for j := range row {
			row[j] = values[j][lane]
		}
	}
}

// Estimates returns what the rule estimates of a layer, up to scale the weight of
// each pair, [neuron of the layer][neuron above]: 0 where nothing was seen, nil
// before the first run. From then on it panics unless layer is one of those.
func (f *inference) Estimates(layer int) []float64 {
	if f.layers == nil {
		return nil
	}
	e := f.layers[layer]
	flat := make([]float64, e.in*e.out)
	parallel.For(e.blocks(), func(block int) { e.block(flat, block) })
	return flat
}

// Operations returns the multiply-adds of the rule; see [Counting].
func (f *inference) Operations() uint64 { return f.operations }

// save returns what puts the estimates back as they are now.
func (f *inference) save() (restore func()) {
	layers, operations := f.layers, f.operations
	values := make([][][tileWidth]float64, len(layers))
	for l, e := range layers {
		values[l] = slices.Clone(e.values)
	}
	return func() {
		f.layers, f.operations = layers, operations
		for l, e := range layers {
			copy(e.values, values[l])
		}
	}
}

// inferenceHeader follows the rule's name in a marshalled state, then the sizes,
// and for each layer the first deviation and the estimates.
type inferenceHeader struct {
	Operations uint64
	Layers     uint32
}

func (f *inference) magic() []byte { return []byte("rddkit " + f.rule + "\x01") }

// MarshalBinary returns the estimates, the first standard deviations of the
// feedback weights and the number of multiply-adds.
func (f *inference) MarshalBinary() ([]byte, error) {
	out := f.magic()
	write := func(v any) { out, _ = binary.Append(out, binary.LittleEndian, v) } // of fixed size all
	write(inferenceHeader{f.operations, uint32(len(f.layers))})
	if len(f.layers) > 0 {
		for _, size := range f.sizes() {
			write(uint32(size))
		}
	}
	for l, e := range f.layers {
		write(e.deviation)
		write(f.Estimates(l))
	}
	return out, nil
}

// UnmarshalBinary restores what MarshalBinary returned. State that is damaged
// or of another rule is an *invalid.Error, and nothing is changed.
func (f *inference) UnmarshalBinary(state []byte) error {
	damaged := func(what string) error {
		return invalid.Newf("rule state", what, "what %s.MarshalBinary returned", f.rule)
	}
	rest, ok := bytes.CutPrefix(state, f.magic())
	if !ok {
		return damaged("without its beginning")
	}
	in := bytes.NewReader(rest)
	read := func(v any) bool { return binary.Read(in, binary.LittleEndian, v) == nil }
	var header inferenceHeader
	if !read(&header) || header.Layers > 1<<10 {
		return damaged("with an impossible header")
	}
	var sizes []uint32
	if header.Layers > 0 {
		if sizes = make([]uint32, header.Layers+1); !read(sizes) {
			return damaged("cut short")
		}
	}
	// What is still to come is known now; nothing is allocated on a false claim.
	want := uint64(0)
	for l := range header.Layers {
		if sizes[l] == 0 || sizes[l] > 1<<20 || sizes[l+1] == 0 || sizes[l+1] > 1<<20 {
			return damaged(fmt.Sprintf("of layers with %d and %d neurons", sizes[l], sizes[l+1]))
		}
		want += 8 + 8*uint64(sizes[l])*uint64(sizes[l+1])
	}
	if want != uint64(in.Len()) {
		return damaged(fmt.Sprintf("with %d bytes instead of %d", in.Len(), want))
	}
	var layers []*pairEstimates
	for l := range header.Layers {
		e := newPairEstimates(int(sizes[l]), int(sizes[l+1]))
		flat := make([]float64, e.in*e.out)
		read(&e.deviation)
		read(flat)
		for _, v := range append(flat, e.deviation) {
			if v-v != 0 {
				return damaged("with a number that is not finite")
			}
		}
		for i := range e.in {
			for j := range e.out {
				e.tile(i / tileWidth)[j][i%tileWidth] = flat[i*e.out+j]
			}
		}
		layers = append(layers, e)
	}
	f.layers, f.operations = layers, header.Operations
	return nil
}

// listSpikes lists, for each neuron of a layer, the steps of a stretch from step
// first on in which it fired, counted from the beginning of the stretch. It
// returns how many they are.
func listSpikes(lists [][]int32, spikes *spike.Raster, stretch spike.Stretch, first int) (total int) {
	for j := range lists {
		lists[j] = lists[j][:0]
	}
	for step := max(first, stretch.First); step < stretch.First+stretch.Steps; step++ {
		for j := range spikes.Spikes(step) {
			lists[j] = append(lists[j], int32(step-stretch.First))
			total++
		}
	}
	return total
}
