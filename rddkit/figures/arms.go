package figures

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Arm is one arm of a comparison: records that differ in their seeds only, under
// one name. The zero values of all but Name and Records are chosen for it.
type Arm struct {
	Name    string
	Records []*rddkit.Record
	// Less, if there are any, are subtracted: what is drawn is the difference, within
	// each seed that both have, of the records less these.
	Less []*rddkit.Record
	// Color and Style: the method's colour for the first arm of a method, a look
	// of its own for each other arm. Arms of one name look alike.
	Color chart.Color
	Style chart.Style
	// Group is what arms of one row of panels have in common, e.g. the data set.
	// It is part of the panels' titles if there are several.
	Group string
	// Figure and Series name a curve of the report ("Fig. 1(a)", "RDD"), drawn in
	// the arm's colour as far as the arm goes; empty for none. Of training errors
	// Figure is the panel of Fig. 4: "left", "middle" or "right".
	Figure, Series string

	// published is the method, as the report calls it, whose curve stands behind
	// the arm in whatever figure: of an arm made by Arms that is alone of its method.
	published string
}

// Source is what a figure of experiments is made from: records, which [Arms]
// sorts, or arms.
type Source interface{ *rddkit.Record | Arm }

// Arms sorts records into arms, in their order. Records that differ in nothing
// but seed and number of epochs are one arm; fields that a method does not use
// count for nothing. Arms of one method are told apart in their names by the
// fields in which they differ, as the commands' flags: "RDD, rdd-time 180".
// Of records that differ in their length only, an arm has the longest: the others
// are its beginning. Each data set is a group. The error is an *invalid.Error if there is no record
// or one has no epoch yet.
func Arms(records ...*rddkit.Record) ([]Arm, error) {
	if len(records) == 0 {
		return nil, invalid.New("records", 0, "at least 1")
	}
	var arms []Arm
	var settings []string // of each arm
	for i, r := range records {
		if r == nil || r.EpochsDone() == 0 {
			return nil, invalid.New(fmt.Sprintf("records[%d]", i), "empty", "a record with at least one epoch done")
		}
		e := r.Experiment.Normal()
		e.Seed, e.Epochs = 0, 0
		k := slices.Index(settings, text(e))
		if k < 0 {
			k = len(arms)
			settings = append(settings, text(e))
			arms = append(arms, Arm{Group: r.Experiment.Dataset})
		}
		same := slices.IndexFunc(arms[k].Records, func(o *rddkit.Record) bool { return o.Experiment.Seed == r.Experiment.Seed })
		switch {
		case same < 0:
			arms[k].Records = append(arms[k].Records, r)
		case r.EpochsDone() > arms[k].Records[same].EpochsDone():
			arms[k].Records[same] = r
		}
	}
	for k := range arms {
		r := arms[k].Records[0]
		var rivals []*rddkit.Record // of the same method on the same data
		for i, a := range arms {
			if other := a.Records[0]; i != k && other.Experiment.Method == r.Experiment.Method && a.Group == arms[k].Group {
				rivals = append(rivals, other)
			}
		}
		arms[k].Name = strings.Join(append([]string{r.Label()}, differences(r, rivals)...), ", ")
		if len(rivals) == 0 {
			arms[k].published = r.Experiment.Method.String()
		}
	}
	return arms, nil
}

// Sweep carries out an experiment by each of some methods with n seeds, see
// rddkit.SweepSeeds, and returns an arm for each method.
func Sweep(ctx context.Context, n int, e rddkit.Experiment, methods ...rddkit.Method) (arms []Arm, err error) {
	records, err := rddkit.SweepSeeds(ctx, n, e.With(methods...)...)
	for i, of := range records {
		arms = append(arms, Arm{Name: methods[i].String(), Records: of})
	}
	return arms, err
}

// armsOf returns what a figure is made from as arms, each with its look, group
// after group.
func armsOf[S Source](sources []S) ([]Arm, error) {
	arms, err := sorted(sources)
	if err != nil {
		return nil, err
	}
	for i, a := range arms {
		if len(a.Records) == 0 {
			return nil, invalid.New(fmt.Sprintf("arms[%d].Records", i), 0, "at least 1")
		}
		for field, records := range map[string][]*rddkit.Record{"Records": a.Records, "Less": a.Less} {
			for k, r := range records {
				if r == nil || r.EpochsDone() == 0 {
					return nil, invalid.New(fmt.Sprintf("arms[%d].%s[%d]", i, field, k), "empty", "a record with at least one epoch done")
				}
			}
		}
		if m := a.Records[0].Experiment.Method; a.Color == chart.Auto {
			if _, err := chart.ParseColor(m.Color()); err != nil {
				return nil, fmt.Errorf("method %s: %w", m, err)
			}
		}
	}
	dress(arms)
	return arms, nil
}

func sorted[S Source](sources []S) ([]Arm, error) {
	switch of := any(sources).(type) {
	case []*rddkit.Record:
		return Arms(of...)
	case []Arm:
		if len(of) == 0 {
			return nil, invalid.New("arms", 0, "at least 1")
		}
		return slices.Clone(of), nil
	}
	panic("figures: a source of another type") // the constraint has none
}

// groups splits the arms by their groups, in the order of appearance.
func groups(arms []Arm) [][]Arm {
	var split [][]Arm
	for _, a := range arms {
		k := slices.IndexFunc(split, func(g []Arm) bool { return g[0].Group == a.Group })
		if k < 0 {
			k, split = len(split), append(split, nil)
		}
		split[k] = append(split[k], a)
	}
	return split
}

// prefix is what the titles of a group's panels begin with.
func prefix(group []Arm, of [][]Arm) string {
	if len(of) == 1 || group[0].Group == "" {
		return ""
	}
	return group[0].Group + " "
}

// dress gives every arm a look, the same to those of one name: the first arm of a
// method its colour, each other one that nothing has or, when there is none left,
// the method's colour in another style.
func dress(arms []Arm) {
	taken := map[chart.Look]bool{}
	byName := map[string]chart.Look{}
	first := map[rddkit.Method]string{} // the name of each method's first arm
	for _, a := range arms {
		if a.Color != chart.Auto {
			taken[chart.Look{Color: a.Color, Style: a.Style}] = true
		}
		if m := a.Records[0].Experiment.Method; first[m] == "" {
			first[m] = a.Name
		}
	}
	// The methods' own colours first, so that no other arm takes one.
	for _, others := range []bool{false, true} {
		for _, a := range arms {
			_, dressed := byName[a.Name]
			if a.Color != chart.Auto || dressed || others != (first[a.Records[0].Experiment.Method] != a.Name) {
				continue
			}
			own := colorOf(a.Records[0])
			look := chart.Next(taken, a.Style)
			if own != chart.Auto && (!others || colorTaken(taken, look.Color)) {
				look = chart.Restyle(taken, own, a.Style)
			}
			taken[look], byName[a.Name] = true, look
		}
	}
	for i, a := range arms {
		if a.Color == chart.Auto {
			arms[i].Color, arms[i].Style = byName[a.Name].Color, byName[a.Name].Style
		}
	}
}

func colorTaken(looks map[chart.Look]bool, c chart.Color) bool {
	for look := range looks {
		if look.Color == c {
			return true
		}
	}
	return false
}

// colorOf is the colour of a record's method, Auto if it has none, or none that
// this program knows: the record may be of another's.
func colorOf(r *rddkit.Record) chart.Color {
	c, err := chart.ParseColor(r.Color())
	if err != nil {
		return chart.Auto
	}
	return c
}

// differences names the fields, as the commands' flags do, in which r differs
// from any of the others, with r's values.
func differences(r *rddkit.Record, others []*rddkit.Record) []string {
	mine := fields(r.Experiment.Normal())
	var names []string
	for name, value := range fields(r.Experiment) {
		if name != "seed" && name != "epochs" && slices.ContainsFunc(others, func(o *rddkit.Record) bool {
			return !reflect.DeepEqual(fields(o.Experiment.Normal())[name], mine[name])
		}) {
			names = append(names, fmt.Sprintf("%s %v", name, value))
		}
	}
	slices.Sort(names)
	return names
}

// fields returns the experiment's fields by the names that they have in
// run.json and as flags, those within a field beside the others.
func fields(e rddkit.Experiment) map[string]any {
	var all map[string]any
	if err := json.Unmarshal([]byte(text(e)), &all); err != nil {
		panic("figures: an experiment that JSON cannot hold")
	}
	return flat(all)
}

func flat(of map[string]any) map[string]any {
	all := map[string]any{}
	for name, value := range of {
		if inner, ok := value.(map[string]any); ok {
			maps.Copy(all, flat(inner))
			continue
		}
		all[name] = value
	}
	return all
}

func text(e rddkit.Experiment) string {
	text, err := json.Marshal(e)
	if err != nil {
		panic("figures: an experiment that JSON cannot hold") // a resolved one can be
	}
	return string(text)
}
