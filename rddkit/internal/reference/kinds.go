package reference

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A kind is a family of fixtures that one test, or one of each of some packages,
// replays. A fixture is a JSON file with what lies beside it: a manifest describes
// its folder and all below, any other file its own numbers.
type kind struct {
	name    string
	names   string // at the top of its file: all, of "a|b" one; "a_…" is any that begins so
	figures bool   // that no reference test replays: they are compared elsewhere
}

// kinds are asked in this order. A manifest may name its kind itself, as
// {"kind": "arena/stdwi", …}.
var kinds = []kind{
	{name: "convnet", names: "sets files"},
	{name: "lif_rdd", names: "sizes T_steps hyper_parameters"},
	{name: "lif_rdd/metrics", names: "columns_of_values cases"},
	{name: "credit/causal_effect", names: "c_values|p_values|filter_constants|node_perturbation_gradient"},
	{name: "credit/learning", names: "mu_table|grid|learning_2neuron|alternating_rule_bias|population|bci"},
	{name: "credit/stdwi", names: "correlation_…"},
	{name: "feedback_learning", names: "fixed_weights_…|classifier_…|autoencoder_…"},
	{name: "rd_more", names: "missing|rdrobust_cr1_per_side"},
	{name: "rd", names: "description data conventions|software"},
	{name: "arena/weight_mirror"},
	{name: "arena/kolen_pollack"},
	{name: "arena/stdwi"},
	{name: "report_figures", names: "figure panel", figures: true}, // package report
}

// is reports whether a file with these names at the top is of the kind.
func (k kind) is(top map[string]json.RawMessage) bool {
	wanted := strings.Fields(k.names)
	for _, alternatives := range wanted {
		if !slices.ContainsFunc(strings.Split(alternatives, "|"), func(name string) bool {
			prefix, open := strings.CutSuffix(name, "…")
			for have := range top {
				if have == name || open && strings.HasPrefix(have, prefix) {
					return true
				}
			}
			return false
		}) {
			return false
		}
	}
	return len(wanted) > 0
}

// kindOf returns the name of the kind that a JSON file is of, "" for none. Of a
// list it asks the first entry.
func kindOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(text, &top) != nil {
		var list []map[string]json.RawMessage
		if json.Unmarshal(text, &list) != nil || len(list) == 0 {
			return "", nil
		}
		top = list[0]
	}
	var named string
	itself := json.Unmarshal(top["kind"], &named) == nil
	for _, k := range kinds {
		if itself && k.name == named || !itself && k.is(top) {
			return k.name, nil
		}
	}
	return "", nil
}

// lookup returns the kind called name, nil if there is none.
func lookup(name string) *kind {
	if i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name }); i >= 0 {
		return &kinds[i]
	}
	return nil
}

func kindNames() string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

// isManifest reports whether a JSON file describes its folder and all below.
func isManifest(path string) bool { return filepath.Base(path) == "manifest.json" }
