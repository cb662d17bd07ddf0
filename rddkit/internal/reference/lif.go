package reference

import (
	"fmt"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/spike"
)

// LIF is a fixture of kind lif_rdd, recorded from the published network of
// spiking neurons: weights, input and results of one run or, with a reset
// between them, of several epochs.
type LIF struct {
	*Fixture
	Sizes      []int `json:"sizes"`
	Steps      int   `json:"T_steps"`
	PhaseSteps int   `json:"phase_steps"`
	Fuzzy      bool  `json:"fuzzy"`
	Updates    []int `json:"feedback_weight_updates_after_steps"`
	Hyper      struct {
		Step         float64 `json:"dt_s"`
		Membrane     float64 `json:"tau_L_s"`
		Synapse      float64 `json:"tau_s_s"`
		Memory       int     `json:"mem_steps"`
		Leak         float64 `json:"g_L_per_s"`
		Dendrite     float64 `json:"g_D_per_s"`
		Reset        float64 `json:"v_reset"`
		Threshold    float64 `json:"spike_threshold"`
		Refractory   int     `json:"refractory_time_steps"`
		Gain         float64 `json:"alpha"`
		Rate         float64 `json:"input_rate_hz"`
		Fraction     float64 `json:"driven_fraction"`
		Redraw       int     `json:"redraw_every_steps"`
		Window       float64 `json:"RDD_window_steps"`
		HalfWidth    float64 `json:"RDD_init_window"`
		Accept       float64 `json:"u_window"`
		LearningRate float64 `json:"RDD_eta"`
		WeightScale  float64 `json:"weight_scale_factor"`
	} `json:"hyper_parameters"`
}

// OpenLIF reads the manifest of a fixture of kind lif_rdd.
func OpenLIF(t *testing.T, f *Fixture) *LIF {
	t.Helper()
	l := &LIF{Fixture: f}
	f.JSON(l)
	if l.Phases() < 1 || l.Steps != l.PhaseSteps*l.Phases() {
		t.Fatalf("%s: %d steps of %d phases of %d each", f.Path, l.Steps, l.Phases(), l.PhaseSteps)
	}
	return l
}

// Phases returns the number of phases, in each of which one layer is driven.
func (l *LIF) Phases() int { return len(l.Sizes) - 1 }

// Params returns the parameters of the simulation.
func (l *LIF) Params() spike.Params {
	h := l.Hyper
	return spike.Params{Step: h.Step, LeakConductance: h.Leak, DendriteConductance: h.Dendrite, Reset: h.Reset, Threshold: h.Threshold,
		RefractorySteps: h.Refractory, MembraneTime: h.Membrane, SynapseTime: h.Synapse, MemorySteps: h.Memory, WeightScale: h.WeightScale,
		InputGain: h.Gain, InputRate: h.Rate, DrivenFraction: h.Fraction, RedrawSteps: h.Redraw,
		WindowSteps: int(h.Window), WindowHalfWidth: h.HalfWidth}
}

// Used reports whether a window's largest drive is near enough to the threshold
// for the window to enter the regressions.
func (l *LIF) Used(w spike.Window) bool {
	return w.MaxDrive >= l.Hyper.Threshold-l.Hyper.Accept && w.MaxDrive <= l.Hyper.Threshold+l.Hyper.Accept
}

// Epochs returns the endings of the names of each epoch's arrays: "", or "_e1",
// "_e2", ….
func (l *LIF) Epochs() (endings []string) {
	for e := 1; l.Has(fmt.Sprintf("W1_e%d", e)); e++ {
		endings = append(endings, fmt.Sprintf("_e%d", e))
	}
	if endings == nil {
		return []string{""}
	}
	return endings
}

// Single reports whether the weights were given in single precision.
func (l *LIF) Single() bool {
	_, single := l.Array("W1"+l.Epochs()[0], -1, -1).Data.([]float32)
	return single
}

// Forward returns the weights into the layer above layer, [neuron above][neuron].
func (l *LIF) Forward(layer int, epoch string) npy.Array {
	return l.Array(fmt.Sprintf("W%d%s", layer+1, epoch), l.Sizes[layer+1], l.Sizes[layer])
}

// Counts returns the input counts of each layer but the last,
// [layer][step of its phase · neurons + neuron].
func (l *LIF) Counts(t *testing.T, epoch string) (counts [][]uint8) {
	t.Helper()
	for layer, n := range l.Sizes[:l.Phases()] {
		name := fmt.Sprintf("drive%d%s", layer, epoch)
		dense := make([]uint8, l.PhaseSteps*n)
		if l.Has(name) {
			for i, c := range l.Array(name, l.PhaseSteps, n).Int() {
				dense[i] = uint8(c)
			}
		} else { // only the entries that are not zero
			steps := l.Array(name+"_step", -1).Int()
			neurons, values := l.Array(name+"_neuron", len(steps)).Int(), l.Array(name+"_count", len(steps)).Int()
			for k, step := range steps {
				dense[step*n+neurons[k]] = uint8(values[k])
			}
		}
		counts = append(counts, dense)
	}
	return counts
}

// As returns the elements of a as another type.
func As[T npy.Number](a npy.Array) []T {
	values := make([]T, a.Len())
	for i, v := range a.Float64() {
		values[i] = T(v)
	}
	return values
}
