package align

import "math"

// The inner loops of STDWI, in Go and with AVX2, operation for operation: see
// kernels.go.

// traceConstants are those of the traces of STDWI, for each combination of
// spikes of a group of four neurons:
//
//	trace ← trace·decay + height
type traceConstants struct {
	FastDecay, FastHeight [1 << groupSize]lanes
	SlowDecay, SlowHeight [1 << groupSize]lanes
	Rate                  lanes
}

func newTraceConstants(o STDWIOptions, step float64) (c traceConstants) {
	fast, slow := math.Exp(-step/o.FastTime), math.Exp(-step/o.SlowTime)
	for spikes := range c.FastDecay {
		for lane := range groupSize {
			c.FastDecay[spikes][lane], c.SlowDecay[spikes][lane] = fast, slow
			if spikes>>lane&1 == 0 {
				continue
			}
			c.FastHeight[spikes][lane], c.SlowHeight[spikes][lane] = 1, o.SlowHeight
			if o.Nearest {
				c.FastDecay[spikes][lane], c.SlowDecay[spikes][lane] = 0, 0
			}
		}
	}
	for lane := range c.Rate {
		c.Rate[lane] = o.Rate
	}
	return c
}

// traceGo lets the traces of a tile go on, and writes η·(fast - slow) after each
// step into rows, [step][tileWidth]. spikes has tileWidth/groupSize bytes for a
// step, at every stride-th.
func traceGo(c *traceConstants, fast, slow *[tileWidth]float64, rows []float64, spikes []byte, stride int) {
	const bytes = tileWidth / groupSize
	for t := range len(rows) / tileWidth {
		row := (*[tileWidth]float64)(rows[t*tileWidth:])
		for g, b := range (*[bytes]byte)(spikes[t*stride:]) {
			for lane := range groupSize {
				j := g*groupSize + lane
				fast[j] = math.FMA(fast[j], c.FastDecay[b][lane], c.FastHeight[b][lane])
				slow[j] = math.FMA(slow[j], c.SlowDecay[b][lane], c.SlowHeight[b][lane])
				row[j] = float64((fast[j] - slow[j]) * c.Rate[lane])
			}
		}
	}
}

// inferGo does for one neuron above what its spikes do: for each of them,
// guesses ← keep·guesses + row of the step.
func inferGo(guesses *[tileWidth]float64, keep float64, rows []float64, steps []int32) {
	for _, step := range steps {
		row := (*[tileWidth]float64)(rows[int(step)*tileWidth:])
		for i := range row {
			guesses[i] = math.FMA(guesses[i], keep, row[i])
		}
	}
}

func traceKernel(c *traceConstants, fast, slow *[tileWidth]float64, rows []float64, spikes []byte, stride int) {
	steps := len(rows) / tileWidth
	if steps == 0 {
		return
	}
	_ = spikes[(steps-1)*stride+tileWidth/groupSize-1] // what the vector kernel reads last
	if useVectors {
		traceVector(c, fast, slow, rows, spikes, stride)
		return
	}
	traceGo(c, fast, slow, rows, spikes, stride)
}

func inferKernel(guesses *[tileWidth]float64, keep float64, rows []float64, steps []int32) {
	if len(steps) == 0 {
		return
	}
	if useVectors {
		inferVector(guesses, keep, rows, steps)
		return
	}
	inferGo(guesses, keep, rows, steps)
}
