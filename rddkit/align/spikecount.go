package align

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// SpikeCountOptions are the options of [SpikeCount]. Zero fields mean the
// settings with which it was published beside STDWI.
type SpikeCountOptions struct {
	Window  float64 `json:"window,omitempty"`  // s in which spikes are counted; 0 means 0.1. A multiple of the simulation's step
	Windows int     `json:"windows,omitempty"` // of one batch, whose mean counts are taken off; 0 means 100, at least 2
	Rate    float64 `json:"rate,omitempty"`    // η; 0 means 0.0001
	Decay   float64 `json:"decay,omitempty"`   // of the estimate at each window, in units of η; 0 means 0.2, below 0 none

	Unscaled bool `json:"unscaled,omitempty"` // feedback weights are the estimates themselves, not scaled to the spread of the first feedback weights
	Forget   bool `json:"forget,omitempty"`   // each run starts from zero, not from what the runs before estimated
}

func (o SpikeCountOptions) resolved() (SpikeCountOptions, error) {
	if err := positive("SpikeCountOptions", []setting{{"Window", &o.Window, 0.1}, {"Rate", &o.Rate, 1e-4}}); err != nil {
		return o, err
	}
	if o.Windows == 0 {
		o.Windows = 100
	}
	if o.Windows < 2 || o.Windows > 1<<16 {
		return o, invalid.New("SpikeCountOptions.Windows", o.Windows, "2 to 65536, or 0 for the published setting")
	}
	if err := orNone("SpikeCountOptions.Decay", &o.Decay, 0.2); err != nil {
		return o, err
	}
	return o, decays("SpikeCountOptions", o.Rate, o.Decay)
}

// SpikeCount learns feedback weights by the weight mirror (Akrout, Wilson,
// Humphreys, Lillicrap, Tweed, NeurIPS 2019) on spike counts, as Ahmad,
// Ambrogioni, van Gerven (arXiv:2003.03988, 2020) compare it with theirs. While a
// layer is driven, the spikes of its neurons i and of the neurons j above are
// counted in successive windows, and
//
//	g_ij ← g_ij + η·((n_i - mean of n_i)·(n_j - mean of n_j) - decay·g_ij)
//
// window by window, with means over the batch of windows that it belongs to, so
// that a batch is learned from when it is complete. At the end of a layer's time a
// batch of at least two windows counts as complete; a window that was cut short
// does not count. The estimates start at 0 and last from run to run; feedback
// weights are g, scaled as [RDD]'s effects are.
//
// It is a [SpikeRule]: a [SpikeLearner] learns by it.
type SpikeCount struct {
	inference
	options     SpikeCountOptions
	windowSteps int
	below       []float64 // counts in the batch, [tile][window][tileWidth]
	above       []float64 // [window][neuron above]
}

// NewSpikeCount returns a rule that has seen nothing yet.
func NewSpikeCount(options SpikeCountOptions) (*SpikeCount, error) {
	o, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &SpikeCount{options: o, inference: inference{rule: "SpikeCount", rate: o.Rate, unscaled: o.Unscaled, forget: o.Forget}}, nil
}

// Options returns the options with every default filled in; -1 stands for none.
func (c *SpikeCount) Options() SpikeCountOptions { return c.options }

// Begin makes the estimates before the first run; see [SpikeRule].
func (c *SpikeCount) Begin(run SpikeRun) error {
	windowSteps, err := steps(run.Params, "SpikeCountOptions.Window", c.options.Window, 1)
	if err != nil {
		return err
	}
	if run.PhaseSteps < 2*windowSteps {
		return invalid.Newf("SpikeCountOptions.Window", c.options.Window, "at most half of the time that a layer is driven, %g s", float64(run.PhaseSteps)*run.Params.Step)
	}
	for _, size := range run.Sizes {
		if size*c.options.Windows > 1<<28 {
			return invalid.New("SpikeCountOptions.Windows", c.options.Windows, fmt.Sprintf("at most %d for a layer of %d neurons", 1<<28/size, size))
		}
	}
	c.windowSteps = windowSteps
	return c.begin(run)
}

// Stretch counts spikes, and learns from the batches that become complete; see
// [SpikeRule].
func (c *SpikeCount) Stretch(seen SpikeSource, stretch spike.Stretch) {
	e, start := c.layers[stretch.Phase], stretch.Phase*c.run.PhaseSteps
	if stretch.First == start {
		c.below = make([]float64, tiles(e.in)*c.options.Windows*tileWidth)
		c.above = make([]float64, c.options.Windows*e.out)
	}
	below, above := seen.Spikes(stretch.Phase), seen.Spikes(stretch.Phase+1)
	for step := stretch.First; step < stretch.First+stretch.Steps; step++ {
		into := step - start
		window := into / c.windowSteps % c.options.Windows
		for i := range below.Spikes(step) {
			c.below[(i/tileWidth*c.options.Windows+window)*tileWidth+i%tileWidth]++
		}
		for j := range above.Spikes(step) {
			c.above[window*e.out+j]++
		}
		end := into + 1
		if complete := end%c.windowSteps == 0; complete && window+1 == c.options.Windows {
			c.learn(e, c.options.Windows)
		} else if end == c.run.PhaseSteps {
			if complete {
				window++
			}
			if window >= 2 {
				c.learn(e, window)
			}
		}
	}
}

// learn learns from the first windows of a batch, and begins another.
func (c *SpikeCount) learn(e *pairEstimates, windows int) {
	keep := 1.0
	if c.options.Decay > 0 {
		keep -= c.options.Rate * c.options.Decay
	}
	// What each window adds, with what later ones leave of it, and the batch of
	// what was there before.
	left := make([]float64, windows+1)
	left[windows] = 1
	for w := windows - 1; w >= 0; w-- {
		left[w] = float64(left[w+1] * keep)
	}
	carry := [4]float64{left[0], 0, 0, left[0]}
	terms := make([]term, (e.out+1)/2*windows) // [pair of neurons above][window]
	for j := range e.out {
		mean := 0.0
		for w := range windows {
			mean += c.above[w*e.out+j]
		}
		mean /= float64(windows)
		for w := range windows {
			centred := float64(c.options.Rate * left[w+1] * (c.above[w*e.out+j] - mean))
			if t := &terms[j/2*windows+w]; j%2 == 0 {
				t.row, t.toIntercept = int64(w), centred
			} else {
				t.toSlope = centred
			}
		}
	}
	parallel.For(tiles(e.in), func(tile int) {
		rows := c.below[tile*c.options.Windows*tileWidth:][:windows*tileWidth]
		centreColumns(rows)
		guesses := e.tile(tile)
		for pair := 0; 2*pair < len(guesses); pair++ {
			regressKernel(&guesses[2*pair], &guesses[2*pair+1], &carry, rows, terms[pair*windows:][:windows])
		}
	})
	clear(c.below)
	clear(c.above)
	c.operations += 2 * uint64(windows) * uint64(e.in) * uint64(e.out)
	e.changed = true
}

// centreColumns takes their mean off each column of rows, [window][tileWidth].
func centreColumns(rows []float64) {
	windows := len(rows) / tileWidth
	var mean [tileWidth]float64
	for i, n := range rows {
		mean[i%tileWidth] += n
	}
	for i := range rows {
		rows[i] -= mean[i%tileWidth] / float64(windows)
	}
}
