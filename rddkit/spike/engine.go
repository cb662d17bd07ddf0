package spike

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

const (
	// tileWidth neurons receive from the layer below together: their weights
	// from one neuron fill two cache lines.
	tileWidth = 16
	// tileSteps is how far a tile is simulated before its inputs leave the
	// first-level cache.
	tileSteps = 240
	// stretchSteps is the longest stretch that Advance simulates at once: long
	// enough that starting and ending one costs nothing, short enough that its
	// spikes stay in the second-level cache.
	stretchSteps = 2500
	// settlingSteps is the length of the first stretch of a phase, after which
	// layers may have fallen silent for good.
	settlingSteps = 100
)

// Simulation is a run of a [Network] stretch by stretch. Within a run layers
// act upward only, so a stretch is simulated layer by layer, each neuron for
// the whole stretch, on all cores.
//
// It is used as: Start, then Advance until it reports no more steps, reading
// Windows and Spikes after each. Buffers are kept from run to run. A
// Simulation must not be used by two goroutines at a time.
type Simulation struct {
	params     Params
	sizes      []int
	phaseSteps int

	input   Input
	strange bool // an input that is not one of this package's
	failure atomic.Pointer[error]
	escape  *escapeNoise // nil without
	now     int          // steps simulated
	layers  []layer
	driven  *layerConstants // of a driven neuron: traces times InputGain
	fed     *layerConstants // of one that receives from the layer below
	scratch sync.Pool       // of *scratch
}

// scratch is the working memory of one goroutine.
type scratch struct {
	inputs     []float64
	events     [2][]event // of two groups
	thresholds []float64  // with escape noise
}

// layer is the state of one layer between stretches.
type layer struct {
	neurons int
	raster  Raster
	silent  bool // no spike can come until the end of the run

	states  []state        // [group]
	history []float64      // counts of a driven layer in the last MemorySteps steps, [group][step][groupSize]
	weights []float64      // from the layer below, [tile][neuron below][tileWidth]
	windows [][]Window     // [neuron]: ended in the last stretch, driven or not
	lists   spikeLists     // of this layer in the last stretch, for the layer above
	last    []windowMemory // [neuron]
}

// windowMemory is what a neuron's next window may need from its last.
type windowMemory struct{ end, baseline int }

// NewSimulation prepares runs of len(sizes)-1 phases of phaseSteps steps each.
func NewSimulation(p Params, sizes []int, phaseSteps int) (*Simulation, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := checkSizes(sizes); err != nil {
		return nil, err
	}
	if phaseSteps < 1 || phaseSteps > 1<<30 {
		return nil, invalid.New("steps per phase", phaseSteps, "1 to 1073741824")
	}
	p = p.OrDefault()
	s := &Simulation{params: p, sizes: append([]int{}, sizes...), phaseSteps: phaseSteps,
		driven: newLayerConstants(p, p.InputGain), fed: newLayerConstants(p, 1), now: -1}
	s.scratch.New = func() any {
		return &scratch{
			inputs: make([]float64, max((p.MemorySteps+stretchSteps)*groupSize, (p.MemorySteps+tileSteps)*tileWidth)),
			events: [2][]event{make([]event, s.eventCapacity(stretchSteps)), make([]event, s.eventCapacity(stretchSteps))},
		}
	}
	for l, n := range sizes {
		layer := layer{neurons: n, states: make([]state, groups(n)), windows: make([][]Window, n), last: make([]windowMemory, n)}
		layer.raster = newRaster(n, s.keep(), min(stretchSteps, phaseSteps))
		if l > 0 {
			layer.weights = make([]float64, tiles(n)*sizes[l-1]*tileWidth)
		}
		if l < len(sizes)-1 {
			layer.history = make([]float64, groups(n)*p.MemorySteps*groupSize)
		}
		s.layers = append(s.layers, layer)
	}
	return s, nil
}

func tiles(neurons int) int { return (neurons + tileWidth - 1) / tileWidth }
func pairs(neurons int) int { return (groups(neurons) + 1) / 2 }

// Sizes returns the number of neurons of each layer.
func (s *Simulation) Sizes() []int { return append([]int{}, s.sizes...) }

// Steps returns the length of a run in steps.
func (s *Simulation) Steps() int { return s.phaseSteps * (len(s.sizes) - 1) }

// Start begins a run with every potential at rest (Params.Reset), no open
// windows and no spikes. weights are as in [Network]; they are copied.
func (s *Simulation) Start(weights [][]float64, input Input) error {
	if err := checkWeights(s.sizes, weights); err != nil {
		return err
	}
	if err := input.Check(s.sizes, s.phaseSteps); err != nil {
		return err
	}
	escape, err := newEscapeNoise(s.params, s.sizes, input)
	if err != nil {
		return err
	}
	s.input, s.strange, s.escape, s.now = input, !known(input), escape, 0
	s.failure.Store(nil)
	for l := range s.layers {
		layer := &s.layers[l]
		layer.silent = false
		layer.raster.clear(s.keep())
		for g := range layer.states {
			layer.states[g] = newState(s.params)
		}
		for i := range layer.last {
			layer.last[i] = windowMemory{end: -1}
			layer.windows[i] = layer.windows[i][:0]
		}
		if l > 0 {
			below, w := s.sizes[l-1], weights[l-1]
			parallel.For(tiles(layer.neurons), func(tile int) {
				column := layer.weights[tile*below*tileWidth:][:below*tileWidth]
				for lane := range min(tileWidth, layer.neurons-tile*tileWidth) {
					for k, value := range w[(tile*tileWidth+lane)*below:][:below] {
						column[k*tileWidth+lane] = value
					}
				}
			})
		}
	}
	return nil
}

// Stretch is a part of a run: Steps steps from step First on, all of phase
// Phase, in which layer Phase is driven.
type Stretch struct{ Phase, First, Steps int }

// Advance simulates the next stretch and returns it. It ends at the end of the
// phase, before step limit (a step of the run, if above the present one), or
// after 2500 steps, whichever comes first. At the end of the run, before Start,
// and after the input has failed (see Err), Steps is 0.
func (s *Simulation) Advance(limit int) Stretch {
	if s.now < 0 || s.now == s.Steps() || s.Err() != nil {
		return Stretch{First: max(s.now, 0)}
	}
	stretch := Stretch{Phase: s.now / s.phaseSteps, First: s.now}
	intoPhase := s.now % s.phaseSteps
	stretch.Steps = min(s.phaseSteps-intoPhase, stretchSteps)
	if intoPhase == 0 && stretch.Phase > 0 {
		stretch.Steps = min(stretch.Steps, settlingSteps)
	}
	if limit > s.now {
		stretch.Steps = min(stretch.Steps, limit-s.now)
	}
	s.input.Begin(stretch.Phase, intoPhase, stretch.Steps)
	if intoPhase == 0 {
		clear(s.layers[stretch.Phase].history)
	}
	for l := range s.layers {
		var late []int // before the layer below, and its windows, go on
		if l > stretch.Phase {
			late = s.lateRows(&s.layers[l-1], stretch.First)
		}
		s.layers[l].raster.advance(stretch.First, stretch.Steps, s.keep(), late)
	}
	for l := range s.layers {
		layer := &s.layers[l]
		for i := range layer.windows {
			layer.windows[i] = layer.windows[i][:0]
		}
		if layer.silent {
			continue
		}
		switch {
		case l == stretch.Phase:
			s.driveLayer(l, stretch)
		case l > 0:
			s.feedLayer(l, stretch)
		default:
			s.restLayer(l, stretch)
		}
		if l < len(s.layers)-1 {
			layer.lists.gather(&layer.raster, stretch.First-s.params.MemorySteps, s.params.MemorySteps+stretch.Steps, layer.neurons)
		}
		layer.silent = l < stretch.Phase && (l == 0 || s.layers[l-1].silent) && s.settled(l, stretch)
	}
	if s.Err() != nil {
		return Stretch{First: s.now}
	}
	s.now += stretch.Steps
	return stretch
}

// Err returns why a run ended before its time: an *invalid.Error about a count
// that the input gave. A run that went well has none.
func (s *Simulation) Err() error {
	if err := s.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// keep is the number of steps before a stretch whose spikes are kept: those that
// the trace at the baseline of a window needs, even if the window opened when
// another ended.
func (s *Simulation) keep() int { return s.params.MemorySteps + 2*s.params.WindowSteps }

// lateRows lists the earlier steps whose spikes above the trace at the baseline
// of a layer's window may yet need: of neurons whose windows have been reopening
// since.
func (s *Simulation) lateRows(layer *layer, now int) (steps []int) {
	end := now - s.keep()
	for i := range layer.last {
		last := &layer.last[i]
		if last.end+s.params.WindowSteps < now {
			continue // its next window has a baseline of its own
		}
		for step := max(0, last.baseline-s.params.MemorySteps); step < min(last.baseline, end); step++ {
			steps = append(steps, step)
		}
	}
	return steps
}

// settled reports whether a layer without input for the rest of the run cannot
// fire again: its potentials decay towards 0 from below the threshold, and the
// layer below has been silent for the length of the kernel.
func (s *Simulation) settled(l int, stretch Stretch) bool {
	if s.escape != nil || s.params.Threshold <= 0 || stretch.Steps < s.params.MemorySteps+1 {
		return false
	}
	for neighbour := max(l-1, 0); neighbour <= l; neighbour++ {
		if s.layers[neighbour].raster.any(stretch.First+stretch.Steps-s.params.MemorySteps-1, stretch.First+stretch.Steps) {
			return false
		}
	}
	for g := range s.layers[l].states {
		for _, v := range s.layers[l].states[g].V {
			if v >= s.params.Threshold {
				return false
			}
		}
	}
	return true
}

// driveLayer simulates the driven layer, two groups of neurons at a time, some
// more before going on in time: their spikes fill the same cache lines.
func (s *Simulation) driveLayer(l int, stretch Stretch) {
	const together = 8
	layer, memory := &s.layers[l], s.params.MemorySteps
	intoPhase := stretch.First - l*s.phaseSteps
	parallel.For((len(layer.states)+together-1)/together, func(block int) {
		b := s.scratch.Get().(*scratch)
		defer s.scratch.Put(b)
		end := min((block+1)*together, len(layer.states))
		for t := 0; t < stretch.Steps; t += tileSteps {
			steps := min(tileSteps, stretch.Steps-t)
			size := (memory + steps) * groupSize // of a group's inputs
			for first := block * together; first < end; first += 2 {
				last := min(first+2, end)
				for g := first; g < last; g++ {
					inputs := b.inputs[(g-first)*size:][:size]
					history := layer.history[g*memory*groupSize:][:memory*groupSize]
					copy(inputs, history)
					s.fill(inputs[len(history):], groupOf(l, g, layer.neurons), intoPhase+t)
					copy(history, inputs[size-len(history):])
					if t == 0 {
						layer.states[g].restoreTraces(s.driven, inputs, groupSize, memory)
					}
				}
				s.integrate(b, l, first, last, s.driven, b.inputs, size, groupSize, stretch.First+t, steps)
			}
		}
	})
}

// fill asks the input for a group's counts, and looks at those of an input that
// is not one of this package's.
func (s *Simulation) fill(rows []float64, g Group, first int) {
	s.input.Fill(rows, g, first)
	if !s.strange {
		return
	}
	silenceBeyond(rows, g.Neurons)
	if err := checkCounts(rows, g, first); err != nil {
		s.failure.CompareAndSwap(nil, &err)
		clear(rows)
	}
}

// feedLayer simulates a layer that receives from the layer below, a tile of
// neurons at a time.
func (s *Simulation) feedLayer(l int, stretch Stretch) {
	layer, memory := &s.layers[l], s.params.MemorySteps
	below := &s.layers[l-1]
	parallel.For(tiles(layer.neurons), func(tile int) {
		b := s.scratch.Get().(*scratch)
		defer s.scratch.Put(b)
		weights := layer.weights[tile*below.neurons*tileWidth:][:below.neurons*tileWidth]
		first := tile * tileWidth / groupSize
		last := min(first+tileWidth/groupSize, len(layer.states))
		s.sumSpikes(b.inputs[:memory*tileWidth], weights, below, 0)
		for t := 0; t < stretch.Steps; t += tileSteps {
			steps := min(tileSteps, stretch.Steps-t)
			s.sumSpikes(b.inputs[memory*tileWidth:(memory+steps)*tileWidth], weights, below, memory+t)
			for g := first; t == 0 && g < last; g++ {
				layer.states[g].restoreTraces(s.fed, b.inputs[(g-first)*groupSize:], tileWidth, memory)
			}
			s.integrate(b, l, first, last, s.fed, b.inputs, groupSize, tileWidth, stretch.First+t, steps)
			copy(b.inputs[:memory*tileWidth], b.inputs[steps*tileWidth:(memory+steps)*tileWidth])
		}
	})
}

// integrate advances the groups from g to last-1 of layer l by steps steps from
// step first on, and collects their windows. The inputs of each are other
// numbers after those of the one before; see integrateGo.
func (s *Simulation) integrate(b *scratch, l, g, last int, c *layerConstants, inputs []float64, other, stride, first, steps int) {
	layer, memory := &s.layers[l], s.params.MemorySteps
	for ; s.escape == nil && g+1 < last; g += 2 {
		states := (*[2]state)(layer.states[g:])
		n, m := integratePairKernel(states, c, inputs, other, stride, steps, memory, layer.raster.column(first, g), layer.raster.Stride, first, b.events[0], b.events[1])
		layer.collect(g, b.events[0][:n], s.params.WindowSteps)
		layer.collect(g+1, b.events[1][:m], s.params.WindowSteps)
		if g+2 < last {
			inputs = inputs[2*other:]
		}
	}
	for ; g < last; g++ {
		thresholds := s.thresholds(b, l, g, steps)
		var n int
		if column := layer.raster.column(first, g); thresholds == nil {
			n = integrateKernel(&layer.states[g], c, inputs, stride, steps, memory, column, layer.raster.Stride, first, b.events[0])
		} else {
			n = integrateAt(thresholds, &layer.states[g], c, inputs, stride, steps, memory, column, layer.raster.Stride, first, b.events[0])
		}
		layer.collect(g, b.events[0][:n], s.params.WindowSteps)
		if g+1 < last {
			inputs = inputs[other:]
		}
	}
}

// thresholds returns those of the next steps of a group, nil without escape
// noise.
func (s *Simulation) thresholds(b *scratch, l, g, steps int) []float64 {
	if s.escape == nil {
		return nil
	}
	if size := steps * groupSize; cap(b.thresholds) < size {
		b.thresholds = make([]float64, size)
	}
	thresholds := b.thresholds[:steps*groupSize]
	s.escape.fill(thresholds, l, g)
	return thresholds
}

// sumSpikes writes into rows, [step][tileWidth], the weights from the neurons
// of below that fired in each step, from row first of below's lists on.
func (s *Simulation) sumSpikes(rows, weights []float64, below *layer, first int) {
	if below.silent {
		clear(rows)
		return
	}
	sumKernel(rows, weights, below.lists.neurons, below.lists.starts[first:])
}

// restLayer simulates layer 0 when it is not driven: it has no input.
func (s *Simulation) restLayer(l int, stretch Stretch) {
	layer, memory := &s.layers[l], s.params.MemorySteps
	parallel.For(pairs(layer.neurons), func(pair int) {
		b := s.scratch.Get().(*scratch)
		defer s.scratch.Put(b)
		inputs := b.inputs[:(memory+stretch.Steps)*groupSize]
		clear(inputs)
		first, last := 2*pair, min(2*pair+2, len(layer.states))
		for g := first; g < last; g++ {
			layer.states[g].restoreTraces(s.fed, inputs, groupSize, memory)
		}
		s.integrate(b, l, first, last, s.fed, inputs, 0, groupSize, stretch.First, stretch.Steps)
	})
}

// eventCapacity bounds the number of steps of a stretch in which windows of a
// group end.
func (s *Simulation) eventCapacity(steps int) int {
	return groupSize * (steps/s.params.WindowSteps + 2)
}

// collect turns the events of a group into windows of its neurons.
func (l *layer) collect(group int, events []event, windowSteps int) {
	for i := range events {
		e := &events[i]
		for ended := e.Ended; ended != 0; ended &= ended - 1 {
			lane := bits.TrailingZeros64(ended)
			neuron := group*groupSize + lane
			if neuron >= l.neurons {
				break
			}
			w := Window{Neuron: neuron, Start: int(e.Step) - windowSteps, End: int(e.Step), MaxDrive: e.Max[lane], Spiked: e.Spiked>>lane&1 == 1}
			w.Baseline = w.Start
			if last := &l.last[neuron]; last.end == w.Start {
				w.Baseline = last.baseline
			}
			l.last[neuron] = windowMemory{end: w.End, baseline: w.Baseline}
			l.windows[neuron] = append(l.windows[neuron], w)
		}
	}
}

// Windows returns the windows of one neuron of a layer that ended in the last
// stretch, in the order of time. They are valid until the next Advance. The
// last layer has none that mean anything: nobody is above it.
func (s *Simulation) Windows(layer, neuron int) []Window { return s.layers[layer].windows[neuron] }

// Spikes returns the spikes of a layer: of the last stretch and of at least
// MemorySteps + 2·WindowSteps steps before it. Row and Fired also know, of the
// layer above the driven one, the MemorySteps steps before the Baseline of every
// window in Windows, however old: not more is kept, so that memory does not grow
// with the length of a run. It is valid until the next Advance.
func (s *Simulation) Spikes(layer int) *Raster { return &s.layers[layer].raster }
