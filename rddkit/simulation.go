package rddkit

import (
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// simulation returns how the experiment simulates spiking neurons before an
// epoch: what the methods that use SpikeFields have in common.
func (e Experiment) simulation() align.SimulationOptions {
	options := align.SimulationOptions{
		Time: e.RDDTime, Interval: e.Interval, Drive: e.Drive, Seed: e.Seed, Spike: spike.DefaultParams(),
		ForgetDriven: e.Carry == CarryRegressions || e.Carry == CarryNothing,
	}
	options.Spike.EscapeWidth, options.Spike.RefractorySteps = e.EscapeWidth, e.RefractorySteps
	return options
}

// forgetsEstimates reports whether what was estimated before an epoch is left
// behind.
func (e Experiment) forgetsEstimates() bool { return e.Carry == CarryDriven || e.Carry == CarryNothing }

// checkForget refuses an option that is a field of Experiment.
func checkForget(forget bool) error {
	if forget {
		return invalid.New("Options.Forget", forget, `false: Carry, of an experiment, is "driven" or "nothing" instead`)
	}
	return nil
}
