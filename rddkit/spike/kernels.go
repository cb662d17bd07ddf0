package spike

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The inner loops of a Simulation. Each is a contract kept more than once: here
// in Go, and for amd64 with AVX2 in kernels_amd64.s and AVX-512 in
// kernels512_amd64.s, operation for operation, so that all give the same bits.
// math.FMA rounds once, as the vector instruction does.

// lanes is a constant or a variable of each neuron of a group.
type lanes = [groupSize]float64

// state is that of a group of neurons between two steps.
type state struct {
	Slow, Fast lanes            // traces of the input, in units of v
	V, U, Max  lanes            // membrane potential, input drive, largest u since the last window opened
	Remaining  [groupSize]int64 // steps left of the window
	Refractory [groupSize]int64 // steps until the neuron may fire again
	Spiked     [groupSize]int64 // -1 if the neuron has fired since the last window opened, else 0
}

// layerConstants are the constants of a step, one copy for each lane.
type layerConstants struct {
	SlowDecay, SlowNew, SlowOld lanes // see Traces, times dt·g_D
	FastDecay, FastNew, FastOld lanes
	Leak                        lanes // 1 - dt·(g_L+g_D)
	Threshold, Reset            lanes
	HalfWidth                   lanes
	WindowSteps                 [groupSize]int64
	RefractorySteps             [groupSize]int64
}

// event says which windows of a group ended in a step.
type event struct {
	Step   int64
	Ended  uint64 // bit k: lane k
	Spiked uint64
	_      uint64
	Max    lanes
}

func newLayerConstants(p Params, gain float64) *layerConstants {
	tr := p.Traces(gain * p.Step * p.DendriteConductance)
	fill := func(x float64) lanes { return lanes{x, x, x, x} }
	fillInt := func(x int) [groupSize]int64 {
		return [groupSize]int64{int64(x), int64(x), int64(x), int64(x)}
	}
	return &layerConstants{
		SlowDecay: fill(tr.SlowDecay), SlowNew: fill(tr.SlowNew), SlowOld: fill(tr.SlowOld),
		FastDecay: fill(tr.FastDecay), FastNew: fill(tr.FastNew), FastOld: fill(tr.FastOld),
		Leak:      fill(1 - p.Step*(p.LeakConductance+p.DendriteConductance)),
		Threshold: fill(p.Threshold), Reset: fill(p.Reset), HalfWidth: fill(p.WindowHalfWidth),
		WindowSteps: fillInt(p.WindowSteps), RefractorySteps: fillInt(p.RefractorySteps),
	}
}

func newState(p Params) state {
	rest := lanes{p.Reset, p.Reset, p.Reset, p.Reset}
	return state{V: rest, U: rest}
}

// restoreTraces computes the traces anew from memory rows of inputs, the last
// of which is the step before the next.
func (s *state) restoreTraces(c *layerConstants, inputs []float64, stride, memory int) {
	s.Slow, s.Fast = lanes{}, lanes{}
	for t := range memory {
		for lane, x := range inputs[t*stride:][:groupSize] {
			s.Slow[lane] = math.FMA(s.Slow[lane], c.SlowDecay[lane], float64(x*c.SlowNew[lane]))
			s.Fast[lane] = math.FMA(s.Fast[lane], c.FastDecay[lane], float64(x*c.FastNew[lane]))
		}
	}
}

// integrateGo advances a group of neurons by steps steps, the first of which is
// step now. inputs holds rows of stride numbers, of which the first four count:
// memory rows of the past, then one for each step. The spikes of a step go into
// one byte of raster, the next step's stride bytes on. A step in which windows
// end makes an event; integrateGo returns how many.
//
// In Go the lanes are taken one after the other, so that each has its events in
// order, but not the group.
func integrateGo(s *state, c *layerConstants, inputs []float64, stride, steps, memory int, raster []byte, rasterStride, now int, events []event) int {
	return integrateAt(nil, s, c, inputs, stride, steps, memory, raster, rasterStride, now, events)
}

// integrateAt is integrateGo with spike thresholds of their own for each step,
// [step][groupSize], or nil for the constant one. Windows keep to the constant.
func integrateAt(thresholds []float64, s *state, c *layerConstants, inputs []float64, stride, steps, memory int, raster []byte, rasterStride, now int, events []event) int {
	n := 0
	for t := range steps {
		raster[t*rasterStride] = 0
	}
	for lane := range groupSize {
		slow, fast, v, u, largest := s.Slow[lane], s.Fast[lane], s.V[lane], s.U[lane], s.Max[lane]
		remaining, refractory, spiked := s.Remaining[lane], s.Refractory[lane], s.Spiked[lane]
		for t := range steps {
			x, old := inputs[(t+memory)*stride+lane], inputs[t*stride+lane]
			slow = math.FMA(slow, c.SlowDecay[lane], math.FMA(-old, c.SlowOld[lane], float64(x*c.SlowNew[lane])))
			fast = math.FMA(fast, c.FastDecay[lane], math.FMA(-old, c.FastOld[lane], float64(x*c.FastNew[lane])))
			current := slow - fast

			ending := remaining == 1
			if u > largest {
				largest = u
			}
			remaining, refractory = max(remaining-1, 0), max(refractory-1, 0)
			v = math.FMA(v, c.Leak[lane], current)
			u = math.FMA(u, c.Leak[lane], current)
			threshold := c.Threshold[lane]
			if thresholds != nil {
				threshold = thresholds[t*groupSize+lane]
			}
			fired := v >= threshold && refractory == 0
			if fired {
				v, refractory = c.Reset[lane], c.RefractorySteps[lane]
				raster[t*rasterStride] |= 1 << lane
			}
			if ending {
				events[n] = event{Step: int64(now + t), Ended: 1 << lane, Spiked: uint64(-spiked) << lane}
				events[n].Max[lane] = largest
				n++
			}
			if fired {
				spiked = -1
			}
			if remaining == 0 {
				u = v
				if math.Abs(c.Threshold[lane]-v) <= c.HalfWidth[lane] {
					remaining, largest, spiked = c.WindowSteps[lane], 0, 0
				}
			}
		}
		s.Slow[lane], s.Fast[lane], s.V[lane], s.U[lane], s.Max[lane] = slow, fast, v, u, largest
		s.Remaining[lane], s.Refractory[lane], s.Spiked[lane] = remaining, refractory, spiked
	}
	return n
}

// sumGo writes, for each row t of rows, [step][tileWidth], the sum of the
// weights of the neurons neurons[starts[t]:starts[t+1]] in this order. weights
// is [neuron][tileWidth].
func sumGo(rows, weights []float64, neurons, starts []int32) {
	for t := range len(rows) / tileWidth {
		var sum [tileWidth]float64
		for _, k := range neurons[starts[t]:starts[t+1]] {
			column := (*[tileWidth]float64)(weights[int(k)*tileWidth:])
			for j := range sum {
				sum[j] += column[j]
			}
		}
		copy(rows[t*tileWidth:], sum[:])
	}
}

// listGo writes the neurons that fired according to a row of a Raster, all of
// them, into list.
func listGo(list []int32, row []byte) {
	i := 0
	for k := 0; k < len(row); k += 8 {
		for word := binary.LittleEndian.Uint64(row[k:]); word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			list[i] = int32((k+bit/8)*groupSize + bit%8)
			i++
		}
	}
}

// poissonGo writes 8 counts for each of pairs pairs of steps, [step][4]. Each
// draw of the four generators gives eight 32-bit words, in the order of memory;
// a word counts as many as the thresholds below it, see poissonThresholds.
func poissonGo(rows []float64, pairs int, s *[4][4]uint64, thresholds [][8]int32) {
	for i := range pairs {
		for lane := range 4 {
			s0, s1, s2, s3 := s[0][lane], s[1][lane], s[2][lane], s[3][lane]
			sum := s0 + s3
			word := (sum<<23 | sum>>41) + s0
			t := s1 << 17
			s2 ^= s0
			s3 ^= s1
			s1 ^= s2
			s0 ^= s3
			s2 ^= t
			s3 = s3<<45 | s3>>19
			s[0][lane], s[1][lane], s[2][lane], s[3][lane] = s0, s1, s2, s3
			low, high := int32(uint32(word)^1<<31), int32(uint32(word>>32)^1<<31)
			var lowCount, highCount int
			for k := range thresholds {
				if low > thresholds[k][0] {
					lowCount++
				}
				if high > thresholds[k][0] {
					highCount++
				}
			}
			rows[8*i+2*lane], rows[8*i+2*lane+1] = float64(lowCount), float64(highCount)
		}
	}
}

// useVectors selects the vector kernels, useWideVectors those of twice the
// width; they are false where there are none.
var useVectors, useWideVectors = haveVectors, haveWideVectors

func integrateKernel(s *state, c *layerConstants, inputs []float64, stride, steps, memory int, raster []byte, rasterStride, now int, events []event) int {
	if steps == 0 {
		return 0
	}
	// What the vector kernel reads and writes last.
	_ = inputs[(steps-1+memory)*stride+groupSize-1]
	_ = raster[(steps-1)*rasterStride]
	if useVectors {
		return integrateVector(s, c, inputs, stride, steps, memory, raster, rasterStride, now, events)
	}
	return integrateGo(s, c, inputs, stride, steps, memory, raster, rasterStride, now, events)
}

// integratePairKernel is integrateKernel for two groups that lie side by side in
// the raster. The inputs of the second are other numbers after those of the
// first. It returns the number of events of each.
func integratePairKernel(s *[2]state, c *layerConstants, inputs []float64, other, stride, steps, memory int, raster []byte, rasterStride, now int, first, second []event) (nFirst, nSecond int) {
	if steps > 0 && useVectors && useWideVectors {
		_ = inputs[other+(steps-1+memory)*stride+groupSize-1]
		_ = raster[(steps-1)*rasterStride+1]
		return integratePairVector(s, c, inputs, other, stride, steps, memory, raster, rasterStride, now, first, second)
	}
	nFirst = integrateKernel(&s[0], c, inputs, stride, steps, memory, raster, rasterStride, now, first)
	nSecond = integrateKernel(&s[1], c, inputs[other:], stride, steps, memory, raster[1:], rasterStride, now, second)
	return nFirst, nSecond
}

func sumKernel(rows, weights []float64, neurons, starts []int32) {
	if steps := len(rows) / tileWidth; steps > 0 {
		_ = starts[steps]
		if useVectors {
			sumVector(rows, weights, neurons, starts)
			return
		}
		sumGo(rows, weights, neurons, starts)
	}
}

func listKernel(list []int32, row []byte) {
	switch {
	case len(list) == 0:
	case useVectors && useWideVectors:
		listVector(list, row)
	default:
		listGo(list, row)
	}
}

func poissonKernel(rows []float64, pairs int, s *[4][4]uint64, thresholds [][8]int32) {
	if pairs == 0 {
		return
	}
	_ = rows[8*pairs-1]
	if len(thresholds) == 0 {
		clear(rows[:8*pairs])
		return
	}
	if useVectors {
		poissonVector(rows, pairs, s, thresholds)
		return
	}
	poissonGo(rows, pairs, s, thresholds)
}
