package reference

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A kind is a family of fixtures that one test replays. A fixture is a JSON
// file with what lies beside it: a manifest describes its folder and all below,
// any other file its own numbers.
type kind struct {
	name    string
	figures bool // figures that no test replays: they are compared elsewhere
	is      func(top topLevel) bool
}

// topLevel are the names at the top of a JSON file; of a list, those of its
// first entry.
type topLevel map[string]json.RawMessage

// kinds are asked in this order. A manifest may name its kind itself, as
// {"kind": "arena/stdwi", …}.
var kinds = []kind{
	{name: "convnet", is: allOf("sets", "files")},
	{name: "lif_rdd", is: allOf("sizes", "T_steps", "hyper_parameters")},
	{name: "lif_rdd/metrics", is: allOf("columns_of_values", "cases")},
	{name: "credit/causal_effect", is: anyOf("c_values", "p_values", "filter_constants", "node_perturbation_gradient")},
	{name: "credit/learning", is: anyOf("mu_table", "grid", "learning_2neuron", "alternating_rule_bias", "population", "bci")},
	{name: "credit/stdwi", is: anyOf("correlation_")},
	{name: "feedback_learning", is: anyOf("fixed_weights_", "classifier_", "autoencoder_")},
	{name: "rd_more", is: anyOf("missing", "rdrobust_cr1_per_side")},
	{name: "rd", is: func(top topLevel) bool {
		return allOf("description", "data")(top) && anyOf("conventions", "software")(top)
	}},
	{name: "arena/weight_mirror"},
	{name: "arena/kolen_pollack"},
	{name: "arena/stdwi"},
	{name: "report_figures", figures: true, is: allOf("figure", "panel")}, // package report
}

// allOf recognises files that have every name at the top.
func allOf(names ...string) func(topLevel) bool {
	return func(top topLevel) bool {
		return !slices.ContainsFunc(names, func(name string) bool { _, there := top[name]; return !there })
	}
}

// anyOf recognises files that have at the top a name that begins with one of these.
func anyOf(prefixes ...string) func(topLevel) bool {
	return func(top topLevel) bool {
		for name := range top {
			if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
				return true
			}
		}
		return false
	}
}

// kindOf returns the name of the kind that a JSON file is of, "" for none.
func kindOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var top topLevel
	if json.Unmarshal(text, &top) != nil {
		var list []topLevel
		if json.Unmarshal(text, &list) != nil || len(list) == 0 {
			return "", nil
		}
		top = list[0]
	}
	var named string
	if json.Unmarshal(top["kind"], &named) == nil {
		if lookup(named) == nil {
			return "", nil
		}
		return named, nil
	}
	for _, k := range kinds {
		if k.is != nil && k.is(top) {
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
