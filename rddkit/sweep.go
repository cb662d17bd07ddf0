package rddkit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/show"
)

// Sweep is [Run] for several experiments, as many at once as there are cores;
// records[i] is that of experiments[i]. See [Runner.Sweep].
func Sweep(ctx context.Context, experiments ...Experiment) (records []*Record, err error) {
	progress := show.NewProgress("running")
	defer progress.Done()
	return (&Runner{Progress: progress.Update}).Sweep(ctx, experiments...)
}

// SweepSeeds is [Sweep] for n seeds of each experiment ([Seeds]): records[i] are
// those of experiments[i].
func SweepSeeds(ctx context.Context, n int, experiments ...Experiment) (records [][]*Record, err error) {
	var all []Experiment
	for _, e := range experiments {
		all = append(all, Seeds(n, e)...)
	}
	flat, err := Sweep(ctx, all...)
	if err != nil || n < 1 {
		return nil, err
	}
	return slices.Collect(slices.Chunk(flat, n)), nil
}

// Sweep runs several experiments, each with a record of its own; records[i] is
// that of experiments[i]. As many are at work at once as Cores and Memory allow.
// Of those that differ in their epochs only the longer go on where the shorter
// stopped. What is wrong with any of them is told before any work. The first
// error stops the others; with KeepGoing it does not, records[i] is nil for those
// that failed, and the error joins theirs.
func (r *Runner) Sweep(ctx context.Context, experiments ...Experiment) ([]*Record, error) {
	chains, err := r.plan(experiments)
	if err != nil {
		return nil, err
	}
	if r.Slurm != nil {
		if err := r.asTask(ctx, chains); err != nil {
			return nil, err
		}
		return r.sweepSlurm(ctx, len(experiments), chains)
	}
	records, failures := make([]*Record, len(experiments)), make([]error, len(experiments))
	total, sets := jobs.NewSum(len(experiments), r.Progress), new(sets)
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	chains = r.readFinished(root, chains, records, total)
	var arrivals sync.Mutex
	for _, c := range chains {
		sets.expect(c.experiments)
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(r.cores())
	memory := semaphore.NewWeighted(max(r.Memory, 1))
	for _, c := range chains {
		if memory.Acquire(within, c.memory) != nil {
			break // group.Wait knows why, or ctx
		}
		group.Go(func() error {
			defer memory.Release(c.memory)
			for k, e := range c.experiments {
				i := c.indices[k]
				records[i], failures[i] = r.watched(within, e, sets, total.Part(i))
				sets.release(e)
				switch err := failures[i]; {
				case err != nil && !r.KeepGoing:
					return err
				case err != nil:
					failures[i] = fmt.Errorf("%s: %w", c.names[k], err)
				default:
					arrivals.Lock()
					r.arrived(records[i])
					arrivals.Unlock()
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	err = errors.Join(failures...)
	if err == nil && slices.Contains(records, nil) {
		err = ctx.Err() // some were not begun
	}
	return records, err
}

// arrived tells of a record that is complete.
func (r *Runner) arrived(record *Record) {
	if r.Arrived != nil {
		r.Arrived(record)
	}
}

// readFinished reads the records that are complete, and returns what is left of
// the chains.
func (r *Runner) readFinished(root string, chains []*chain, records []*Record, total *jobs.Sum) (left []*chain) {
	var names []string
	for _, c := range chains {
		names = append(names, c.names...)
	}
	found := readIndex(root).finished(names)
	at := 0
	for _, c := range chains {
		rest := &chain{memory: c.memory}
		for k, i := range c.indices {
			record := found[at]
			if at++; record != nil {
				records[i] = record
				total.Part(i)(1, 1, record.Label()+": read from disk")
				r.arrived(record)
				continue
			}
			rest.indices, rest.experiments, rest.names = append(rest.indices, i), append(rest.experiments, c.experiments[k]), append(rest.names, c.names[k])
		}
		if len(rest.names) > 0 {
			left = append(left, rest)
		}
	}
	return left
}

// chain is of experiments that must follow each other, and the memory in bytes
// that the largest needs, 0 where it is not counted.
type chain struct {
	indices     []int // in the sweep
	experiments []Experiment
	names       []string // of their records
	memory      int64
}

// plan resolves all experiments and puts those whose records meet into one chain.
func (r *Runner) plan(experiments []Experiment) ([]*chain, error) {
	if r.Cores < 0 {
		return nil, invalid.New("Runner.Cores", r.Cores, "1 or more, or 0 for all")
	}
	if r.Memory < 0 {
		return nil, invalid.New("Runner.Memory", r.Memory, "a number of bytes, or 0 for no bound")
	}
	var chains []*chain
	byStem := make(map[string]*chain)
	for i, e := range experiments {
		e, err := e.Resolve()
		if err != nil {
			return nil, err
		}
		stem, err := e.stem()
		if err != nil {
			return nil, err
		}
		c, ok := byStem[stem]
		if !ok {
			c = new(chain)
			byStem[stem] = c
			chains = append(chains, c)
		}
		at, _ := slices.BinarySearchFunc(c.experiments, e, func(a, b Experiment) int { return a.Epochs - b.Epochs })
		c.experiments, c.indices = slices.Insert(c.experiments, at, e), slices.Insert(c.indices, at, i)
		c.names = slices.Insert(c.names, at, fmt.Sprintf("%s-%d", stem, e.Epochs))
		if r.Memory > 0 {
			need, err := e.Memory()
			if err != nil {
				return nil, err
			}
			if need > r.Memory {
				name, _ := e.Name()
				return nil, invalid.Newf("Runner.Memory", fmt.Sprintf("%d MB", r.Memory/1e6), "at least %d MB, which %s needs", (need+1e6-1)/1e6, name)
			}
			c.memory = max(c.memory, need)
		}
	}
	return chains, nil
}

// Part returns the experiments of part k of n, k from 1, so that n processes that
// are given the same experiments share them out. Those whose records meet are in
// one part.
func Part(k, n int, experiments ...Experiment) ([]Experiment, error) {
	if n < 1 || k < 1 || k > n {
		return nil, invalid.New("part", fmt.Sprintf("%d of %d", k, n), "1 of 1, or from 1 to a larger number of parts")
	}
	chains, err := new(Runner).plan(experiments)
	if err != nil {
		return nil, err
	}
	var part []Experiment
	for i := k - 1; i < len(chains); i += n {
		part = append(part, chains[i].experiments...)
	}
	return part, nil
}

func (r *Runner) cores() int {
	if r.Cores > 0 {
		return r.Cores
	}
	return runtime.GOMAXPROCS(0)
}

// watched is run with a display of its own.
func (r *Runner) watched(ctx context.Context, e Experiment, sets *sets, tell func(done, total int, text string)) (*Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.Watch == nil {
		return r.run(ctx, e, sets, tell)
	}
	display := r.Watch(e)
	defer display.Done()
	return r.run(ctx, e, sets, func(done, total int, text string) {
		display.Update(done, total, text)
		tell(done, total, text)
	})
}

// Memory estimates how many bytes a process needs to carry the experiment out:
// images, weights, what a batch leaves in the layers, spiking neurons, and half as
// much again for the garbage collector. It fails as [Experiment.Resolve] does.
func (e Experiment) Memory() (int64, error) {
	e, err := e.Resolve()
	if err != nil {
		return 0, err
	}
	info, err := dataset.Describe(e.Dataset)
	if err != nil {
		return 0, err
	}
	specs, err := e.specs(info.Channels, info.Side, info.Classes)
	if err != nil {
		return 0, err
	}
	weights, _ := nn.CountWeights(nn.Shape{Channels: info.Channels, Rows: info.Side, Columns: info.Side}, specs...)
	images := limited(info.TrainRows, e.TrainLimit) + limited(info.TestRows, e.TestLimit)
	// Bytes per weight of a fully connected layer, and per pixel of a batch, as
	// measured with 0.1 to 0.7 million weights and images of 16×16 to 32×32.
	bytes := 4_000_000 + 20*weights + 500*e.BatchSize*info.Side*info.Side + images*info.Channels*info.Side*info.Side
	switch method, _ := e.Method.row(); {
	case method.usesField("rdd-time"):
		bytes += 25_000_000 + 48*weights
	case method.usesField("noise"):
		bytes += 25 * weights
	}
	const runtime = 30_000_000 // program, stacks, buffers of matrix products
	return int64(bytes)*3/2 + runtime, nil
}

func limited(rows, limit int) int {
	if limit > 0 {
		return min(rows, limit)
	}
	return rows
}

// sets loads each data set once for all runs of a sweep, and lets it go after the
// last of those that it was told to expect.
type sets struct {
	mutex    sync.Mutex
	loaded   map[string]*dataset.Set
	expected map[string]int // runs to come
}

func (s *sets) key(e Experiment) string { return fmt.Sprint(e.Dataset, e.TrainLimit, e.TestLimit) }

func (s *sets) expect(experiments []Experiment) {
	if s.expected == nil {
		s.expected = make(map[string]int)
	}
	for _, e := range experiments {
		s.expected[s.key(e)]++
	}
}

func (s *sets) release(e Experiment) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key := s.key(e)
	if s.expected[key]--; s.expected[key] == 0 {
		delete(s.loaded, key)
	}
}

func (s *sets) load(ctx context.Context, e Experiment, options dataset.Options, tell func(done, total int, text string)) (*dataset.Set, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if set, ok := s.loaded[s.key(e)]; ok {
		return set, nil
	}
	options.TrainLimit, options.TestLimit = e.TrainLimit, e.TestLimit
	if options.Progress == nil && tell != nil {
		options.Progress = func(file string, done, total int64) {
			tell(0, 0, fmt.Sprintf("fetching %s: %d of %d MB", file, done/1e6, total/1e6))
		}
	}
	set, err := dataset.Load(ctx, e.Dataset, options)
	if err != nil {
		return nil, err
	}
	if s.loaded == nil {
		s.loaded = make(map[string]*dataset.Set)
	}
	s.loaded[s.key(e)] = set
	return set, nil
}
