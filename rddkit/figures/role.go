package figures

import (
	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/spike"
)

// Role is an arm that looks the same wherever it is drawn: it has its method's
// colour, and its style tells what is not the method's default: a full line is
// RDD with the fresh rule, a dotted one with that and another time than 90 s, a
// dashed one with the accumulating rule, a dash-dotted one with that and another
// time; of other methods a dash-dotted line has another learning rate than 0.01. Behind it stands the report's curve that figure
// and series name; see [Arm].
func Role(name string, records []*rddkit.Record, figure, series string) Arm {
	a := Arm{Name: name, Records: records, Figure: figure, Series: series}
	if len(records) == 0 || records[0] == nil {
		return a // what draws it says so
	}
	e := records[0].Experiment
	a.Color = colorOf(records[0])
	switch n := e.Normal(); {
	case n.RDDTime != 0 && e.Drive == spike.Fresh:
		a.Style = chart.Dotted
	case n.RDDTime != 0, n.LearningRate != 0:
		a.Style = chart.DashDot
	case e.Drive != spike.Fresh && driven(e):
		a.Style = chart.Dashed
	}
	return a
}

// driven reports whether the experiment's method uses the rule of driving at all.
func driven(e rddkit.Experiment) bool {
	e.Drive = spike.Fresh
	return e.Normal().Drive == spike.Fresh
}
