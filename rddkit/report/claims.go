package report

// Claim is a claim of one of the two documents, in our words.
type Claim struct {
	ID       string // "R1" to "R15" of the report, "T1" to "T14" of the talk
	Says     string
	Where    string // place in the document
	Scale    string // at which the document made it
	Notebook string // that looks into it: a file below notebooks
}

// Claims returns every claim of the report and of the talk (Lansdell 2020), in the
// documents' order.
func Claims() []Claim {
	const (
		network = "CIFAR-10, 100 epochs, one seed"
		pair    = "two neurons, simulation"
		first   = "01_reproduction.ipynb"
		sets    = "02_datasets.ipynb"
		long    = "03_extended_pretraining.ipynb"
		fuzzy   = "04_fuzzy_rdd.ipynb"
		causal  = "05_causal_effect.ipynb"
		noise   = "06_learning_feedback.ipynb"
		arena   = "08_arena.ipynb"
	)
	return []Claim{
		{"R1", "A re-run of the paper's program gives results near identical to the paper's", "Fig. 1, section 4", network, first},
		{"R2", "Sign alignment with RDD ends near 78, 90, 92 % in FC1–FC3, with FA near 51, 58, 86 %", "Fig. 1a", network, first},
		{"R3", "With RDD feedback weights correlate strongly with feedforward weights, with FA hardly, but for FC3", "Fig. 1b, c", network, first},
		{"R4", "R_self falls lower with RDD", "Fig. 1d", network, first},
		{"R5", "The error with RDD ends below that with FA", "Fig. 4 left (training error; the text says test error)", network, first},
		{"R6", "RDD aligns better than FA on five data sets, whatever their dimension and size", "section 5", "five data sets, no figure", sets},
		{"R7", "Network sizes follow the images; several data sets at once shorten the total time", "section 2", "–", sets},
		{"R8", "With doubled RDD time alignment rises fast, beats FA, then gradually falls; the larger window is to blame", "Fig. 2, section 5", network, long},
		{"R9", "The correlation of weights is worse than in Figure 1", "Fig. 2", network, long},
		{"R10", "Yet the error is not as bad as expected: the same weights are not necessary", "Fig. 4 middle", network, long},
		{"R11", "Fuzzy RDD performs worst, and gets worse every epoch", "Fig. 3, section 5", network, fuzzy},
		{"R12", "Its error at first falls faster than extended RDD's, then reaches a similar plateau", "Fig. 4 right", network, fuzzy},
		{"R13", "A spiking neuron's treatment is all or nothing, so fuzzy has nothing to gain", "section 5", "argued", fuzzy},
		{"R14", "RDD pre-training is the slowest part and cannot be parallelised", "section 3", "–", first},
		{"R15", "The mirror of Akrout et al. was left out, RDD being superior in the paper", "section 2", "not run", arena},
		{"T1", "Under correlated noise the observed dependence of reward on spiking is biased", "first half", pair, causal},
		{"T2", "Inputs that bring the neuron close to threshold give an unbiased estimate of its effect", "first half", pair, causal},
		{"T3", "The causal effect relates to the gradient; the rule derived from it learns", "first half", pair, causal},
		{"T4", "Learning trajectories are less biased and converge faster", "first half", pair, causal},
		{"T5", "In a population, learning does not depend on the noise correlation; the special neuron is found faster", "first half", "ten neurons or more", causal},
		{"T6", "In a brain–computer interface the rule changes the control neuron specifically", "first half", "simulation", causal},
		{"T7", "Synapses change more for stimuli near threshold, at equal firing rate", "first half", "prediction", causal},
		{"T8", "REINFORCE is unbiased, but of high variance, and does not scale", "second half", "argued; small networks", noise},
		{"T9", "FA works on small fully connected networks, not on deep ones, CNNs, bottlenecks", "second half", "cited", noise},
		{"T10", "Theorem 1: least-squares feedback weights of the last layer converge to W", "second half", "proof", noise},
		{"T11", "Theorem 2: in linear networks those of all layers do", "second half", "proof", noise},
		{"T12", "In a four-layer network learned feedback approximates the gradient better than random weights", "second half", "MNIST", noise},
		{"T13", "In a five-layer autoencoder FA fails; node perturbation learns faster than BP, comparably to BP with Adam", "second half", "MNIST, 30,000 batches", noise},
		{"T14", "CNN with direct feedback: BP above NP above DFA (CIFAR-10: 76.9, 74.8, 72.4 %; CIFAR-100: 51.2, 48.1, 47.3 %)", "second half", "five runs, about 200 epochs", noise},
	}
}
