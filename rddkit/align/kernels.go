package align

import (
	"math"

	"github.com/weightalign/lab/rddkit/spike"
)

// The inner loops of the estimates, each kept more than once: here in Go, and
// for amd64 with AVX2 in kernels_amd64.s and AVX-512 in kernels512_amd64.s,
// operation for operation, so that all give the same bits. math.FMA rounds once,
// as the vector instruction does.

type lanes = [groupSize]float64

// targetConstants are those of the targets, one copy for each lane.
type targetConstants struct {
	SlowDecay, SlowNew, SlowOld lanes // see spike.Traces
	FastDecay, FastNew, FastOld lanes
	PerWindow                   lanes            // 1/WindowSteps
	Window                      [groupSize]int64 // WindowSteps - 1
	Span                        [groupSize]int64 // MemorySteps + WindowSteps - 1
}

func newTargetConstants(p spike.Params) targetConstants {
	tr := p.Traces(1)
	fill := func(x float64) lanes { return lanes{x, x, x, x} }
	fillInt := func(x int) [groupSize]int64 {
		return [groupSize]int64{int64(x), int64(x), int64(x), int64(x)}
	}
	return targetConstants{
		SlowDecay: fill(tr.SlowDecay), SlowNew: fill(tr.SlowNew), SlowOld: fill(tr.SlowOld),
		FastDecay: fill(tr.FastDecay), FastNew: fill(tr.FastNew), FastOld: fill(tr.FastOld),
		PerWindow: fill(1 / float64(p.WindowSteps)),
		Window:    fillInt(p.WindowSteps - 1), Span: fillInt(p.MemorySteps + p.WindowSteps - 1),
	}
}

// targetGo computes traces q, their means over the window that ends in the step,
// and targets y of a tile for steps steps, all [step][tileWidth].
// spikes has one byte for each group of four neurons, tileWidth/groupSize in a
// step: memory+1 steps before the first, then all but the last. Traces before
// the first step are taken as 0.
//
// A neuron without a spike in the kernel's reach has exactly q = 0, and one
// without in the reach of window and kernel exactly a mean of 0: rounding leaves
// nothing behind, so that a pair without any evidence has β = 0.
func targetGo(c *targetConstants, y, q, mean []float64, steps, window, memory int, spikes []byte) {
	const bytes = tileWidth / groupSize
	for j := range tileWidth {
		group, lane := j/groupSize, j%groupSize
		var slow, fast, sum float64
		var left int64 // steps until the last spike is out of reach
		for t := range steps {
			var slowIn, fastIn, slowOut, fastOut float64
			left--
			if spikes[(t+memory)*bytes+group]>>lane&1 == 1 {
				slowIn, fastIn = c.SlowNew[lane], c.FastNew[lane]
				left = c.Span[lane]
			}
			if spikes[t*bytes+group]>>lane&1 == 1 {
				slowOut, fastOut = c.SlowOld[lane], c.FastOld[lane]
			}
			slow = math.FMA(slow, c.SlowDecay[lane], slowIn-slowOut)
			fast = math.FMA(fast, c.FastDecay[lane], fastIn-fastOut)
			if left < c.Window[lane]+1 {
				slow, fast = 0, 0
			}
			now, old := slow-fast, 0.0
			if t >= window {
				old = q[(t-window)*tileWidth+j]
			}
			sum += now - old
			if left < 1 {
				sum = 0
			}
			q[t*tileWidth+j] = now
			m := float64(sum * c.PerWindow[lane])
			mean[t*tileWidth+j] = m
			y[t*tileWidth+j] = m - old
		}
	}
}

// regressGo does one side's update to the parameters of a tile. rows is
// [row][tileWidth].
func regressGo(intercept, slope *[tileWidth]float64, carry *[4]float64, rows []float64, terms []term) {
	var a0, a1 [tileWidth]float64
	for i := range terms {
		tm := &terms[i]
		row := (*[tileWidth]float64)(rows[tm.row*tileWidth:])
		for j := range row {
			a0[j] = math.FMA(tm.toIntercept, row[j], a0[j])
			a1[j] = math.FMA(tm.toSlope, row[j], a1[j])
		}
	}
	for j := range a0 {
		i, s := intercept[j], slope[j]
		intercept[j] = math.FMA(carry[0], i, math.FMA(carry[1], s, a0[j]))
		slope[j] = math.FMA(carry[2], i, math.FMA(carry[3], s, a1[j]))
	}
}

// useVectors selects the vector kernels, useWideVectors those of twice the
// width; they are false where there are none.
var useVectors, useWideVectors = haveVectors, haveWideVectors

func targetKernel(c *targetConstants, y, q, mean []float64, steps, window, memory int, spikes []byte) {
	if useVectors {
		targetVector(c, y, q, mean, steps, window, memory, spikes)
		return
	}
	targetGo(c, y, q, mean, steps, window, memory, spikes)
}

func regressKernel(intercept, slope *[tileWidth]float64, carry *[4]float64, rows []float64, terms []term) {
	if useVectors {
		regressVector(intercept, slope, carry, rows, terms)
		return
	}
	regressGo(intercept, slope, carry, rows, terms)
}
