package chart

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

type ticks []plot.Tick

func (t ticks) Ticks(_, _ float64) []plot.Tick { return t }

// ticks returns the marks of the axis between its ends, about as many as wanted
// with numbers. There are never more than [mostTicks], whatever the ends.
func (a Axis) ticks(ends [2]float64, wanted float64) ticks {
	if a.Log {
		if marks := logTicks(ends, wanted); marks.labelled() > 1 {
			return marks
		} // else too little of a decade
	}
	return a.linearTicks(ends, wanted)
}

// mostTicks bounds the marks of an axis: of 324 + 308 decades at most.
const mostTicks = 700

func (t ticks) labelled() int {
	n := 0
	for _, mark := range t {
		if mark.Label != "" {
			n++
		}
	}
	return n
}

// linearTicks returns ticks at multiples of 1, 2 or 5 times a power of ten: two
// at least, unless the axis has whole numbers only.
func (a Axis) linearTicks(ends [2]float64, wanted float64) ticks {
	wanted = min(max(wanted, 2), 100)
	var at []float64
	var step float64
	for range 3 {
		step = roundStep(ends[1]/wanted - ends[0]/wanted) // the difference itself may overflow
		if a.Integer {
			step = max(step, 1)
		}
		if at = multiples(step, ends); len(at) > 1 {
			break
		}
		wanted *= 2
	}
	if size := max(math.Abs(ends[0]), math.Abs(ends[1])); len(at) < 2 && !a.Integer || size/step > 1e14 {
		at, step = ends[:], 0 // as close as floats can be
	}
	var marks ticks
	for i, label := range labels(at, step) {
		marks = append(marks, plot.Tick{Value: min(max(at[i], ends[0]), ends[1]), Label: label})
	}
	return marks
}

// multiples returns those of the step between the ends, and within rounding.
func multiples(step float64, ends [2]float64) []float64 {
	first := math.Ceil(ends[0]/step - 1e-9)
	var at []float64
	for k := range mostTicks {
		v := (first + float64(k)) * step
		if !(v <= bounded(ends[1]+1e-9*step)) {
			break
		}
		at = append(at, v)
	}
	return at
}

// roundStep returns 1, 2, 5 or 10 times a power of ten, near raw and above 0.
func roundStep(raw float64) float64 {
	raw = max(raw, math.SmallestNonzeroFloat64)
	power := max(math.Pow(10, math.Floor(math.Log10(raw))), math.SmallestNonzeroFloat64)
	step := power
	for _, m := range []float64{2, 5, 10} {
		if 1.4*raw >= m*power {
			step = m * power
		}
	}
	return step
}

// labels writes the values, which are that step apart, with the digits that
// tell them apart: all as decimals or, where that is shorter, as powers of ten.
// Without a step they are exact.
func labels(values []float64, step float64) []string {
	magnitude := func(v float64) int { return int(math.Floor(math.Log10(math.Abs(v)) + 1e-9)) }
	decimals, powers := make([]string, len(values)), make([]string, len(values))
	longest := [2]int{}
	largest := 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range values {
		switch {
		case v == 0:
			decimals[i], powers[i] = "0", "0"
		case step == 0:
			decimals[i] = strconv.FormatFloat(v, 'g', -1, 64)
			powers[i] = decimals[i]
		default:
			decimals[i] = strconv.FormatFloat(v, 'f', max(0, -magnitude(step)), 64)
			powers[i] = strconv.FormatFloat(v, 'e', min(max(0, magnitude(v)-magnitude(step)), 17), 64)
		}
		longest[0], longest[1] = max(longest[0], len(decimals[i])), max(longest[1], len(powers[i]))
	}
	chosen := decimals
	if (step < 1e-4 || largest >= 1e6) && longest[1] < longest[0] {
		chosen = powers
	}
	for i := range chosen {
		chosen[i] = minus(chosen[i])
	}
	return chosen
}

// minus writes negative numbers with a true minus sign.
func minus(number string) string { return strings.ReplaceAll(number, "-", "−") }

// logTicks labels powers of ten, and 2 and 5 times them if there are few.
func logTicks(ends [2]float64, wanted float64) ticks {
	low, high := math.Log10(ends[0]), math.Log10(ends[1])
	decades := high - low
	every := 1
	for _, n := range []int{2, 5, 10, 20, 50, 100, 200} {
		if decades > 1.6*max(wanted, 2)*float64(every) {
			every = n
		}
	}
	var marks ticks
	for e := int(math.Floor(low)); e <= int(math.Floor(high)); e++ {
		for m := 1; m < 10; m++ {
			if m > 1 && decades > 12 || every > 1 && e%every != 0 && decades > 40 {
				break
			}
			// Not the sum of products: 3·10⁻¹ is to be 0.3.
			v, err := strconv.ParseFloat(strconv.Itoa(m)+"e"+strconv.Itoa(e), 64)
			if err != nil || v < ends[0] || v > ends[1] {
				continue
			}
			t := plot.Tick{Value: v}
			if m == 1 && e%every == 0 || decades < 2.5 && (m == 2 || m == 5) {
				t.Label = labels([]float64{v}, v)[0]
			}
			marks = append(marks, t)
		}
	}
	return marks
}
