package feedback

import "fmt"

// Published is a mean and standard deviation that a source gives.
type Published struct{ Mean, SD float64 }

// String is the mean ± the standard deviation, with one decimal.
func (p Published) String() string { return fmt.Sprintf("%.1f ± %.1f", p.Mean, p.SD) }

// AuthorsAutoencoder are the least test losses of the autoencoder 784-200-2-200-784
// on MNIST that the authors' published notebooks have stored, per batch of 32 images
// (30 000 batches; Lansdell, Prakash and Kording 2020, code feedbacklearning).
func AuthorsAutoencoder() map[Algorithm]Published {
	return map[Algorithm]Published{
		BP: {609.8, 14.35}, BPAdam: {538.2, 1.89}, FA: {759.2, 3.29}, NPGradient: {515.3, 4.11},
	}
}

// Reference are the results of an independent implementation in NumPy, over 3 to 5
// seeds, on MNIST: percent right of the classifiers 50-20 (20 000 batches) and 512-200 (4000),
// test loss per image of the autoencoder 200-2 (30 000); nil of other networks.
func Reference(task string, hidden ...int) map[Algorithm]Published {
	return map[string]map[Algorithm]Published{
		"classifier [50 20]": {BP: {87.86, 0.24}, FA: {84.10, 0.94}, NPLeastSquares: {87.17, 0.24},
			NPGradient: {86.38, 0.42}, Reinforcement: {87.35, 0.83}},
		"classifier [512 200]": {BP: {82.66, 0.27}, FA: {72.93, 1.72}, NPLeastSquares: {82.38, 0.33},
			NPGradient: {73.37, 2.80}, Reinforcement: {65.08, 3.08}},
		"autoencoder [200 2]": {BP: {23.73, 1.58}, BPAdam: {17.73, 0.21}, FA: {23.39, 0.05}, NPGradient: {20.84, 0.96}},
	}[fmt.Sprint(task, " ", hidden)]
}

// MeanImageLoss is the test loss per image of a network that always gives back the
// mean image of MNIST, by the same implementation: what is learned without a code.
const MeanImageLoss = 25.19

// Beside is a table of a quantity beside what a source gives of each algorithm, after
// as many batches as its runs have in common.
func Beside(runs []*TrainingCurve, of Quantity, source string, published map[Algorithm]Published) (header []string, rows [][]any) {
	for _, algorithm := range Algorithms {
		if theirs, ok := published[algorithm]; ok {
			batches := Common(runs, algorithm)
			ours := Over(runs, algorithm, of.At(batches))
			rows = append(rows, []any{algorithm, ours, batches, ours.Seeds, theirs})
		}
	}
	return []string{of.text(), "here, ± s.e.", "batches", "seeds", source + ", ± s.d."}, rows
}
