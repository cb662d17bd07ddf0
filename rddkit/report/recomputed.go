package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Number is a number by which a reader contradicted what the notebooks then said,
// computed again.
type Number struct {
	Item  int    // its place in the reader's list, 1 to 11
	What  string // with its unit
	Found string // as the reader found it; "" if the list has only words, or asks for it
	Now   rddkit.Estimate
}

// Recompute computes the reader's numbers again: from stored runs, in seconds, and
// if simulate is set also those that take simulations, in minutes; their records
// are kept as those of [rddkit.Run] are. Without items it computes those of all
// but item 10, which is about the files of the notebooks: binder/check_files.py has
// it. progress is told how many parts of how many are done, and what is at work; it
// may be nil. The error is an *invalid.Error for an item that is not there.
func Recompute(ctx context.Context, simulate bool, items []int, progress func(done, total int, text string)) ([]Number, error) {
	return recompute(ctx, simulate, items, full, progress)
}

func recompute(ctx context.Context, simulate bool, items []int, size size, progress func(done, total int, text string)) ([]Number, error) {
	for _, item := range items {
		if item < 1 || item > 11 {
			return nil, invalid.New("item", item, "1 to 11")
		}
	}
	r := recomputation{size: size}
	parts := slices.DeleteFunc(r.parts(), func(p part) bool {
		return p.simulated && !simulate || len(items) > 0 && !slices.Contains(items, p.item)
	})
	for i, p := range parts {
		if progress != nil {
			progress(i, len(parts), p.what)
		}
		if err := cmp.Or(p.compute(ctx), r.err, ctx.Err()); err != nil {
			return nil, err
		}
	}
	if progress != nil {
		progress(len(parts), len(parts), "")
	}
	slices.SortStableFunc(r.numbers, func(a, b Number) int { return a.Item - b.Item })
	return r.numbers, nil
}

// part is what is computed at a time.
type part struct {
	item      int
	what      string
	simulated bool
	compute   func(context.Context) error
}

func (r *recomputation) parts() []part {
	read := func(item int, what string, compute func()) part {
		return part{item, what, false, func(context.Context) error {
			compute()
			return nil
		}}
	}
	return []part{
		read(1, "RDD time while the network trains", r.time),
		read(2, "fuzzy against sharp", r.fuzzy),
		read(4, "losses of the autoencoder", r.losses),
		read(5, "feedback weights of the classifier", r.rules),
		read(6, "learned direct feedback", r.chance),
		read(7, "what was not fitted", r.unfitted),
		read(11, "smaller ones", r.smaller),
		{3, "ten neurons", true, r.special},
		{5, "classifiers that train", true, r.early},
		{8, "weights whose means are moved", true, r.means},
		{9, "two neurons that learn", true, r.distances},
		{11, "optimum of two neurons", true, r.optima},
		{11, "a control neuron", true, r.control},
		{11, "numbers of images", true, r.numberOfImages},
	}
}

// recomputation gathers numbers.
type recomputation struct {
	stored
	size
	numbers []Number
}

func (r *recomputation) add(item int, what, found string, now rddkit.Estimate) {
	r.numbers = append(r.numbers, Number{item, what, found, now})
}

// value adds a number without an error.
func (r *recomputation) value(item int, what, found string, now float64) {
	r.add(item, what, found, rddkit.EstimateOf(now))
}

// below counts the epochs from first on in which a quantity of a is below that of b,
// and finds where it stays so. Both are of one seed.
func below(q rddkit.Quantity, a, b *rddkit.Record, first int) (n, of, from int) {
	x, y := q(a), q(b)
	of, from = min(len(x), len(y)), first
	for epoch := first; epoch < of; epoch++ {
		if x[epoch] < y[epoch] {
			n++
		} else {
			from = epoch + 1
		}
	}
	return n, of - first, from
}

// time is item 1: the runs that differ in RDD time alone while the network trains.
func (r *recomputation) time() {
	long, short := r.of(batches1024(doubled(CIFAR(rddkit.RDD)))), r.of(batches1024(CIFAR(rddkit.RDD)))
	for i, found := range []string{"−1.10", "−1.32", "−1.95"} {
		layer := i + 1
		r.add(1, "sign alignment of "+layerName(layer)+", 180 s less 90 s, epochs 41 to 50, points", found, rddkit.Paired(long, short, rddkit.Signs(layer).Between(41, 50)))
	}
	if len(long) == 0 || len(short) == 0 {
		return
	}
	for i, found := range []string{"11", "5"} {
		_, _, from := below(rddkit.Signs(i+1), long[0], short[0], 0)
		r.value(1, layerName(i+1)+" stays lower with 180 s from epoch", found, float64(from))
	}
	n, of, _ := below(rddkit.TrainErrors, short[0], long[0], 1)
	r.value(1, "epochs with a higher training error with 180 s", "50", float64(n))
	r.value(1, "epochs that both have", "51", float64(of))
}

func layerName(layer int) string { return [...]string{"", "FC1", "FC2", "FC3"}[layer] }

// fuzzy is item 2: the report's own curves, and the runs that differ in the method alone.
func (r *recomputation) fuzzy() {
	for i, found := range [][2]string{{"63", "73"}, {"74", "86"}, {"82", "88"}} {
		c := Select("Fig. 3", SignAlignmentQuantity, "Fuzzy RDD")[i]
		r.value(2, "report, fuzzy RDD, sign alignment of "+c.Panel+" in the first epoch, %", found[0], c.Values[0])
		r.value(2, "report, fuzzy RDD, sign alignment of "+c.Panel+" in the last epoch, %", found[1], rddkit.Last(c.Values))
	}
	end := func(panel, series string) float64 {
		return rddkit.Last(Select("Fig. 4 "+panel, TrainingErrorQuantity, series)[0].Values)
	}
	r.value(2, "report, last training error, fuzzy less the lower of the two others, points", "below 0",
		end("right", "Fuzzy RDD")-min(end("left", "RDD"), end("middle", "RDD long")))
	fuzzy, sharp := r.of(batches1024(CIFAR(rddkit.FuzzyRDD))), r.of(batches1024(CIFAR(rddkit.RDD)))
	r.add(2, "here, training error, fuzzy less sharp, epochs 31 to 50, points", "−1.8", rddkit.Paired(fuzzy, sharp, rddkit.TrainErrors.Between(31, 50)))
	r.add(2, "here, test error, fuzzy less sharp, epochs 31 to 50, points", "−1.6", rddkit.Paired(fuzzy, sharp, rddkit.TestErrors.Between(31, 50)))
}

// runs are the stored training runs of a task's network.
func (r *recomputation) runs(task string, hidden ...int) []*feedback.TrainingCurve {
	runs, err := feedback.Stored(task, hidden...)
	if err != nil && r.err == nil {
		r.err = err
	}
	return runs
}

// losses is item 4: the autoencoder's, ours and the authors'.
func (r *recomputation) losses() {
	runs := r.runs("autoencoder", 200, 2)
	for _, batches := range []int{3000, 30_000} {
		if feedback.Common(runs, feedback.FA, feedback.NPGradient) < batches {
			continue // not stored so far
		}
		after, loss := fmt.Sprintf(" after %d batches", batches), feedback.TestLoss.At(batches)
		r.add(4, "loss per image of FA"+after, "", feedback.Over(runs, feedback.FA, loss))
		r.add(4, "loss per image of node perturbation"+after, "", feedback.Over(runs, feedback.NPGradient, loss))
		r.add(4, "loss per image of FA less that of node perturbation"+after, map[int]string{3000: "below 0"}[batches], feedback.Paired(runs, feedback.FA, feedback.NPGradient, loss))
	}
	for _, a := range []struct {
		algorithm feedback.Algorithm
		found     string
	}{{feedback.NPGradient, "515"}, {feedback.BPAdam, "538"}, {feedback.BP, "610"}, {feedback.FA, "759"}} {
		r.value(4, "the authors' stored loss per batch, "+string(a.algorithm), a.found, feedback.AuthorsAutoencoder()[a.algorithm].Mean)
	}
}

// rules is the stored part of item 5: how well the feedback weights of two rules
// agree in the end.
func (r *recomputation) rules() {
	runs := r.runs("classifier", 50, 20)
	last := func(c *feedback.TrainingCurve) float64 { return c.Layers[0][len(c.Batches)-1].SignAgreement }
	for _, a := range []feedback.Algorithm{feedback.NPGradient, feedback.FA} {
		r.add(5, "signs of feedback weights that agree in the lowest layer after 20,000 batches of MNIST, "+string(a)+", %", "", feedback.Over(runs, a, last))
	}
}

// chance is item 6: learned direct feedback against DFA on CIFAR-10.
func (r *recomputation) chance() {
	np, dfa := r.of(DirectFeedback(rddkit.DirectNodePerturbation)), r.of(DirectFeedback(rddkit.DirectFeedbackAlignment))
	epochs := Common(np, dfa)
	right := func(records []*rddkit.Record) rddkit.Estimate {
		e := rddkit.Mean(records, rddkit.TestErrors.At(epochs))
		e.Mean = 100 - e.Mean
		return e
	}
	r.add(6, "CIFAR-10, test accuracy of learned direct feedback, %", "44.8", right(np))
	r.add(6, "CIFAR-10, test accuracy of DFA, %", "42.9", right(dfa))
	step := rddkit.Paired(dfa, np, rddkit.TestErrors.At(epochs))
	r.add(6, "CIFAR-10, learned direct feedback less DFA, points", "", step)
	images := DirectFeedback(rddkit.DirectNodePerturbation).TestLimit
	chance := 2 * right(np).Mean * (100 - right(np).Mean) / float64(images) // of the two arms
	r.value(6, "the same in standard errors of the test images of a single seed", "1.2", step.Mean/math.Sqrt(chance))
}

// unfitted is item 7: how many curves can be judged by what they were not chosen by.
func (r *recomputation) unfitted() {
	_, rows, err := Unfitted()
	if err != nil && r.err == nil {
		r.err = err
	}
	count := map[any]float64{}
	for _, row := range rows {
		count[row[len(row)-1]]++
	}
	r.value(7, "curves of Figure 1 and of the left of Figure 4", "16 claims", float64(len(rows)))
	r.value(7, "curves that agree where the rejected setting does not, and were not used to choose", "15", count["agrees"])
	r.value(7, "curves that the rejected setting passes, too", "", count["does not tell"])
	r.value(7, "curves that were used to choose", "", count["was fitted to"])
	r.value(7, "curves that do not agree", "", count["does not agree"])
}

// smaller is the stored part of item 11.
func (r *recomputation) smaller() {
	runs, lower := r.runs("classifier", 512, 200), 0.0
	for _, a := range feedback.Algorithms {
		theirs, ok := feedback.Reference("classifier", 512, 200)[a]
		ours := feedback.Over(runs, a, feedback.Accuracy.At(4000))
		if ok && ours.Mean < theirs.Mean {
			lower++
		}
	}
	r.value(11, "rows of 512-200 that are below the reference", "5", lower)
	for _, f := range []struct {
		rate string
		e    rddkit.Experiment
	}{{"0.01", CIFAR(rddkit.FeedbackAlignment)}, {"0.05", fastFA()}} {
		r.value(11, "distance of FA with a learning rate of "+f.rate+" from the report's Fig. 1(a), points", "",
			Distance(r.of(f.e)[:1], 0, 59, Select("Fig. 1(a)", SignAlignmentQuantity, "FA")...))
	}
}

// Unfitted is a table of the report's curves in Figure 1 and in the left of Figure 4,
// with the root mean square distance from epoch 5 on of the run whose settings were
// chosen, and of the one whose settings were rejected. The last column is what the
// curve tells by them ([Curve.Told]).
func Unfitted() (headers []string, rows [][]any, err error) {
	var s stored
	fresh, long := s.of(freshly()), s.of(doubled(CIFAR(rddkit.RDD)))
	fast, slow := s.of(fastFA()), s.of(CIFAR(rddkit.FeedbackAlignment))
	large := s.of(batches1024(CIFAR(rddkit.RDD)))
	for _, t := range []struct {
		figure, quantity, series, used string
		chosen, rejected               []*rddkit.Record
	}{
		{"Fig. 1(a)", SignAlignmentQuantity, "RDD", "epochs 0 to 4", fresh, long},
		{"Fig. 1(d)", RSelfQuantity, "RDD", "no", fresh, long},
		{"Fig. 1(a)", SignAlignmentQuantity, "FA", "no", fast, slow},
		{"Fig. 1(d)", RSelfQuantity, "FA", "yes", fast, slow},
		{"Fig. 4 left", TrainingErrorQuantity, "RDD", "epoch 0", large, fresh},
		{"Fig. 4 left", TrainingErrorQuantity, "FA", "yes", fast, slow},
	} {
		for _, c := range Select(t.figure, t.quantity, t.series) {
			ours, other := Distance(first(t.chosen), 5, 99, c), Distance(first(t.rejected), 5, 99, c)
			verdict := c.Told(ours, other, t.used == "yes")
			if math.IsNaN(ours) || math.IsNaN(other) {
				verdict = "is not stored"
			}
			rows = append(rows, []any{c.Figure + " " + c.Panel, c.Quantity, c.Series, c.Tolerance(), ours, other, t.used, verdict})
		}
	}
	return []string{"curve", "quantity", "of", "tolerance", "distance, chosen", "distance, rejected", "used to choose", "verdict"}, rows, s.err
}

// first is the record of the first seed, or none.
func first(records []*rddkit.Record) []*rddkit.Record { return records[:min(1, len(records))] }
