package align

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Weights uniform around 0 are 30.0° from their signs and 41.4° from these with
// random sizes, arccos(√3/2) and arccos(3/4): a million weights tell it to 0.1°. All
// signs agree, and the root mean square is that of the weights unless it is asked
// for.
func TestSignConcordantAngles(t *testing.T) {
	for magnitudes, want := range map[Magnitudes]float64{UniformMagnitudes: 30, RandomMagnitudes: 41.41, FixedMagnitudes: 41.41} {
		for _, size := range []float64{0, 2} {
			if size > 0 && magnitudes == FixedMagnitudes {
				continue
			}
			layers, err := Random(1, 1250, 800)
			if err != nil {
				t.Fatal(err)
			}
			c := made(NewSignConcordant(SignConcordantOptions{Magnitudes: magnitudes, Size: size}, 3))
			if err := c.Learn(context.Background(), layers, nil); err != nil {
				t.Fatal(err)
			}
			l := layers[0]
			if angle := angle(l); math.Abs(angle-want) > 0.1 {
				t.Errorf("%s: %v°, want %v°", magnitudes, angle, want)
			}
			if signs := Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In)).SignAlignment; signs != 100 {
				t.Errorf("%s: %v %% of the signs agree", magnitudes, signs)
			}
			wantSize := size
			if size == 0 {
				wantSize = math.Sqrt(meanSquare(l.Forward))
			}
			if got := math.Sqrt(meanSquare(l.Feedback)); math.Abs(got/wantSize-1) > 0.005 {
				t.Errorf("%s: root mean square %v, want %v", magnitudes, got, wantSize)
			}
		}
	}
}

// The sign of 0 is 0, of −0 too: such a feedback weight is 0, not any sign's, and
// it has its size again when its weight has a sign.
func TestSignOfZeroIsZero(t *testing.T) {
	for _, magnitudes := range []Magnitudes{UniformMagnitudes, RandomMagnitudes, FixedMagnitudes} {
		l := Layer{In: 2, Out: 2, Forward: []float32{0, -1, float32(math.Copysign(0, -1)), 2}, Feedback: []float32{3, 3, 3, 3}}
		c := made(NewSignConcordant(SignConcordantOptions{Magnitudes: magnitudes}, 1))
		check := func(want []float32) {
			t.Helper()
			if changed, err := c.Prepare([]Layer{l}); err != nil || !changed {
				t.Fatal(changed, err)
			}
			for j := range 2 {
				for i := range 2 {
					if b := l.Feedback[i*2+j]; sign(float64(b)) != sign(float64(want[j*2+i])) {
						t.Errorf("%s: feedback weight %v of a weight of %v", magnitudes, b, want[j*2+i])
					}
				}
			}
		}
		check(l.Forward)
		l.Forward[0], l.Forward[2], l.Forward[3] = 1, -2, 0
		check(l.Forward)
		if magnitudes == FixedMagnitudes && !slices.Equal(l.Feedback, []float32{3, -3, -3, 0}) {
			t.Errorf("fixed magnitudes: %v", l.Feedback)
		}
	}
}

// Only random magnitudes are others in every batch. In place or not, after a stop
// or not, on any number of cores they are the same bits; Learn shows those of the
// batch that follows.
func TestSignConcordantBatches(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, magnitudes := range []Magnitudes{UniformMagnitudes, RandomMagnitudes, FixedMagnitudes} {
		layers := []Layer{randomLayer(20, 300, 1), randomLayer(300, 4, 2)}
		var inPlace []Layer
		for _, l := range layers {
			own := Layer{In: l.In, Out: l.Out, Forward: l.Forward, Transposed: make([]float32, len(l.Forward))}
			for k := range own.Transposed {
				own.Transposed[k] = l.Feedback[k%l.In*l.Out+k/l.In]
			}
			inPlace = append(inPlace, own)
		}
		o := SignConcordantOptions{Magnitudes: magnitudes}
		one, two := made(NewSignConcordant(o, 1)), made(NewSignConcordant(o, 1))
		var last []float32
		for step := range 4 {
			runtime.GOMAXPROCS(1)
			if step == 2 {
				if err := one.Learn(context.Background(), layers, nil); err != nil {
					t.Fatal(err)
				}
			}
			shown := slices.Clone(layers[0].Feedback)
			if _, err := one.Prepare(layers); err != nil {
				t.Fatal(err)
			}
			if step == 2 && !slices.Equal(shown, layers[0].Feedback) {
				t.Errorf("%s: Learn shows other weights than those of the next batch", magnitudes)
			}
			runtime.GOMAXPROCS(3)
			if _, err := two.Prepare(inPlace); err != nil {
				t.Fatal(err)
			}
			state, err := MarshalState(two)
			if err != nil {
				t.Fatal(err)
			}
			two = made(NewSignConcordant(o, 1))
			if err := UnmarshalState(two, state); err != nil {
				t.Fatal(err)
			}
			for n, l := range layers {
				for k, b := range inPlace[n].Transposed {
					if other := l.Feedback[k%l.In*l.Out+k/l.In]; b != other {
						t.Fatalf("%s, step %d: %v, and %v in place", magnitudes, step, other, b)
					}
				}
			}
			if again := slices.Equal(last, layers[0].Feedback); step > 0 && again != (magnitudes != RandomMagnitudes) {
				t.Errorf("%s: the same weights as in the batch before: %v", magnitudes, again)
			}
			last = slices.Clone(layers[0].Feedback)
		}
		if want := (Cost{Operations: 4 * (20*300 + 300*4)}); one.Cost() != want || !reflect.DeepEqual(one.Cost(), two.Cost()) {
			t.Errorf("%s: cost %+v and %+v, want %+v", magnitudes, one.Cost(), two.Cost(), want)
		}
	}
}

// Direct feedback has no signs to take.
func TestSignConcordantRefuses(t *testing.T) {
	for field, layers := range map[string][]Layer{
		"layers":            nil,
		"layers[0].Forward": {{In: 2, Out: 3, Feedback: make([]float32, 6)}},
	} {
		var wrong *invalid.Error
		if changed, err := made(NewSignConcordant(SignConcordantOptions{}, 1)).Prepare(layers); changed || !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	c := made(NewSignConcordant(SignConcordantOptions{Magnitudes: FixedMagnitudes}, 1))
	if _, err := c.Prepare([]Layer{randomLayer(2, 3, 1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Prepare([]Layer{randomLayer(3, 3, 1)}); !errors.As(err, new(*invalid.Error)) {
		t.Errorf("layers of another size: %v", err)
	}
}
