package feedback

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// After returns the mean over seeds of a quantity of one algorithm's runs after so
// many batches, and its standard error: NaN for less than two seeds.
func After(runs []*TrainingCurve, by Algorithm, batch int, of func(*TrainingCurve) []float64) (mean, stderr float64) {
	var values []float64
	for _, r := range runs {
		if at := slices.Index(r.Batches, batch); r.Algorithm == by && at >= 0 && of(r) != nil {
			values = append(values, of(r)[at])
		}
	}
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	mean, sd := stat.MeanStdDev(values, nil)
	if len(values) == 1 {
		sd = math.NaN()
	}
	return mean, sd / math.Sqrt(float64(len(values)))
}

// AfterTable is a table of a quantity, named what, after so many batches: a row for
// each algorithm that has it, mean ± standard error over the seeds.
func AfterTable(what string, runs []*TrainingCurve, of func(*TrainingCurve) []float64, batches ...int) (header []string, rows [][]any) {
	header = []string{what + ", ± s.e."}
	for _, b := range batches {
		header = append(header, fmt.Sprintf("after %d batches", b))
	}
	for _, algorithm := range Algorithms {
		if !slices.ContainsFunc(runs, func(r *TrainingCurve) bool { return r.Algorithm == algorithm && of(r) != nil }) {
			continue
		}
		row := []any{algorithm}
		for _, b := range batches {
			mean, stderr := After(runs, algorithm, b, of)
			row = append(row, meanText(mean, stderr))
		}
		rows = append(rows, row)
	}
	return header, rows
}

// AcrossSeedsText is AcrossSeeds as a table shows it: mean ± standard error, and the
// number of seeds; a dash if there is none.
func AcrossSeedsText(runs []TrainingRun, hidden []int, by Algorithm, of func(TrainingRun) float64) string {
	mean, sd, n := AcrossSeeds(runs, hidden, by, of)
	switch n {
	case 0:
		return "–"
	case 1:
		return meanText(mean, sd) + " (1 seed)"
	}
	return fmt.Sprintf("%s (%d seeds)", meanText(mean, sd/math.Sqrt(float64(n))), n)
}

func meanText(mean, stderr float64) string {
	if math.IsNaN(stderr) {
		return fmt.Sprintf("%.1f", mean)
	}
	return fmt.Sprintf("%.1f ± %.1f", mean, stderr)
}

// Table has a row for each hidden layer after none, a tenth, three tenths and all of
// the simulated time, beside node perturbation after none, 320, 3200 and all of its images.
func (m *MeetingCurve) Table() (header []string, rows [][]any) {
	calls, shown := len(m.Seconds)-1, len(m.Images)-1
	for _, c := range []struct {
		part   float64 // of the simulated time
		images int     // place in Images
	}{{0, 0}, {0.1, min(1, shown)}, {0.3, min(3, shown)}, {1, shown}} {
		at, images := int(math.Round(c.part*float64(calls))), c.images
		for layer := range m.RDD {
			r, p := m.RDD[layer][at], m.Perturbation[layer][images]
			rows = append(rows, []any{layer + 1, m.Seconds[at], r.SignAgreement, r.Angle, m.Images[images], p.SignAgreement, p.Angle})
		}
	}
	return []string{"hidden layer", "RDD: seconds", "signs, %", "angle", "NP: images", "signs, %", "angle"}, rows
}
