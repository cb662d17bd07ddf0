package spike

import (
	"context"
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Network is a stack of LIF layers.
type Network struct {
	Params  Params
	Sizes   []int       // neurons of each layer, lowest first; at least two layers
	Weights [][]float64 // Weights[l]: from layer l into layer l+1, [neuron of l+1][neuron of l], see ScaleWeights
}

// Phases returns the number of phases of a run: one for each layer but the last.
func (n *Network) Phases() int { return len(n.Sizes) - 1 }

func checkSizes(sizes []int) error {
	if len(sizes) < 2 {
		return invalid.New("Network.Sizes", sizes, "at least two layers")
	}
	for l, size := range sizes {
		if size < 1 || size > 1<<20 {
			return invalid.New(fmt.Sprintf("Network.Sizes[%d]", l), size, "1 to 1048576 neurons")
		}
	}
	return nil
}

func (n *Network) check(phaseSteps int) error {
	if err := n.Params.Validate(); err != nil {
		return err
	}
	if err := checkSizes(n.Sizes); err != nil {
		return err
	}
	if phaseSteps < 1 || phaseSteps > 1<<30 {
		return invalid.New("steps per phase", phaseSteps, "1 to 1073741824")
	}
	return checkWeights(n.Sizes, n.Weights)
}

func checkWeights(sizes []int, weights [][]float64) error {
	if len(weights) != len(sizes)-1 {
		return invalid.New("Network.Weights", fmt.Sprintf("of %d layers", len(weights)), "one matrix less than there are layers")
	}
	for l, w := range weights {
		field := fmt.Sprintf("Network.Weights[%d]", l)
		if len(w) != sizes[l+1]*sizes[l] {
			return invalid.Newf(field, fmt.Sprintf("%d weights", len(w)), "%d×%d weights", sizes[l+1], sizes[l])
		}
		if i, ok := firstNotFinite(w); ok {
			return invalid.New(fmt.Sprintf("%s[%d]", field, i), w[i], "a finite number")
		}
	}
	return nil
}

// Window is one near-threshold window of a neuron.
type Window struct {
	Neuron   int
	Start    int     // step at whose end the window opened
	End      int     // step in which it ended: Start + WindowSteps
	Baseline int     // step before the window with which the next layer's traces are compared: Start, or, if the neuron's last window ended in Start, that window's Baseline
	MaxDrive float64 // largest input drive u at the ends of steps Start … End-1, at least 0
	Spiked   bool    // whether the neuron fired in steps Start+1 … End-1
}

// Recording is everything that happened in a run.
type Recording struct {
	Params     Params
	Sizes      []int
	PhaseSteps int // steps of each of the len(Sizes)-1 phases

	Spikes  [][]uint8   // [layer][step·neurons + neuron]: 1 where the neuron fired
	V       [][]float64 // [layer][step·neurons + neuron]: membrane potential at the end of the step
	U       [][]float64 // input drive at the end of the step, for all layers but the last
	Input   [][]float64 // input I of the step: weighted filtered spikes, or the drive
	Windows [][]Window  // [layer]: the windows that ended while the layer was driven, by end, then neuron
}

// Steps returns the length of the run in steps.
func (r *Recording) Steps() int { return r.PhaseSteps * (len(r.Sizes) - 1) }

// Rate is a neuron's mean firing rate over the run, Hz.
func (r *Recording) Rate(layer, neuron int) float64 {
	spikes := 0
	for at := neuron; at < len(r.Spikes[layer]); at += r.Sizes[layer] {
		spikes += int(r.Spikes[layer][at])
	}
	return float64(spikes) / (float64(r.Steps()) * r.Params.Step)
}

// Record simulates all phases of a run step by step and keeps everything: 25
// bytes per neuron and step, and 8 more of the driven layer during its phase. It is the model as it stands in the package
// documentation; for speed, see [Simulation].
func Record(ctx context.Context, net *Network, phaseSteps int, input Input) (*Recording, error) {
	if err := net.check(phaseSteps); err != nil {
		return nil, err
	}
	if err := input.Check(net.Sizes, phaseSteps); err != nil {
		return nil, err
	}
	p := net.Params.OrDefault()
	r := &Recording{Params: p, Sizes: net.Sizes, PhaseSteps: phaseSteps, Windows: make([][]Window, net.Phases())}
	last := len(net.Sizes) - 1
	layers := make([]plainLayer, len(net.Sizes))
	for l, n := range net.Sizes {
		layers[l] = newPlainLayer(p, n)
		r.Spikes = append(r.Spikes, make([]uint8, r.Steps()*n))
		r.V = append(r.V, make([]float64, r.Steps()*n))
		r.Input = append(r.Input, make([]float64, r.Steps()*n))
		if l < last {
			r.U = append(r.U, make([]float64, r.Steps()*n))
		}
	}
	kernel := p.Kernel()
	var heard []int // neurons below with a spike in the kernel's reach
	escape, err := newEscapeNoise(p, net.Sizes, input)
	if err != nil {
		return nil, err
	}
	for t := range r.Steps() {
		if t%100 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		driven, phaseStart := t/phaseSteps, t-t%phaseSteps
		if t == phaseStart {
			if layers[driven].counts, err = drawAll(input, driven, net.Sizes[driven], phaseSteps); err != nil {
				return nil, err
			}
		}
		for l := range layers {
			layer, n := &layers[l], net.Sizes[l]
			current := r.Input[l][t*n : (t+1)*n]
			switch {
			case l == driven:
				// The drive's history starts empty with the phase.
				filtered := filter(kernel, layer.counts, n, t-phaseStart)
				for i := range current {
					current[i] = p.InputGain * filtered[i]
				}
			case l > 0:
				// The spikes of the layer below in this very step have age 1.
				below := net.Sizes[l-1]
				filtered := filter(kernel, r.Spikes[l-1], below, t)
				heard = heard[:0]
				for k, f := range filtered {
					if f != 0 {
						heard = append(heard, k)
					}
				}
				for i := range current {
					row := net.Weights[l-1][i*below:][:below]
					for _, k := range heard {
						current[i] += float64(row[k] * filtered[k])
					}
				}
			}
			layer.setThresholds(p, escape, l)
			fired := r.Spikes[l][t*n : (t+1)*n]
			if l == last {
				layer.integrate(p, current, fired)
			} else {
				r.Windows[l] = layer.step(p, t, current, fired, l == driven, r.Windows[l])
				copy(r.U[l][t*n:], layer.u)
			}
			copy(r.V[l][t*n:], layer.v)
		}
	}
	return r, nil
}

// drawAll returns a layer's counts in its whole phase, [step][neuron].
func drawAll(input Input, layer, n, phaseSteps int) ([]float64, error) {
	input.Begin(layer, 0, phaseSteps)
	counts := make([]float64, phaseSteps*n)
	rows := make([]float64, phaseSteps*groupSize)
	for g := range groups(n) {
		group := groupOf(layer, g, n)
		input.Fill(rows, group, 0)
		silenceBeyond(rows, group.Neurons)
		if err := checkCounts(rows, group, 0); err != nil {
			return nil, err
		}
		for lane := range group.Neurons {
			for t := range phaseSteps {
				counts[t*n+group.First+lane] = rows[t*groupSize+lane]
			}
		}
	}
	return counts, nil
}

// filter returns Σ κ(a)·x[t+1-a] over a = 1 … MemorySteps for each of n
// neurons, x being [step][neuron] and 0 before its first step.
func filter[T uint8 | float64](kernel []float64, x []T, n, t int) []float64 {
	filtered := make([]float64, n)
	for i := range min(len(kernel), t+1) {
		for k, count := range x[(t-i)*n : (t-i+1)*n] {
			filtered[k] += float64(kernel[i] * float64(count))
		}
	}
	return filtered
}

// plainLayer is the state of one layer, one element per neuron.
type plainLayer struct {
	counts     []float64 // input counts of the phase, [step][neuron]
	v, u       []float64
	thresholds []float64 // of the present step
	refractory []int     // steps until the neuron may fire again
	remaining  []int     // steps left of the open window, 0 outside
	spikes     []int     // spikes counted in the window
	max        []float64
	baseline   []int // of the open or the last window
	started    []int
}

func newPlainLayer(p Params, n int) plainLayer {
	layer := plainLayer{v: make([]float64, n), u: make([]float64, n), thresholds: make([]float64, n), refractory: make([]int, n), remaining: make([]int, n),
		spikes: make([]int, n), max: make([]float64, n), baseline: make([]int, n), started: make([]int, n)}
	for i := range n {
		layer.v[i], layer.u[i] = p.Reset, p.Reset
	}
	return layer
}

// euler is one forward Euler step of dx/dt = -g_L·x + g_D·(I - x).
func euler(p Params, x, current float64) float64 {
	leak := float64(-p.LeakConductance * x)
	return x + float64(p.Step*(leak+float64(p.DendriteConductance*(current-x))))
}

// integrate advances the membrane potentials by one step, in the refractory
// steps too, and notes who fired.
func (s *plainLayer) integrate(p Params, current []float64, fired []uint8) {
	for i := range s.v {
		if s.refractory[i] > 0 {
			s.refractory[i]--
		}
		s.v[i] = euler(p, s.v[i], current[i])
		if s.v[i] >= s.thresholds[i] && s.refractory[i] == 0 {
			s.v[i], s.refractory[i] = p.Reset, p.RefractorySteps
			fired[i] = 1
		}
	}
}

// step is integrate with the input drives and the windows; it appends the
// windows that end in step t if the layer is driven.
func (s *plainLayer) step(p Params, t int, current []float64, fired []uint8, driven bool, windows []Window) []Window {
	ending := make([]bool, len(s.v))
	for i := range s.v {
		ending[i] = s.remaining[i] == 1
		if s.remaining[i] > 0 {
			s.max[i] = max(s.max[i], s.u[i]) // as the last step left it
		}
		s.u[i] = euler(p, s.u[i], current[i])
		if s.remaining[i] == 0 {
			s.baseline[i] = t // where a window that opens now has its baseline
		}
	}
	s.integrate(p, current, fired)
	for i := range s.v {
		if ending[i] && driven {
			windows = append(windows, Window{Neuron: i, Start: s.started[i], End: t, Baseline: s.baseline[i], MaxDrive: s.max[i], Spiked: s.spikes[i] > 0})
		}
		if s.remaining[i] > 0 {
			s.remaining[i]--
		}
		if s.remaining[i] == 0 {
			s.u[i] = s.v[i]
			if distance := p.Threshold - s.u[i]; -p.WindowHalfWidth <= distance && distance <= p.WindowHalfWidth {
				s.remaining[i], s.started[i] = p.WindowSteps, t
			}
		}
		if s.remaining[i] > 0 && fired[i] == 1 {
			s.spikes[i]++
		}
		if ending[i] {
			s.spikes[i], s.max[i] = 0, 0
		}
	}
	return windows
}
