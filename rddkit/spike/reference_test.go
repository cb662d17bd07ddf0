package spike_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/spike"
)

// The fixtures' advised tolerances: spikes are met exactly.
const (
	potentialTolerance = 1e-9  // absolute, of v and u
	scaledTolerance    = 1e-15 // relative
)

// Recorded input of the published network, with both simulators.
func TestReferenceLIF(t *testing.T) { reference.Replay(t, "lif_rdd", replayLIF) }

func TestReferenceLIFNotices(t *testing.T) {
	reference.MustNotice(t, "../align/testdata/lif_rdd/five_layers", replayLIF, "W_scaled1", "spikes1", "v0", "u0", "windows0")
}

func replayLIF(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	l := reference.OpenLIF(t, f)
	// What is estimated from the spikes is replayed in package align; the sets
	// are what the counts were drawn from.
	f.Ignore("B*", "*.npz:B*", "rdd_params_*", "*.npz:rdd_params_*", "beta_*", "*.npz:beta_*", "fb_weight_*", "window_target*", "drive_set*")
	for _, epoch := range l.Epochs() {
		if l.Single() {
			replaySpikes[float32](t, l, epoch, rows)
		} else {
			replaySpikes[float64](t, l, epoch, rows)
		}
	}
}

func replaySpikes[T spike.Float](t *testing.T, l *reference.LIF, epoch string, rows *reference.Rows) {
	net := &spike.Network{Params: l.Params(), Sizes: l.Sizes}
	for layer := range l.Phases() {
		scaled, err := spike.ScaleWeights(net.Params, "W", reference.As[T](l.Forward(layer, epoch)), l.Sizes[layer])
		if err != nil {
			t.Fatal(err)
		}
		net.Weights = append(net.Weights, scaled)
		if name := fmt.Sprintf("W_scaled%d%s", layer+1, epoch); l.Has(name) {
			want := l.Array(name, l.Sizes[layer+1], l.Sizes[layer])
			rows.Relative("scaled weights "+name, scaledTolerance, 0, scaled, want.Float64())
		}
	}
	counts := l.Counts(t, epoch)

	plain, err := spike.Record(t.Context(), net, l.PhaseSteps, spike.NewRecordedInput(counts))
	if err != nil {
		t.Fatal(err)
	}
	for layer := range l.Sizes {
		comparePotential(l, rows, fmt.Sprintf("v%d%s", layer, epoch), layer, plain.V)
		comparePotential(l, rows, fmt.Sprintf("u%d%s", layer, epoch), layer, plain.U)
	}
	fired, windows := byStretches(t, l, net, counts)
	for _, got := range []struct {
		how     string
		fired   [][]uint8
		windows [][]spike.Window
	}{{"step by step", plain.Spikes, plain.Windows}, {"by stretches", fired, windows}} {
		for layer := range l.Sizes {
			compareSpikes(l, rows, got.how, layer, epoch, got.fired[layer])
		}
		for layer := range l.Phases() {
			compareWindows(l, rows, got.how, fmt.Sprintf("windows%d%s", layer, epoch), got.windows[layer])
		}
	}
}

// byStretches simulates with the simulator that goes stretch by stretch, and
// returns what [spike.Recording] has of spikes and windows.
func byStretches(t *testing.T, l *reference.LIF, net *spike.Network, counts [][]uint8) (fired [][]uint8, windows [][]spike.Window) {
	s, err := spike.NewSimulation(net.Params, l.Sizes, l.PhaseSteps)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(net.Weights, spike.NewRecordedInput(counts)); err != nil {
		t.Fatal(err)
	}
	for _, n := range l.Sizes {
		fired = append(fired, make([]uint8, l.Steps*n))
	}
	windows = make([][]spike.Window, l.Phases())
	for stretch := s.Advance(0); stretch.Steps > 0; stretch = s.Advance(0) {
		for layer, n := range l.Sizes {
			for step := stretch.First; step < stretch.First+stretch.Steps; step++ {
				for i := range n {
					if s.Spikes(layer).Fired(step, i) {
						fired[layer][step*n+i] = 1
					}
				}
			}
		}
		for i := range l.Sizes[stretch.Phase] {
			windows[stretch.Phase] = append(windows[stretch.Phase], s.Windows(stretch.Phase, i)...)
		}
	}
	for layer := range windows {
		slices.SortFunc(windows[layer], func(a, b spike.Window) int {
			return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Neuron, b.Neuron))
		})
	}
	return fired, windows
}

// comparePotential compares v or u, recorded of the first neurons over the first
// steps of each phase.
func comparePotential(l *reference.LIF, rows *reference.Rows, name string, layer int, values [][]float64) {
	if !l.Has(name) {
		return
	}
	want := l.Array(name, l.Phases(), -1, -1)
	var got []float64
	for phase := range l.Phases() {
		for step := range want.Shape[1] {
			got = append(got, values[layer][(phase*l.PhaseSteps+step)*l.Sizes[layer]:][:want.Shape[2]]...)
		}
	}
	rows.Absolute("step by step: "+name, potentialTolerance, got, want.Float64())
}

// compareSpikes compares the spikes of a layer, [step · neurons + neuron], with
// what is recorded: all of them, or counts by phase and some phases, eight
// neurons to a byte.
func compareSpikes(l *reference.LIF, rows *reference.Rows, how string, layer int, epoch string, got []uint8) {
	n := l.Sizes[layer]
	if name := fmt.Sprintf("spikes%d%s", layer, epoch); l.Has(name) {
		reference.Unequal(rows, how+": "+name, got, reference.As[uint8](l.Array(name, l.Steps, n)))
	}
	if name := fmt.Sprintf("spike_count%d%s", layer, epoch); l.Has(name) {
		counts := make([]int, l.Phases()*n)
		for i, s := range got {
			counts[i/(n*l.PhaseSteps)*n+i%n] += int(s)
		}
		reference.Unequal(rows, how+": "+name, counts, l.Array(name, l.Phases(), n).Int())
	}
	for phase := range l.Phases() {
		name := fmt.Sprintf("spikes_phase%d_layer%d%s", phase, layer, epoch)
		if !l.Has(name) {
			continue
		}
		packed := l.Array(name, l.PhaseSteps, (n+7)/8).Int()
		want := make([]uint8, l.PhaseSteps*n)
		for i := range want {
			step, neuron := i/n, i%n
			want[i] = uint8(packed[step*((n+7)/8)+neuron/8] >> (7 - neuron%8) & 1)
		}
		reference.Unequal(rows, how+": "+name, got[phase*l.PhaseSteps*n:][:len(want)], want)
	}
}

// compareWindows compares the windows that ended while their layer was driven:
// recorded are end, neuron, number of spikes, largest drive, whether it is used.
func compareWindows(l *reference.LIF, rows *reference.Rows, how, name string, windows []spike.Window) {
	if !l.Has(name) {
		return
	}
	type window struct {
		end, neuron, used float64
		spiked            bool
	}
	var got, want []window
	var drives, wantDrives []float64
	for _, w := range windows {
		used := 0.0
		if l.Used(w) {
			used = 1
		}
		got, drives = append(got, window{float64(w.End), float64(w.Neuron), used, w.Spiked}), append(drives, w.MaxDrive)
	}
	for w := range slices.Chunk(l.Array(name, -1, 5).Float64(), 5) {
		want, wantDrives = append(want, window{w[0], w[1], w[4], w[2] > 0}), append(wantDrives, w[3])
	}
	reference.Unequal(rows, how+": "+name, got, want)
	rows.Absolute(how+": largest drives of "+name, potentialTolerance, drives, wantDrives)
}
