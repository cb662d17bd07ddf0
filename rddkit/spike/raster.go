package spike

import (
	"encoding/binary"
	"math/bits"

	"github.com/weightalign/lab/rddkit/internal/parallel"
)

// Raster holds the spikes of a layer, four neurons in a byte: bit k of byte b
// of a step's row belongs to neuron 4·b+k.
type Raster struct {
	Stride  int // bytes of a row, a multiple of 8; what no neuron needs is 0
	First   int // step of the first row; rows before step 0 are all 0
	Bits    []byte
	neurons int
	padding int // rows before step 0
}

// newRaster makes a raster whose rows begin padding steps before step 0.
func newRaster(neurons, padding int) Raster {
	r := Raster{Stride: (groups(neurons) + 7) / 8 * 8, neurons: neurons, padding: padding}
	r.clear()
	return r
}

func (r *Raster) clear() {
	r.First = -r.padding
	r.Bits = append(r.Bits[:0], make([]byte, r.padding*r.Stride)...)
}

// extend adds silent rows for steps first … first+steps-1. If keep is not 0, it
// drops all rows but keep before; otherwise there are whole rows at most.
func (r *Raster) extend(first, steps, keep, whole int) {
	if keep > 0 {
		copy(r.Bits, r.Bits[(first-keep-r.First)*r.Stride:(first-r.First)*r.Stride])
		r.Bits, r.First = r.Bits[:keep*r.Stride], first-keep
	}
	old := len(r.Bits)
	size := old + steps*r.Stride
	if cap(r.Bits) < size {
		grown := min(2*old, whole*r.Stride)
		if whole*r.Stride <= wholeBytes {
			grown = whole * r.Stride
		}
		r.Bits = append(make([]byte, 0, max(size, grown)), r.Bits...)
	}
	r.Bits = r.Bits[:size]
	added := r.Bits[old:]
	const block = 1 << 16
	parallel.For((len(added)+block-1)/block, func(b int) { clear(added[b*block : min(len(added), (b+1)*block)]) })
}

// wholeBytes is up to which size memory for a whole run is asked for at once:
// what is not written to takes none.
const wholeBytes = 32 << 20

// Row returns the bytes of one step.
func (r *Raster) Row(step int) []byte {
	return r.Bits[(step-r.First)*r.Stride:][:r.Stride]
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
