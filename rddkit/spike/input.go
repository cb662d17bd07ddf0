package spike

import (
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// groupSize neurons are simulated side by side, one in each lane of a 256-bit
// vector of float64.
const groupSize = GroupSize

func groups(neurons int) int { return (neurons + groupSize - 1) / groupSize }

// GroupSize is the number of neurons whose input is asked for together.
const GroupSize = 4

// Group is a few neurons of a layer, side by side: First, a multiple of
// GroupSize, and those after it.
type Group struct {
	Layer, First int
	Neurons      int // GroupSize, or less at the end of a layer
}

func groupOf(layer, group, neurons int) Group {
	return Group{Layer: layer, First: group * groupSize, Neurons: min(groupSize, neurons-group*groupSize)}
}

// Input is where the counts come from that drive a layer during its phase: of
// arrivals at each neuron's own synapse in each step. [NewPoissonInput] draws
// them, [NewRecordedInput] replays them, [InputFunc] asks a function. An input of
// one's own must not depend on which group is asked for first. With escape noise
// it needs a seed: see [Seeded].
type Input interface {
	// Check is called before a run of layers of these sizes, lowest first, with
	// phaseSteps steps in each of len(sizes)-1 phases. It returns an error if the
	// input has none for such a run.
	Check(sizes []int, phaseSteps int) error
	// Begin is called before the steps first … first+steps-1 of the phase of
	// layer are asked for: phase by phase, and within one in the order of time,
	// without gaps, from step 0 on.
	Begin(layer, first, steps int)
	// Fill writes the counts of a group in the steps first, first+1, … of its
	// layer's phase into rows, [step][GroupSize]; counts are finite, and may be
	// fractions or negative. It is called for successive steps of a group, and for
	// several groups at a time. What rows hold before, and what Fill leaves in lanes
	// beyond the group's Neurons, does not matter.
	Fill(rows []float64, group Group, first int)
}

// InputFunc returns an input that asks a function for the count at a neuron in a
// step of its layer's phase, all counted from 0. It may be called by several
// goroutines at a time, and must return the same for the same arguments.
func InputFunc(count func(layer, neuron, step int) float64) Input { return inputFunc(count) }

type inputFunc func(layer, neuron, step int) float64

func (inputFunc) Check([]int, int) error { return nil }

func (inputFunc) Begin(layer, first, steps int) {}

func (f inputFunc) Fill(rows []float64, g Group, first int) {
	for t := range len(rows) / groupSize {
		for lane := range g.Neurons {
			rows[t*groupSize+lane] = f(g.Layer, g.First+lane, first+t)
		}
	}
}

// known reports whether an input is one of this package's, whose counts need no
// second look.
func known(input Input) bool {
	switch in := input.(type) {
	case *PoissonInput, *recordedInput:
		return true
	case seededInput:
		return known(in.Input)
	}
	return false
}

// largestCount bounds what an input may give, far above anything that means
// something: potentials stay finite.
const largestCount = 1e9

// checkCounts looks at the counts of a group.
func checkCounts(rows []float64, g Group, first int) error {
	for i, count := range rows {
		if !(math.Abs(count) <= largestCount) {
			return invalid.Newf(fmt.Sprintf("input of layer %d, neuron %d, step %d", g.Layer, g.First+i%groupSize, first+i/groupSize), count, "a finite number, at most %g either way", float64(largestCount))
		}
	}
	return nil
}

// recordedInput replays counts.
type recordedInput struct {
	counts [][]uint8
	sizes  []int
}

// NewRecordedInput returns an input that replays counts[layer], [step of the
// layer's phase][neuron], for every layer but the last.
func NewRecordedInput(counts [][]uint8) Input { return &recordedInput{counts: counts} }

func (in *recordedInput) Check(sizes []int, phaseSteps int) error {
	if len(in.counts) != len(sizes)-1 {
		return invalid.Newf("recorded counts", fmt.Sprintf("of %d layers", len(in.counts)), "one table for each of the %d driven layers", len(sizes)-1)
	}
	for l, counts := range in.counts {
		if len(counts) != phaseSteps*sizes[l] {
			return invalid.Newf(fmt.Sprintf("recorded counts of layer %d", l), fmt.Sprintf("%d numbers", len(counts)), "%d steps of %d neurons", phaseSteps, sizes[l])
		}
	}
	in.sizes = sizes
	return nil
}

func (in *recordedInput) Begin(layer, first, steps int) {}

func (in *recordedInput) Fill(rows []float64, g Group, first int) {
	n, counts := in.sizes[g.Layer], in.counts[g.Layer]
	clear(rows)
	for lane := range g.Neurons {
		for t := range len(rows) / groupSize {
			rows[groupSize*t+lane] = float64(counts[(first+t)*n+g.First+lane])
		}
	}
}

// PoissonInput draws counts: in each step a driven neuron gets a Poisson number
// with mean InputRate·Step, any other neuron 0. Which neurons are driven is
// redrawn before step 0 and at the start of each step t with t+1 a multiple of
// RedrawSteps, in all layers but the last, whichever is driven; see [Drive].
//
// Counts are drawn by inversion with 32 random bits: each cumulative
// probability is exact to 2^-32. A group of four neurons has a generator of its
// own (xoshiro256++ of Blackman and Vigna, four streams side by side), seeded
// from the stream (seed, "input spikes", epoch, layer, group), so that the
// counts do not depend on which core draws them.
type PoissonInput struct {
	params     Params
	rule       Drive
	redrawn    func(Redraw)
	seed       uint64
	epoch      uint64
	sizes      []int
	phaseSteps int

	driven     [][]bool // [layer][neuron], by the redraws up to and with number redraws
	redraws    int      // the next redraw's number
	thresholds [][8]int32

	// of the layer whose phase it is
	segments [][]bool // driven neurons in each segment of the steps asked for, from number segment on; nil where all are
	first    int      // the number of segments[0]
	group    []generator
}

// generator holds four xoshiro256++ generators side by side, and the second
// half of their output if only the first was used.
type generator struct {
	state [4][4]uint64
	spare [groupSize]float64
	kept  bool
}

// NewPoissonInput returns the input of one run of len(sizes)-1 phases, drawn
// from seed and epoch. carried holds the neurons driven at the end of the run
// before, [layer][neuron], or is nil; the rule Fresh has no use for it.
func NewPoissonInput(p Params, rule Drive, seed, epoch uint64, sizes []int, phaseSteps int, carried [][]bool) (*PoissonInput, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := checkSizes(sizes); err != nil {
		return nil, err
	}
	redraw, err := rule.rule()
	if err != nil {
		return nil, err
	}
	p = p.OrDefault()
	in := &PoissonInput{params: p, rule: rule.OrDefault(), redrawn: redraw, seed: seed, epoch: epoch, sizes: sizes, phaseSteps: phaseSteps,
		driven: make([][]bool, len(sizes)-1), thresholds: poissonThresholds(p.InputRate * p.Step)}
	for l := range in.driven {
		in.driven[l] = make([]bool, sizes[l])
		if rule != Fresh && carried != nil {
			if len(carried) != len(in.driven) || len(carried[l]) != sizes[l] {
				return nil, invalid.Newf("carried driven neurons", fmt.Sprintf("of %d layers", len(carried)), "one flag for each neuron of %v", sizes[:len(sizes)-1])
			}
			copy(in.driven[l], carried[l])
		}
	}
	return in, nil
}

// Driven returns which neurons are driven at the end of the run,
// [layer][neuron]: what is carried over to the next.
func (in *PoissonInput) Driven() [][]bool {
	in.redrawTo(in.segment((len(in.sizes)-1)*in.phaseSteps-1), -1, nil)
	return in.driven
}

// segment numbers the redraw in force at a step of the run.
func (in *PoissonInput) segment(step int) int { return (step + 1) / in.params.RedrawSteps }

// redrawTo does all redraws up to and with number last, and tells each what
// then is driven in layer.
func (in *PoissonInput) redrawTo(last, layer int, tell func(redraw int, driven []bool)) {
	for ; in.redraws <= last; in.redraws++ {
		for l, driven := range in.driven {
			in.redraw(driven, l, in.redraws)
		}
		if layer >= 0 {
			tell(in.redraws, in.driven[layer])
		}
	}
}

// redraw redraws the driven neurons of a layer.
func (in *PoissonInput) redraw(driven []bool, layer, number int) {
	if in.rule == Accumulating && all(driven) {
		return // nothing to add
	}
	in.redrawn(Redraw{layer, number, in.epoch, in.params.DrivenFraction, driven,
		stream.New(in.seed, "driven neurons", in.epoch, uint64(layer), uint64(number))})
}

func all(flags []bool) bool {
	for _, f := range flags {
		if !f {
			return false
		}
	}
	return true
}

// Check reports whether the input was made for such a run; see [Input].
func (in *PoissonInput) Check(sizes []int, phaseSteps int) error {
	if !slices.Equal(sizes, in.sizes) || phaseSteps != in.phaseSteps {
		return invalid.Newf("input", fmt.Sprintf("for layers %v and %d steps per phase", in.sizes, in.phaseSteps), "made for layers %v and %d steps per phase", sizes, phaseSteps)
	}
	return nil
}

// Begin redraws the driven neurons of the steps that are asked for next; see
// [Input].
func (in *PoissonInput) Begin(layer, first, steps int) {
	start := layer*in.phaseSteps + first
	from, last := in.segment(start), in.segment(start+steps-1)
	// The set in force now may have been drawn before.
	in.redrawTo(from, -1, nil)
	in.first, in.segments = from, in.segments[:0]
	note := func(_ int, driven []bool) {
		if all(driven) {
			driven = nil
		}
		in.segments = append(in.segments, slices.Clone(driven))
	}
	note(from, in.driven[layer])
	in.redrawTo(last, layer, note)
	if first > 0 {
		return
	}
	in.group = make([]generator, groups(in.sizes[layer]))
	for g := range in.group {
		source := stream.Source(in.seed, "input spikes", in.epoch, uint64(layer), uint64(g))
		for i := range in.group[g].state {
			for lane := range in.group[g].state[i] {
				in.group[g].state[i][lane] = source.Uint64()
			}
		}
	}
}

// Fill draws counts; see [Input].
func (in *PoissonInput) Fill(rows []float64, g Group, first int) {
	in.draw(rows, &in.group[g.First/groupSize])
	// Silence the neurons that are not driven, segment by segment.
	start := g.Layer * in.phaseSteps
	steps := len(rows) / groupSize
	for t := 0; t < steps; {
		segment := in.segment(start + first + t)
		end := min((segment+1)*in.params.RedrawSteps-1-start-first, steps)
		if driven := in.segments[segment-in.first]; driven != nil {
			in.silence(rows[groupSize*t:groupSize*end], driven[g.First:])
		}
		t = end
	}
	silenceBeyond(rows, g.Neurons)
}

// silenceBeyond sets to 0 what belongs to no neuron of a group.
func silenceBeyond(rows []float64, neurons int) {
	if neurons == groupSize {
		return
	}
	for i := range rows {
		if i%groupSize >= neurons {
			rows[i] = 0
		}
	}
}

// silence sets the counts of neurons that are not driven to 0.
func (in *PoissonInput) silence(rows []float64, driven []bool) {
	var keep lanes
	count := 0
	for lane := range min(groupSize, len(driven)) {
		if driven[lane] {
			keep[lane] = 1
			count++
		}
	}
	switch count {
	case 0:
		clear(rows)
	case groupSize:
	default:
		for ; len(rows) >= groupSize; rows = rows[groupSize:] {
			row := (*lanes)(rows)
			row[0], row[1], row[2], row[3] = row[0]*keep[0], row[1]*keep[1], row[2]*keep[2], row[3]*keep[3]
		}
	}
}

// draw fills rows, of which the generator makes two at a time.
func (in *PoissonInput) draw(rows []float64, g *generator) {
	if g.kept && len(rows) > 0 {
		copy(rows, g.spare[:])
		rows, g.kept = rows[groupSize:], false
	}
	pairs := len(rows) / (2 * groupSize)
	if pairs > 0 {
		poissonKernel(rows, pairs, &g.state, in.thresholds)
	}
	if rest := rows[2*groupSize*pairs:]; len(rest) > 0 {
		var two [2 * groupSize]float64
		poissonKernel(two[:], 1, &g.state, in.thresholds)
		copy(rest, two[:groupSize])
		copy(g.spare[:], two[groupSize:])
		g.kept = true
	}
}

// poissonThresholds returns, for k = 1, 2, …, the number that 32 random bits
// must exceed for a count of at least k: 2^32·P(X < k), rounded up, less one.
// It stops where the rest is below 2^-32. A threshold stands eight times, in
// each lane of a vector, with the top bit turned so that it compares as a
// signed number.
func poissonThresholds(mean float64) [][8]int32 {
	var thresholds [][8]int32
	probability := math.Exp(-mean)
	below := probability
	for k := 1; ; k++ {
		threshold := math.Ceil(below * (1 << 32))
		if threshold >= 1<<32 || probability == 0 {
			return thresholds
		}
		signed := int32(uint32(threshold-1) ^ 1<<31)
		thresholds = append(thresholds, [8]int32{signed, signed, signed, signed, signed, signed, signed, signed})
		probability *= mean / float64(k)
		below += probability
	}
}
