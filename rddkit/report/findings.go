package report

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/spike"
)

// CIFAR is the experiment of the report's figures, by a method.
func CIFAR(method rddkit.Method) rddkit.Experiment {
	return rddkit.Experiment{Dataset: "cifar10", Method: method}
}

// OfReport judges the report's claims R1 to R15 by the stored runs. What is not
// stored makes a claim "not testable here".
func OfReport() ([]Finding, error) {
	var s stored
	findings := []Finding{
		s.near(), s.levels(), s.clouds(), s.rSelf(), s.errors(), s.sets(), s.sizes(), s.doubled(), s.worse(),
		s.accurate(), s.fuzzyWorst(), s.fuzzyErrors(), s.nothingToGain(), s.slowest(), s.mirror(),
	}
	return findings, s.err
}

// stored reads stored runs, and keeps the first error.
type stored struct{ err error }

// mostSeeds is how many seeds are looked for.
const mostSeeds = 5

// of returns the stored seeds of an experiment.
func (s *stored) of(e rddkit.Experiment) []*rddkit.Record {
	records, err := rddkit.StoredSeeds(mostSeeds, e)
	if err != nil && s.err == nil {
		s.err = err
	}
	return records
}

// long returns that of an experiment's seeds which got farthest, as a list of one,
// or none.
func (s *stored) long(e rddkit.Experiment) []*rddkit.Record {
	var best []*rddkit.Record
	for _, r := range s.of(e) {
		if best == nil || r.EpochsDone() > best[0].EpochsDone() {
			best = []*rddkit.Record{r}
		}
	}
	return best
}

// Common is the number of epochs that all records have done, 0 of none.
func Common(sets ...[]*rddkit.Record) int {
	common := math.MaxInt
	for _, set := range sets {
		if len(set) == 0 {
			return 0
		}
		for _, r := range set {
			common = min(common, r.EpochsDone())
		}
	}
	return common
}

// The arms of the report's figures; see [Compare].
func freshly() rddkit.Experiment {
	e := CIFAR(rddkit.RDD)
	e.Drive = spike.Fresh
	return e
}

func fastFA() rddkit.Experiment {
	e := CIFAR(rddkit.FeedbackAlignment)
	e.LearningRate = 0.05
	return e
}

func batches1024(e rddkit.Experiment) rddkit.Experiment {
	e.BatchSize = 1024
	return e
}

func doubled(e rddkit.Experiment) rddkit.Experiment {
	e.RDDTime = 180
	return e
}

func scale(what string, records []*rddkit.Record) string {
	if len(records) == 0 {
		return "not stored"
	}
	return fmt.Sprintf("%s, %d epochs, n = %d", what, Common(records), len(records))
}

func (s *stored) near() Finding {
	ours := s.long(freshly())
	far := Distance(ours, 0, 99, Select("Fig. 1(a)", SignAlignmentQuantity, "RDD")...)
	return Finding{"R1", fmt.Sprintf("the paper's own curves are not in our data; ours are %.2f points from the report's Fig. 1a (root mean square, RDD)", far),
		scale("CIFAR-10", ours), NotTestable}
}

// levels compares the means of the last five epochs.
func (s *stored) levels() Finding {
	var text string
	var parts []Verdict
	var ours []*rddkit.Record
	for _, arm := range []struct {
		name, series string
		e            rddkit.Experiment
		judged       bool
	}{{"RDD", "RDD", freshly(), true}, {"FA (0.05)", "FA", fastFA(), true}, {"FA (0.01, not judged)", "FA", CIFAR(rddkit.FeedbackAlignment), false}} {
		ours = s.long(arm.e)
		last := Common(ours) - 1
		text += arm.name
		for _, c := range Select("Fig. 1(a)", SignAlignmentQuantity, arm.series) {
			if last < 5 {
				continue
			}
			mine := rddkit.Mean(ours, rddkit.Quantity(c.of).Between(last-4, last))
			theirs := stat.Mean(c.Values[last-4:last+1], nil)
			if arm.judged {
				parts = append(parts, Near(mine, theirs, 2))
			}
			text += fmt.Sprintf(" %.1f (%+.1f)", mine.Mean, mine.Mean-theirs)
		}
		text += "; "
	}
	return Finding{"R2", text + "in brackets less the report in the same epochs, near is within 2", scale("CIFAR-10", ours), All("the layer", parts...)}
}

// correlations are those of feedback with feedforward weights.
func (s *stored) correlations(e rddkit.Experiment) (r []float64) {
	for _, record := range s.long(e) {
		for layer := 1; layer <= record.Layers(); layer++ {
			w, b, err := record.Pairs(layer)
			if err != nil {
				s.err = err
				return nil
			}
			r = append(r, stat.Correlation(w, b, nil))
		}
	}
	return r
}

func (s *stored) clouds() Finding {
	rdd, fa := s.correlations(freshly()), s.correlations(fastFA())
	verdict := NotTestable
	if len(rdd) == 3 && len(fa) == 3 {
		verdict = DoesNot
		if min(rdd[0], rdd[1], rdd[2]) > 0.5 && max(fa[0], fa[1]) < 0.3 && fa[2] > 0.5 {
			verdict = Agrees
		}
	}
	return Finding{"R3", fmt.Sprintf("correlations in FC1–FC3: RDD %.2f, FA (0.05) %.2f; strong is above 0.5, hardly below 0.3", rdd, fa), scale("CIFAR-10", s.long(freshly())), verdict}
}

func (s *stored) rSelf() Finding {
	rdd, text := s.long(freshly()), "RDD less FA, FC1–FC3:"
	var parts []Part
	for _, arm := range []struct {
		name string
		e    rddkit.Experiment
	}{{"0.01", CIFAR(rddkit.FeedbackAlignment)}, {"0.05", fastFA()}} {
		fa := s.long(arm.e)
		last := Common(rdd, fa) - 1
		text += " FA with " + arm.name
		for layer := 1; layer <= 3; layer++ {
			self := rddkit.Quantity(func(r *rddkit.Record) []float64 { return r.RSelf(layer) })
			d := rddkit.Paired(rdd, fa, self.At(last))
			parts = append(parts, Part{fmt.Sprintf("FC%d against FA with %s", layer, arm.name), Below(d)})
			text += fmt.Sprintf(" %+.1f", d.Mean)
		}
		text += ";"
	}
	return Finding{"R4", text[:len(text)-1], scale("CIFAR-10", rdd), Split("layer and learning rate", parts...)}
}

// errors compares at equal settings, over all seeds, and as the report did.
func (s *stored) errors() Finding {
	rdd, fa := s.of(freshly()), s.of(CIFAR(rddkit.FeedbackAlignment))
	at := Common(rdd, fa)
	train, test := rddkit.Paired(rdd, fa, rddkit.TrainErrors.At(at)), rddkit.Paired(rdd, fa, rddkit.TestErrors.At(at))
	theirs := rddkit.Paired(s.long(batches1024(CIFAR(rddkit.RDD))), s.long(fastFA()), rddkit.TrainErrors.At(min(Common(s.long(batches1024(CIFAR(rddkit.RDD)))), Common(s.long(fastFA())))))
	text := fmt.Sprintf("RDD less FA after %d epochs, equal settings: training %s, test %s points; as in the report's figure (RDD accumulating, batches of 1024; FA 128, 0.05): training %s",
		at, train.Signed(), test.Signed(), theirs.Signed())
	return Finding{"R5", text, fmt.Sprintf("CIFAR-10, %d epochs, n = %d", at, test.Seeds), All("the settings", Below(train), Below(test), Below(theirs))}
}

func (s *stored) sets() Finding {
	least, where, n := math.Inf(1), "", 0
	var parts []Verdict
	for _, set := range []string{"cifar10", "mnist", "fashion-mnist", "kmnist-10k", "usps"} {
		e := rddkit.Experiment{Dataset: set, Drive: spike.Fresh, TrainLimit: 2000, TestLimit: 1000, BatchSize: 32, Epochs: 3}
		fa := e
		fa.Method = rddkit.FeedbackAlignment
		for layer := 1; layer <= 3; layer++ {
			d := rddkit.Paired(s.of(e), s.of(fa), rddkit.Signs(layer).At(2))
			parts = append(parts, Above(d))
			if d.Mean < least {
				least, where, n = d.Mean, fmt.Sprintf("FC%d of %s: %s", layer, set, d.Signed()), d.Seeds
			}
		}
	}
	return Finding{"R6", "RDD less FA, the least of 15 differences of sign alignment, " + where + " points (the sizes themselves are varied in the notebook)",
		fmt.Sprintf("2,000 images, 3 epochs, five data sets, n = %d", n), All("the data set or layer", parts...)}
}

// sizes are the inputs of FC1 for the images of each shape.
func (s *stored) sizes() Finding {
	text := "inputs of FC1:"
	for _, name := range []string{"cifar10", "mnist", "usps"} {
		info, err := dataset.Describe(name)
		if err != nil {
			s.err = err
			return Finding{ID: "R7", Verdict: NotTestable}
		}
		shape := nn.Shape{Channels: info.Channels, Rows: info.Side, Columns: info.Side}
		specs, err := nn.ParseText(nn.ReportText, shape, info.Classes)
		if err != nil {
			s.err = err
			continue
		}
		network, err := nn.New(shape, nn.DoubleSoftmax, 0, specs...)
		if err != nil {
			s.err = err
			continue
		}
		text += fmt.Sprintf(" %s %d,", name, network.Layers[2].Shape[1])
	}
	return Finding{"R7", text[:len(text)-1] + "; times of several at once are not measured", "five data sets", DependsOn("the machine, in its second half")}
}

func (s *stored) doubled() Finding {
	long, short := s.of(batches1024(doubled(CIFAR(rddkit.RDD)))), s.of(batches1024(CIFAR(rddkit.RDD)))
	signs := rddkit.Signs(1)
	if len(long) == 0 || len(short) == 0 {
		return Finding{ID: "R8", Verdict: NotTestable}
	}
	curve := signs(s.long(batches1024(doubled(CIFAR(rddkit.RDD))))[0])
	peak := 0
	for epoch, v := range curve {
		if v > curve[peak] {
			peak = epoch
		}
	}
	fall := rddkit.EstimateOf(rddkit.Last(curve) - curve[peak])
	last := Common(long, short) - 1
	moving := rddkit.Paired(long, short, signs.Between(last-min(9, last), last))
	still := func(e rddkit.Experiment) []*rddkit.Record {
		e.Epochs = 10
		return s.of(e.AtRest())
	}
	resting := rddkit.Paired(still(doubled(CIFAR(rddkit.RDD))), still(CIFAR(rddkit.RDD)), signs.At(9))
	text := fmt.Sprintf("FC1 with 180 s peaks in epoch %d and ends %s points lower; 180 s less 90 s while training: %s (n = %d), on weights that stand still: %s (n = %d)",
		peak, rddkit.EstimateOf(-fall.Mean), moving.Signed(), moving.Seeds, resting.Signed(), resting.Seeds)
	return Finding{"R8", text, scale("CIFAR-10", long), Split("the part", Part{"alignment falls", Below(fall)}, Part{"more time costs it while the network trains", Below(moving)}, Part{"more time costs it at weights that stand still", Below(resting)})}
}

func (s *stored) worse() Finding {
	long, first := s.correlations(batches1024(doubled(CIFAR(rddkit.RDD)))), s.correlations(freshly())
	var parts []Verdict
	for i := range min(len(long), len(first)) {
		parts = append(parts, Below(rddkit.EstimateOf(long[i]-first[i])))
	}
	return Finding{"R9", fmt.Sprintf("correlations in FC1–FC3: %.2f with 180 s, %.2f in Figure 1's run (which also differs in batch and drive)", long, first),
		scale("CIFAR-10", s.long(freshly())), All("the layer", parts...)}
}

func (s *stored) accurate() Finding {
	long, fa := s.of(batches1024(doubled(CIFAR(rddkit.RDD)))), s.of(batches1024(CIFAR(rddkit.FeedbackAlignment)))
	at := Common(long, fa)
	train, test := rddkit.Paired(long, fa, rddkit.TrainErrors.At(at)), rddkit.Paired(long, fa, rddkit.TestErrors.At(at))
	return Finding{"R10", fmt.Sprintf("180 s less FA, both batches of 1024: training error %s, test error %s points", train.Signed(), test.Signed()),
		scale("CIFAR-10", long), All("training or test", Below(train), Below(test))}
}

func (s *stored) fuzzyWorst() Finding {
	fuzzy, sharp := s.of(batches1024(CIFAR(rddkit.FuzzyRDD))), s.of(batches1024(CIFAR(rddkit.RDD)))
	at := Common(fuzzy, sharp)
	if at == 0 {
		return Finding{ID: "R11", Verdict: NotTestable}
	}
	train, test := rddkit.Paired(fuzzy, sharp, rddkit.TrainErrors.At(at)), rddkit.Paired(fuzzy, sharp, rddkit.TestErrors.At(at))
	text := fmt.Sprintf("fuzzy less sharp, both accumulating, batches of 1024, after %d epochs: training %s, test %s points; FC1–FC3 from epoch 0 to the end:", at, train.Signed(), test.Signed())
	parts := []Verdict{Above(train), Above(test)}
	for layer := 1; layer <= 3; layer++ {
		change := rddkit.Mean(fuzzy, rddkit.Signs(layer).Since(0))
		parts = append(parts, Below(change))
		text += " " + change.Signed()
	}
	return Finding{"R11", text, scale("CIFAR-10", fuzzy), All("the layer", parts...)}
}

func (s *stored) fuzzyErrors() Finding {
	fuzzy, long := s.of(batches1024(CIFAR(rddkit.FuzzyRDD))), s.of(batches1024(doubled(CIFAR(rddkit.RDD))))
	at := Common(fuzzy, long)
	first, end := rddkit.Paired(fuzzy, long, rddkit.TrainErrors.Between(1, 5)), rddkit.Paired(fuzzy, long, rddkit.TrainErrors.At(at))
	return Finding{"R12", fmt.Sprintf("fuzzy less 180 s, training error: epochs 1 to 5 %s, epoch %d %s points (similar is within 2)", first.Signed(), at, end.Signed()),
		scale("CIFAR-10", fuzzy), Split("the part", Part{"faster at first", Below(first)}, Part{"a similar plateau", Near(end, 0, 2)})}
}

func (s *stored) nothingToGain() Finding {
	e := rddkit.Experiment{Epochs: 5}
	sharp, text := s.of(e), "less sharp, test error:"
	var parts []Verdict
	n := 0
	for _, method := range []rddkit.Method{rddkit.FuzzyRDD, rddkit.FuzzyWald} {
		e.Method = method
		d := rddkit.Paired(s.of(e), sharp, rddkit.TestErrors.At(5))
		parts, n = append(parts, Near(d, 0, 0)), d.Seeds
		text += fmt.Sprintf(" %s %s,", method, d.Signed())
	}
	return Finding{"R13", text[:len(text)-1] + " points (nothing to gain is 0 within two s.e.; where some cross over, see the notebook)",
		fmt.Sprintf("fashion-mnist-10k, 5 epochs, n = %d", n), All("the estimator", parts...)}
}

func (s *stored) slowest() Finding {
	records := s.of(freshly())
	share := rddkit.Mean(records, func(r *rddkit.Record) float64 {
		learn := floats.Sum(r.LearnSeconds)
		return 100 * learn / (learn + floats.Sum(r.TrainSeconds) + floats.Sum(r.TestSeconds))
	})
	half := share
	half.Mean -= 50 // the slowest part takes more than half
	verdict := Above(half)
	if verdict == DoesNot {
		verdict = DependsOn("the program: ours does not bear it out")
	}
	return Finding{"R14", fmt.Sprintf("the RDD phases take %s %% of our time, spread over the cores; the published program's takes minutes (the README's table of speed)", share),
		scale("CIFAR-10", records), verdict}
}

// mirror sets stored runs of the weight mirror beside those of RDD with their other
// settings, where there are any.
func (s *stored) mirror() Finding {
	all, err := rddkit.Stored()
	if err != nil {
		s.err = err
	}
	var parts []Verdict
	var text string
	seen := map[string]bool{}
	for _, r := range all {
		if m := r.Experiment.Method; m != rddkit.WeightMirror && m != rddkit.CleanWeightMirror {
			continue
		}
		e := r.Experiment
		e.Seed = 0
		mirrors := s.of(e)
		e.Method, e.Options, e.Drive = rddkit.RDD, nil, spike.Fresh
		rdd := s.of(e)
		at := Common(rdd, mirrors)
		name := fmt.Sprintf("%s, %s, %d epochs", r.Label(), e.Dataset, at)
		if at == 0 || seen[name] {
			continue
		}
		seen[name] = true
		d := rddkit.Paired(rdd, mirrors, rddkit.TestErrors.At(at))
		parts = append(parts, Below(d))
		text += fmt.Sprintf("%s: %s points (n = %d); ", name, d.Signed(), d.Seeds)
	}
	if text == "" {
		return Finding{"R15", "the mirror is one of the methods here, but no run of it is stored beside RDD's", "see the notebook", NotTestable}
	}
	return Finding{"R15", "test error of RDD less the mirror's, " + text[:len(text)-2], "as in the row", All("the mirror and the data", parts...)}
}
