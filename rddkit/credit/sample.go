package credit

import "github.com/weightalign/lab/rddkit/rd"

// Sample returns a neuron's blocks as a sample for package rd: the drive is the
// running variable, the cost the outcome. Every trialSeconds, rounded down to whole
// blocks but one at least, are one trial, and trials are the clusters: filtered trains last from
// block to block, so that neighbouring blocks are not independent. 0 makes no
// clusters.
func (r *SimulatedBlocks) Sample(neuron int, cost BlockCost, trialSeconds float64) rd.Sample {
	s := rd.Sample{X: r.Drive[neuron], Y: r.Costs(cost)}
	if trialSeconds > 0 {
		blocks, err := r.Population.blocksIn(max(trialSeconds, r.Population.blockSeconds()))
		if err != nil { // longer than any run
			blocks = r.Blocks
		}
		s.Cluster = make([]int, r.Blocks)
		for b := range s.Cluster {
			s.Cluster[b] = b / blocks
		}
	}
	return s
}
