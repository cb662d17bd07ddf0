package dataset

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Register makes the data set that load returns known under a name, which it
// returns, so that a notebook cell can say
//
//	var bars = dataset.Register("bars", func(ctx context.Context) (*dataset.Set, error) { … })
//
// and use bars as a data set's name. load is called when the set is first asked
// for, and not again; [New] and [Draw] make a set, and one that [Load] gives may
// be changed. Registering a name again replaces what it stood for.
//
// A name is 1 to 64 letters, digits, "-", "_" and ".", and no known set's. Where
// it is not, or load fails, panics or returns a set that [New] would refuse,
// that is an error of [Load], [Describe] and [Identity].
func Register(name string, load func(ctx context.Context) (*Set, error)) string {
	registry.Lock()
	defer registry.Unlock()
	if !slices.Contains(registry.names, name) {
		registry.names = append(registry.names, name)
	}
	registry.sets[name] = &function{name: name, load: load}
	return name
}

// registry has the functions by name, and the names in order.
var registry = struct {
	sync.Mutex
	names []string
	sets  map[string]*function
}{sets: make(map[string]*function)}

func registered(name string) (*own, bool) {
	registry.Lock()
	defer registry.Unlock()
	f, ok := registry.sets[name]
	if !ok {
		return nil, false
	}
	return &own{name: name, title: "a registered function", read: f.contents}, true
}

func registeredNames() []string {
	registry.Lock()
	defer registry.Unlock()
	return slices.Clone(registry.names)
}

// function is a registered function, and what it returned.
type function struct {
	name string
	load func(ctx context.Context) (*Set, error)
	sync.Mutex
	set *Set
}

// loading is the key of the names of those functions that are at work in a
// context: one that asks for itself would wait for ever.
type loading struct{ name string }

func (f *function) contents(ctx context.Context, _ bool) (ownContents, error) {
	if err := f.check(); err != nil {
		return ownContents{}, err
	}
	if ctx.Value(loading{f.name}) != nil {
		return ownContents{}, invalid.New("its function", "in need of the set itself", "one that makes the set")
	}
	f.Lock()
	defer f.Unlock()
	if f.set == nil {
		set, err := f.call(context.WithValue(ctx, loading{f.name}, true))
		if err != nil {
			return ownContents{}, err
		}
		f.set = set
	}
	return contentsOf(f.set), nil
}

// check looks at the registration.
func (f *function) check() error {
	switch {
	case f.name == "" || len(f.name) > maxName || strings.Trim(f.name, labelSigns) != "" || strings.Trim(f.name, ".") == "":
		return invalid.Newf("name of a registered data set", f.name, "1 to %d letters, digits, \"-\", \"_\" and \".\"", maxName)
	case slices.ContainsFunc(manifest, func(info Info) bool { return info.Name == f.name }):
		return invalid.New("name of a registered data set", f.name, "one that no known data set has")
	case f.load == nil:
		return invalid.New("its function", "nil", "one that makes the set")
	}
	return nil
}

// call calls the function and checks what it returns.
func (f *function) call(ctx context.Context) (set *Set, err error) {
	defer func() {
		if p := recover(); p != nil {
			set, err = nil, fmt.Errorf("its function panicked: %v", p)
		}
	}()
	given, err := f.load(ctx)
	if err != nil {
		return nil, err
	}
	if given == nil {
		return nil, invalid.New("what its function returned", "neither a set nor an error", "a set")
	}
	whole := *given
	whole.Name = f.name
	err = whole.complete([2]halfNames{{"Train", "Train.Labels"}, {"Test", "Test.Labels"}})
	return &whole, err
}
