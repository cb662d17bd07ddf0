package reference

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Numbers are the numbers of a JSON file by their paths, e.g.
// "A1.c=0.5.quad.neuron1.rd_const.2.0". They know which of them were read.
type Numbers struct {
	values map[string]float64
	read   map[string]bool
}

// Numbers returns the numbers of the fixture's JSON file. "inf" is one.
func (f *Fixture) Numbers() *Numbers {
	f.t.Helper()
	n := &Numbers{map[string]float64{}, map[string]bool{}}
	var file any
	f.JSON(&file)
	n.flatten("", file)
	return n
}

func (n *Numbers) flatten(path string, v any) {
	switch v := v.(type) {
	case float64:
		n.values[path] = v
	case string:
		if v == "inf" {
			n.values[path] = math.Inf(1)
		}
	case []any:
		for i, e := range v {
			n.flatten(join(path, strconv.Itoa(i)), e)
		}
	case map[string]any:
		for name, e := range v {
			n.flatten(join(path, name), e)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Has reports whether there is a number at the path.
func (n *Numbers) Has(path string) bool { _, there := n.values[path]; return there }

// At returns the number at a path, whose format takes args, NaN if there is
// none: then every comparison with it fails.
func (n *Numbers) At(path string, args ...any) float64 {
	if len(args) > 0 {
		path = fmt.Sprintf(path, args...)
	}
	n.read[path] = true
	if v, there := n.values[path]; there {
		return v
	}
	return math.NaN()
}

// List returns the numbers of an array.
func (n *Numbers) List(path string, args ...any) (values []float64) {
	if len(args) > 0 {
		path = fmt.Sprintf(path, args...)
	}
	for n.Has(join(path, strconv.Itoa(len(values)))) {
		values = append(values, n.At(join(path, strconv.Itoa(len(values)))))
	}
	return values
}

// Below returns, in order, the paths under a path, without it.
func (n *Numbers) Below(path string) (rest []string) {
	for p := range n.values {
		if below, is := strings.CutPrefix(p, path+"."); is || path == "" {
			rest = append(rest, below)
		}
	}
	slices.Sort(rest)
	return rest
}

// Names returns, in order, the first part of each path under a path, where the
// rest of it has a number.
func (n *Numbers) Names(path, rest string) (names []string) {
	for _, below := range n.Below(path) {
		if name, is := strings.CutSuffix(below, rest); is {
			names = append(names, name)
		}
	}
	return names
}

// MustBeRead fails for the numbers, and the lists, of which nothing was read, but
// those whose path, without an index in a list, matches one of the patterns: what
// a test does not replay, it says.
func (n *Numbers) MustBeRead(t *testing.T, but ...string) {
	t.Helper()
	for _, list := range n.unread(but...) {
		t.Errorf("%s is not replayed", list)
	}
}

func (n *Numbers) unread(but ...string) (lists []string) {
	ignored := regexp.MustCompile("^(" + strings.Join(but, "|") + ")$")
	index := regexp.MustCompile(`(\.\d+)+$`)
	read := map[string]bool{}
	for path := range n.values {
		list := index.ReplaceAllString(path, "")
		read[list] = read[list] || n.read[path] || ignored.MatchString(list)
	}
	for list, is := range read {
		if !is {
			lists = append(lists, list)
		}
	}
	slices.Sort(lists)
	return lists
}

// Whole reports whether fixtures are to be replayed as a whole, however long it
// takes: if tests are asked for by "-run Reference", or more fixtures are named.
// In a plain "go test" those that simulate for minutes of many cores replay a share.
func Whole() bool {
	run := flag.Lookup("test.run")
	return !testing.Short() && (os.Getenv(Environment) != "" || run != nil && strings.Contains(run.Value.String(), "Reference"))
}
