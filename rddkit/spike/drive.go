package spike

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Drive names the rule by which the driven neurons of a layer are redrawn:
// one of the two below, or one that [RegisterDrive] added. The empty Drive is
// Accumulating.
type Drive string

const (
	// Accumulating adds each redraw to the neurons driven already and never
	// removes one, over phases and epochs. This is how the published program
	// really behaves.
	Accumulating Drive = "accumulating"
	// Fresh replaces the driven neurons at each redraw, as the paper says.
	Fresh Drive = "fresh"
)

// Redraw is one redraw of the driven neurons of one layer.
type Redraw struct {
	Layer    int     // counted from the lowest, 0
	Number   int     // of redraws that came before in this run
	Epoch    uint64  // of runs that came before
	Fraction float64 // Params.DrivenFraction
	// Driven has a flag for each neuron, to be set. It holds what the redraw
	// before left, and at first what the run before left, or none.
	Driven []bool
	Random *rand.Rand // a stream of this redraw's own
}

// Choose returns a random subset of n neurons, Fraction·n rounded down, as
// flags: each subset of that size is equally likely.
func (r Redraw) Choose() []bool {
	// Floyd's algorithm.
	n := len(r.Driven)
	chosen := make([]bool, n)
	for j := n - int(r.Fraction*float64(n)); j < n; j++ {
		i := r.Random.IntN(j + 1)
		if chosen[i] {
			i = j
		}
		chosen[i] = true
	}
	return chosen
}

var drives = struct {
	sync.RWMutex
	rules map[Drive]func(Redraw)
}{rules: map[Drive]func(Redraw){Accumulating: accumulate, Fresh: refresh}}

func accumulate(r Redraw) {
	for i, chosen := range r.Choose() {
		r.Driven[i] = r.Driven[i] || chosen
	}
}

func refresh(r Redraw) { copy(r.Driven, r.Choose()) }

// RegisterDrive adds a rule under a name of letters, digits, dashes and dots, or
// replaces the one of that name, and returns it as a Drive for experiments. redraw
// is called for every layer but the last, before step 0 and at each later redraw
// ([Params].RedrawSteps), and sets Driven; what it leaves is carried over to the
// next run. It must depend on its argument alone. RegisterDrive panics on a name
// that cannot be, or that is one of the two built-in ones.
func RegisterDrive(name string, redraw func(Redraw)) Drive {
	d := Drive(name)
	switch {
	case d == Accumulating || d == Fresh:
		panic(invalid.New("drive", name, "another name than the built-in rules'"))
	case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != "":
		panic(invalid.New("drive", name, "a name of letters, digits, dashes and dots"))
	case redraw == nil:
		panic(invalid.New("redraw", nil, "a function"))
	}
	drives.Lock()
	defer drives.Unlock()
	drives.rules[d] = redraw
	return d
}

// Drives lists the rules: the built-in ones, then the others by name.
func Drives() []Drive {
	drives.RLock()
	defer drives.RUnlock()
	own := slices.Sorted(maps.Keys(drives.rules))
	own = slices.DeleteFunc(own, func(d Drive) bool { return d == Accumulating || d == Fresh })
	return append([]Drive{Accumulating, Fresh}, own...)
}

// rule returns the rule of that name.
func (d Drive) rule() (func(Redraw), error) {
	drives.RLock()
	redraw, ok := drives.rules[d.OrDefault()]
	drives.RUnlock()
	if !ok {
		return nil, invalid.New("drive", string(d), d.allowed())
	}
	return redraw, nil
}

func (Drive) allowed() string {
	names := make([]string, 0, 4)
	for _, d := range Drives() {
		names = append(names, string(d))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1] + " (a rule of your own: spike.RegisterDrive)"
}

// OrDefault returns the rule, Accumulating for the empty one.
func (d Drive) OrDefault() Drive {
	if d == "" {
		return Accumulating
	}
	return d
}

// Validate returns an *invalid.Error unless there is such a rule.
func (d Drive) Validate() error {
	_, err := d.rule()
	return err
}

// Probe says what the rule does, in short: a digest of its redraws of two small
// layers. It is empty for the built-in rules, so that a record of a registered
// rule is told from one of a rule of the same name that does another thing.
func (d Drive) Probe() (string, error) {
	redraw, err := d.rule()
	if err != nil || d.OrDefault() == Accumulating || d == Fresh {
		return "", err
	}
	sum := sha256.New()
	for layer, neurons := range []int{40, 23} {
		for epoch := range uint64(2) {
			driven := make([]bool, neurons)
			for number := range 12 {
				redraw(Redraw{layer, number, epoch, DefaultParams().DrivenFraction, driven, stream.New(1, "probe", epoch, uint64(layer), uint64(number))})
				fmt.Fprintln(sum, driven)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:4]), nil
}
