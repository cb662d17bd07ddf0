package rddkit

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Method names where the feedback weights of the fully connected layers come
// from: a row of the table of methods, which has the built-in ones (a file of this
// package each) and those that [Register] added.
type Method string

// Route is how errors come down from layer to layer.
type Route int

const (
	// LayerByLayer sends the error of a layer to the one below through feedback
	// weights.
	LayerByLayer Route = iota
	// ThroughForward sends it through the feedforward weights themselves, which a
	// brain could not: backpropagation.
	ThroughForward
	// Direct sends the error at the output to every hidden layer, convolutional
	// ones too, through direct feedback weights. The layer-by-layer feedback weights
	// in the record are then of no use.
	Direct
	// Nowhere sends it to no layer: all but the last keep their first weights.
	Nowhere
)

// Definition defines a method, with options of type O: a struct whose fields
// have JSON names, or struct{} for none.
type Definition[O any] struct {
	// Name is what experiments, flags and run folders call the method: lower-case
	// letters, digits and dashes.
	Name string
	// Label is what figures and tables call it. Default: Name.
	Label string
	// Color is the method's in every figure: a name of chart's palette ("blue",
	// "vermillion", …) or "#rrggbb". Default: one of the palette's.
	Color string
	// Version is that of its results, part of every record's name: raise it when a
	// change of the code changes them, so that no stale record is read. Of methods
	// that [Register] added, a probe tells most such changes, too: see Register.
	// Default 1.
	Version int
	// Route is how errors come down. Default LayerByLayer.
	Route Route
	// Uses are the fields of Experiment, by their JSON names, that only some methods
	// use and this one does: "rdd-time", "drive", …, see [SpikeFields], or "noise".
	// The others are no part of its records' names.
	Uses []string
	// Defaults are the options' values where an experiment leaves them zero.
	Defaults O
	// Check returns an error, best an *invalid.Error, for options that are not
	// allowed. Default: all are.
	Check func(O) error
	// New returns a learner for one run: seeds run at once, and share none. options
	// are complete, e is resolved. What the learner keeps from epoch to epoch is its
	// state, see [align.MarshalState].
	New func(options O, e Experiment) (align.Learner, error)

	rank int // the place of a built-in method among Methods
}

// SpikeFields are the fields of Experiment that say how spiking neurons are
// simulated before an epoch, for Definition.Uses.
var SpikeFields = []string{"rdd-time", "drive", "rdd-epochs", "carry", "interval", "escape-width", "refractory-steps"}

// row is a method in the table. Options are without their type.
type row struct {
	name    Method
	label   string
	color   string
	version int
	route   Route
	uses    []string
	builtIn bool
	rank    int

	defaults any
	parse    func(options any) (any, error) // what JSON or a cell gave, complete and checked
	learner  func(options any, e Experiment) (align.Learner, error)
	probes   *probes
}

var table = struct {
	sync.RWMutex
	rows map[Method]*row
}{rows: make(map[Method]*row)}

var methodName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Register adds a method to the table, or replaces the one of that name that was
// registered before, and returns its name for experiments. In a cell it is the
// value of a variable, which is declared anew in every later cell:
//
//	var mirror = rddkit.Register(rddkit.Definition[options]{Name: "my-mirror", New: …})
//
// From then on the method is as good as a built-in one: it has records that go on
// after a kill, seeds, sweeps, charts and tables. Its records' names cover name,
// version, options and a probe: what the learner does to a small fixed network. So a
// rule whose code changed does not read what the earlier one left.
//
// Register panics with an *invalid.Error on a definition that cannot be.
func Register[O any](d Definition[O]) Method {
	r, err := d.row()
	if err != nil {
		panic(err)
	}
	table.Lock()
	defer table.Unlock()
	if earlier := table.rows[r.name]; earlier != nil && earlier.builtIn {
		panic(invalid.New("Definition.Name", d.Name, "another name than a built-in method's"))
	}
	r.rank = 500
	if r.color == "" {
		r.color = ownColors[len(table.rows)%len(ownColors)]
	}
	table.rows[r.name] = r
	return r.name
}

// ownColors are for methods without a colour of their own.
var ownColors = []string{"#44aa99", "#999933", "#aa4499", "#117733", "#332288"}

// builtIn adds one of the methods that this package has. It is called by init
// functions, of one file for each method.
func builtIn[O any](d Definition[O]) {
	r, err := d.row()
	if err != nil {
		panic(err)
	}
	r.builtIn, r.rank = true, d.rank
	table.rows[r.name] = r
}

func (d Definition[O]) row() (*row, error) {
	switch {
	case !methodName.MatchString(d.Name):
		return nil, invalid.New("Definition.Name", d.Name, "lower-case letters, digits and single dashes, a letter first")
	case d.New == nil:
		return nil, invalid.New("Definition.New", nil, "a function that makes a learner")
	case d.Version < 0:
		return nil, invalid.New("Definition.Version", d.Version, "1 or more, or 0 for 1")
	case d.Route < LayerByLayer || d.Route > Nowhere:
		return nil, invalid.New("Definition.Route", int(d.Route), "LayerByLayer, ThroughForward, Direct or Nowhere")
	}
	for _, name := range d.Uses {
		if !slices.Contains(particular(), name) {
			return nil, invalid.Newf("Definition.Uses", name, "names of the fields %s", strings.Join(particular(), ", "))
		}
	}
	if err := checkOptionsType[O](); err != nil {
		return nil, err
	}
	r := &row{name: Method(d.Name), label: cmp.Or(d.Label, d.Name), color: d.Color, version: cmp.Or(d.Version, 1), route: d.Route,
		uses: slices.Clone(d.Uses), defaults: d.Defaults, probes: new(probes)}
	r.parse = func(given any) (any, error) {
		options, err := parseOptions(given, d.Defaults)
		if err != nil {
			return nil, err
		}
		if d.Check != nil {
			if err := d.Check(options); err != nil {
				return nil, err
			}
		}
		return options, nil
	}
	r.learner = func(options any, e Experiment) (align.Learner, error) { return d.New(options.(O), e) }
	return r, nil
}

// Methods lists every method in the order in which figures show them: those of
// the reports first, backpropagation last.
func Methods() []Method {
	table.RLock()
	defer table.RUnlock()
	return sortedMethods()
}

func sortedMethods() []Method {
	return slices.SortedFunc(maps.Keys(table.rows), func(a, b Method) int {
		return cmp.Or(cmp.Compare(table.rows[a].rank, table.rows[b].rank), cmp.Compare(a, b))
	})
}

// row returns the method's row of the table.
func (m Method) row() (*row, error) {
	table.RLock()
	defer table.RUnlock()
	if r, ok := table.rows[m]; ok {
		return r, nil
	}
	return nil, invalid.Newf("Method", string(m), "one of %s; a method of your own is registered first (rddkit.Register)", joinMethods())
}

func joinMethods() string {
	var names []string
	for _, name := range sortedMethods() {
		names = append(names, string(name))
	}
	return strings.Join(names, ", ")
}

// String returns the method as figures name it; a method that is not in the
// table by its name.
func (m Method) String() string {
	if r, err := m.row(); err == nil {
		return r.label
	}
	return string(m)
}

// Color returns the method's colour in figures: a name of chart's palette, or
// "#rrggbb"; empty for a method that is not in the table.
func (m Method) Color() string {
	if r, err := m.row(); err == nil {
		return r.color
	}
	return ""
}

// DefaultOptions returns the method's options with their default values, nil if
// it has none or is not in the table.
func (m Method) DefaultOptions() any {
	r, err := m.row()
	if err != nil || isEmpty(r.defaults) {
		return nil
	}
	return r.defaults
}

// Usage describes the methods for a command's help: name, label and options.
func Usage() string {
	var b strings.Builder
	for _, m := range Methods() {
		fmt.Fprintf(&b, "  %-26s %s", string(m), m)
		if o := m.DefaultOptions(); o != nil {
			fmt.Fprintf(&b, " (-options %s)", formatOptions(optionsMap(o)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (r *row) usesField(name string) bool { return slices.Contains(r.uses, name) }
