package report

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/feedback"
)

// Arms are the stored seeds of the paper's question on CIFAR-10: batches of 128, a
// learning rate of 0.01, RDD with fresh driving.
type Arms struct{ FA, RDD, BP []*rddkit.Record }

// GapArms reads them.
func GapArms() (Arms, error) {
	var s stored
	a := Arms{s.of(CIFAR(rddkit.FeedbackAlignment)), s.of(freshly()), s.of(CIFAR(rddkit.Backpropagation))}
	return a, s.err
}

// Seeds are the records' seeds that all three arms have, each with its least number
// of epochs in the three.
func (a Arms) Seeds() (seeds []uint64, epochs []int) {
	for _, fa := range a.FA {
		least, all := fa.EpochsDone(), true
		for _, arm := range [][]*rddkit.Record{a.RDD, a.BP} {
			found := false
			for _, r := range arm {
				if r.Experiment.Seed == fa.Experiment.Seed {
					found, least = true, min(least, r.EpochsDone())
				}
			}
			all = all && found
		}
		if all {
			seeds, epochs = append(seeds, fa.Experiment.Seed), append(epochs, least)
		}
	}
	return seeds, epochs
}

// Closed is the share of the gap in test error between FA and BP that RDD closes
// after so many epochs, in percent, over the seeds that go so far.
func (a Arms) Closed(epoch int, of rddkit.Quantity) rddkit.Estimate {
	e := rddkit.GapClosed(a.FA, a.RDD, a.BP, of.At(epoch))
	e.Mean, e.StandardError = 100*e.Mean, 100*e.StandardError
	return e
}

// Table is the errors of the three arms and the shares of the gap after some
// numbers of epochs; those that no seed has are left out. Errors are means over
// the seeds that a row counts.
func (a Arms) Table(epochs ...int) (headers []string, rows [][]any) {
	for _, epoch := range epochs {
		test := a.Closed(epoch, rddkit.TestErrors)
		if test.Seeds == 0 {
			continue
		}
		both := a.upTo(epoch)
		at := rddkit.TestErrors.At(epoch)
		rows = append(rows, []any{epoch, test.Seeds, rddkit.Mean(both.FA, at).String(), rddkit.Mean(both.RDD, at).String(), rddkit.Mean(both.BP, at).String(),
			test.String(), a.Closed(epoch, rddkit.TrainErrors).String()})
	}
	return []string{"epochs", "seeds", "test error of FA, %", "RDD", "BP", "share of the gap, %", "the same of training errors, %"}, rows
}

// upTo leaves the seeds that all arms have to this epoch.
func (a Arms) upTo(epoch int) (b Arms) {
	seeds, epochs := a.Seeds()
	for i, seed := range seeds {
		if epochs[i] < epoch {
			continue
		}
		for _, arm := range []struct {
			from []*rddkit.Record
			to   *[]*rddkit.Record
		}{{a.FA, &b.FA}, {a.RDD, &b.RDD}, {a.BP, &b.BP}} {
			for _, r := range arm.from {
				if r.Experiment.Seed == seed {
					*arm.to = append(*arm.to, r)
				}
			}
		}
	}
	return b
}

// Fitted is a table of the settings that the report does not tell and that were
// chosen by its curves: values tried, and how far each is from the curves (root mean
// square over all epochs that all of them have, in the curves' unit). The least was taken.
func Fitted() (headers []string, rows [][]any, err error) {
	var s stored
	slow, accumulating := CIFAR(rddkit.FeedbackAlignment), CIFAR(rddkit.RDD)
	type try struct {
		what, value, figure, quantity, series string
		e                                     rddkit.Experiment
	}
	tries := []try{
		{"drive of Fig. 1", "fresh", "Fig. 1(a)", SignAlignmentQuantity, "RDD", freshly()},
		{"", "accumulating", "Fig. 1(a)", SignAlignmentQuantity, "RDD", batches1024(accumulating)},
		{"FA's learning rate", "0.01", "Fig. 1(a)", SignAlignmentQuantity, "FA", slow},
		{"", "0.05", "Fig. 1(a)", SignAlignmentQuantity, "FA", fastFA()},
		{"", "0.01", "Fig. 1(d)", RSelfQuantity, "FA", slow},
		{"", "0.05", "Fig. 1(d)", RSelfQuantity, "FA", fastFA()},
		{"", "0.01", "Fig. 4 left", TrainingErrorQuantity, "FA", slow},
		{"", "0.05", "Fig. 4 left", TrainingErrorQuantity, "FA", fastFA()},
		{"batches of Fig. 4 left", "128, fresh", "Fig. 4 left", TrainingErrorQuantity, "RDD", freshly()},
		{"", "1024, fresh", "Fig. 4 left", TrainingErrorQuantity, "RDD", batches1024(freshly())},
		{"", "1024, accumulating", "Fig. 4 left", TrainingErrorQuantity, "RDD", batches1024(accumulating)},
		{"batches of Fig. 2", "128", "Fig. 2", SignAlignmentQuantity, "RDD long", doubled(accumulating)},
		{"", "1024", "Fig. 2", SignAlignmentQuantity, "RDD long", batches1024(doubled(accumulating))},
		{"batches of Fig. 3", "128", "Fig. 3", SignAlignmentQuantity, "Fuzzy RDD", CIFAR(rddkit.FuzzyRDD)},
		{"", "1024", "Fig. 3", SignAlignmentQuantity, "Fuzzy RDD", batches1024(CIFAR(rddkit.FuzzyRDD))},
		{"", "128", "Fig. 4 right", TrainingErrorQuantity, "Fuzzy RDD", CIFAR(rddkit.FuzzyRDD)},
		{"", "1024", "Fig. 4 right", TrainingErrorQuantity, "Fuzzy RDD", batches1024(CIFAR(rddkit.FuzzyRDD))},
	}
	rivals := func(a, b try) bool { return a.figure == b.figure && a.quantity == b.quantity && a.series == b.series }
	for _, f := range tries {
		common := math.MaxInt // epochs of all that were tried for these curves
		for _, other := range tries {
			if rivals(f, other) {
				common = min(common, Common(s.long(other.e)))
			}
		}
		distance := Distance(s.long(f.e), 0, common-1, Select(f.figure, f.quantity, f.series)...)
		rows = append(rows, []any{f.what, f.value, f.figure + ", " + f.quantity + " of " + f.series, common, fmt.Sprintf("%.2f", distance)})
	}
	return []string{"fitted", "value tried", "curves", "epochs", "distance"}, rows, s.err
}

// Spent is the time that records took, by method: runs, epochs and hours, as their
// durations add up, with the total last.
func Spent(records []*rddkit.Record) (headers []string, rows [][]any) {
	type sum struct {
		runs, epochs int
		hours        float64
	}
	of, total := map[rddkit.Method]sum{}, sum{}
	for _, r := range records {
		s := of[r.Experiment.Method]
		hours := (floats.Sum(r.LearnSeconds) + floats.Sum(r.TrainSeconds) + floats.Sum(r.TestSeconds)) / 3600
		of[r.Experiment.Method] = sum{s.runs + 1, s.epochs + r.EpochsDone(), s.hours + hours}
		total = sum{total.runs + 1, total.epochs + r.EpochsDone(), total.hours + hours}
	}
	for _, m := range rddkit.Methods() {
		if s, ok := of[m]; ok {
			rows = append(rows, []any{m, s.runs, s.epochs, fmt.Sprintf("%.1f", s.hours)})
		}
	}
	rows = append(rows, []any{"all", total.runs, total.epochs, fmt.Sprintf("%.1f", total.hours)})
	return []string{"method", "runs", "epochs", "hours"}, rows
}

// Machines lists the platforms, processors, Go versions and matrix products that
// the records' sessions name, each once.
func Machines(records []*rddkit.Record) (headers []string, rows [][]any) {
	type place struct{ processor, platform, version, products string }
	count := map[place]int{}
	var order []place
	for _, r := range records {
		for _, s := range r.Provenance.Sessions {
			p := place{fmt.Sprintf("%s, %d cores", s.Processor, s.Cores), s.Platform, s.Go, s.BLAS}
			if count[p]++; count[p] == 1 {
				order = append(order, p)
			}
		}
	}
	for _, p := range order {
		rows = append(rows, []any{count[p], p.processor, p.platform, p.version, p.products})
	}
	return []string{"sessions", "processor", "platform", "Go", "matrix products"}, rows
}

// Banner is the arms of the picture in the main README.
func Banner() (rdd, fa, fast []*rddkit.Record, err error) {
	var s stored
	return s.long(freshly()), s.long(CIFAR(rddkit.FeedbackAlignment)), s.long(fastFA()), s.err
}

// HoursOfTraining is how long the stored training runs of package feedback took.
func HoursOfTraining() (hours float64, err error) {
	for _, task := range []string{"classifier", "autoencoder"} {
		runs, err := feedback.StoredRuns(task)
		if err != nil {
			return 0, err
		}
		for _, r := range runs {
			hours += r.Seconds / 3600
		}
	}
	return hours, nil
}
