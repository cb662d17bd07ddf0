package spike

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"

	"github.com/weightalign/lab/rddkit/internal/parallel"
)

// Raster holds the spikes of a layer, four neurons in a byte: bit k of byte b
// of a step's row belongs to neuron 4·b+k.
type Raster struct {
	Stride int // bytes of a row, a multiple of 8; what no neuron needs is 0
	First  int // step of the first row; rows before step 0 are all 0
	Bits   []byte
	older  map[int][]byte // rows before First that are still asked for
}

// NewRaster returns a raster without spikes of the steps first … first+steps-1:
// for spikes from elsewhere, to be set by Fire.
func NewRaster(neurons, first, steps int) *Raster {
	stride := (groups(neurons) + 7) / 8 * 8
	return &Raster{Stride: stride, First: first, Bits: make([]byte, steps*stride)}
}

// newRaster makes a raster whose rows begin keep steps before step 0, with room
// for a stretch of up to steps steps.
func newRaster(neurons, keep, steps int) Raster {
	r := *NewRaster(neurons, 0, keep+steps)
	r.clear(keep)
	return r
}

func (r *Raster) clear(keep int) {
	r.First, r.older = -keep, nil
	r.Bits = r.Bits[:keep*r.Stride]
	clear(r.Bits)
}

// advance drops all rows but keep before step first and those of the steps that
// are listed, and adds silent rows for steps first … first+steps-1.
func (r *Raster) advance(first, steps, keep int, listed []int) {
	var older map[int][]byte
	for _, step := range listed {
		if older == nil {
			older = map[int][]byte{}
		}
		if older[step] == nil {
			older[step] = append([]byte{}, r.Row(step)...)
		}
	}
	copy(r.Bits, r.Bits[(first-keep-r.First)*r.Stride:(first-r.First)*r.Stride])
	r.Bits, r.First, r.older = r.Bits[:(keep+steps)*r.Stride], first-keep, older
	added := r.Bits[keep*r.Stride:]
	const block = 1 << 16
	parallel.For((len(added)+block-1)/block, func(b int) { clear(added[b*block : min(len(added), (b+1)*block)]) })
}

// Row returns the bytes of one step that the raster holds; see
// [Simulation.Spikes].
func (r *Raster) Row(step int) []byte {
	if step < r.First {
		row, ok := r.older[step]
		if !ok {
			panic(fmt.Sprintf("spike: step %d is before those that the raster holds, from %d on", step, r.First))
		}
		return row
	}
	return r.Bits[(step-r.First)*r.Stride:][:r.Stride]
}

// Fire notes a spike of a neuron in a step.
func (r *Raster) Fire(step, neuron int) { r.Row(step)[neuron/groupSize] |= 1 << (neuron % groupSize) }

// Spikes yields who fired in a step, in ascending order.
func (r *Raster) Spikes(step int) iter.Seq[int] {
	return func(yield func(neuron int) bool) {
		for at, row := 0, r.Row(step); at < len(row); at += 8 {
			for word := binary.LittleEndian.Uint64(row[at:]); word != 0; word &= word - 1 {
				bit := bits.TrailingZeros64(word)
				if !yield((at+bit/8)*groupSize + bit%8) {
					return
				}
			}
		}
	}
}

// Count returns how many spikes there are in steps first … end-1, none before
// First.
func (r *Raster) Count(first, end int) int {
	count := 0
	for words := r.Bits[(first-r.First)*r.Stride : (end-r.First)*r.Stride]; len(words) > 0; words = words[8:] {
		count += bits.OnesCount64(binary.LittleEndian.Uint64(words))
	}
	return count
}

// Fired reports whether a neuron fired in a step.
func (r *Raster) Fired(step, neuron int) bool {
	return r.Row(step)[neuron/groupSize]>>(neuron%groupSize)&1 == 1
}

// column returns the bytes from one group's byte in a step on.
func (r *Raster) column(step, group int) []byte {
	return r.Bits[(step-r.First)*r.Stride+group:]
}

// any reports whether any neuron fired in steps first … end-1.
func (r *Raster) any(first, end int) bool {
	for _, b := range r.Bits[(first-r.First)*r.Stride : (end-r.First)*r.Stride] {
		if b != 0 {
			return true
		}
	}
	return false
}

// spikeLists lists who fired in each step of a stretch: in row t the neurons
// neurons[starts[t]:starts[t+1]], in ascending order.
type spikeLists struct {
	starts  []int32
	neurons []int32
}

// gather lists the spikes of rows rows of the raster, from step first on.
func (s *spikeLists) gather(r *Raster, first, rows, neurons int) {
	const block = 128
	if cap(s.starts) < rows+1 {
		s.starts = make([]int32, rows+1, stretchSteps+rows+1)
	}
	s.starts = s.starts[:rows+1]
	s.starts[0] = 0
	blocks := (rows + block - 1) / block
	parallel.For(blocks, func(b int) {
		for t := b * block; t < min(rows, (b+1)*block); t++ {
			count := 0
			for row := r.Row(first + t); len(row) > 0; row = row[8:] {
				count += bits.OnesCount64(binary.LittleEndian.Uint64(row))
			}
			s.starts[t+1] = int32(count)
		}
	})
	for t := range rows {
		s.starts[t+1] += s.starts[t]
	}
	total := int(s.starts[rows])
	if cap(s.neurons) < total {
		s.neurons = make([]int32, total+total/4)
	}
	s.neurons = s.neurons[:total]
	parallel.For(blocks, func(b int) {
		for t := b * block; t < min(rows, (b+1)*block); t++ {
			listKernel(s.neurons[s.starts[t]:s.starts[t+1]], r.Row(first+t))
		}
	})
}
