package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Verdict is what numbers make of a claim.
type Verdict string

const (
	Agrees      Verdict = "agrees"
	DoesNot     Verdict = "does not"
	NotTestable Verdict = "not testable here"
)

// DependsOn is the verdict on a claim that holds in part.
func DependsOn(what string) Verdict { return Verdict("depends on " + what) }

// chance is the verdict on a difference that is within two standard errors.
var chance = DependsOn("the seed: within two standard errors")

// Above judges the claim that a difference is above 0: it agrees if the mean is
// more than two standard errors above, does not if it is so far below. A single
// value, which has no standard error, is judged by its sign: the table says n = 1.
func Above(difference rddkit.Estimate) Verdict {
	slack := 2 * difference.StandardError
	if math.IsNaN(slack) {
		slack = 0
	}
	switch {
	case math.IsNaN(difference.Mean):
		return NotTestable
	case difference.Mean > slack:
		return Agrees
	case difference.Mean < -slack:
		return DoesNot
	}
	return chance
}

// Below judges the claim that a difference is below 0.
func Below(difference rddkit.Estimate) Verdict {
	difference.Mean = -difference.Mean
	return Above(difference)
}

// Near judges the claim that ours is theirs: it agrees if they are apart by no more
// than within, or two standard errors of ours.
func Near(ours rddkit.Estimate, theirs, within float64) Verdict {
	slack := within
	if wide := 2 * ours.StandardError; wide > slack {
		slack = wide
	}
	switch distance := math.Abs(ours.Mean - theirs); {
	case math.IsNaN(distance):
		return NotTestable
	case distance <= slack:
		return Agrees
	}
	return DoesNot
}

// All joins the verdicts on the parts of a claim: if they differ, the claim depends
// on what tells the parts apart. Parts that could not be tested do not count, but
// if there are no others.
func All(what string, parts ...Verdict) Verdict {
	all := NotTestable
	for _, p := range parts {
		switch {
		case p == NotTestable || p == all:
		case all == NotTestable:
			all = p
		default:
			return DependsOn(what)
		}
	}
	return all
}

// Part is a part of a claim, with its verdict.
type Part struct {
	Name string
	Verdict
}

// Split is All for parts with names, which it sorts by their verdicts: "depends on
// the part: agrees with a, b; does not with c".
func Split(what string, parts ...Part) Verdict {
	verdicts := make([]Verdict, len(parts))
	for i, p := range parts {
		verdicts[i] = p.Verdict
	}
	if all := All(what, verdicts...); all != DependsOn(what) {
		return all
	}
	var lists []string
	for _, kind := range []Verdict{Agrees, DoesNot, chance, NotTestable} {
		var names []string
		for _, p := range parts {
			if p.Verdict == kind {
				names = append(names, p.Name)
			}
		}
		word := string(kind)
		if kind == chance {
			word = "within chance"
		}
		if names != nil {
			lists = append(lists, word+": "+strings.Join(names, ", "))
		}
	}
	return DependsOn(what + " (" + strings.Join(lists, "; ") + ")")
}

// Finding is what we have on a claim.
type Finding struct {
	ID      string // the claim's
	Ours    string // our numbers ± standard error
	Scale   string // ours, with the number of seeds
	Verdict Verdict
}

// Verdicts is a Markdown table of findings beside the claims; see [Table].
func Verdicts(prefix string, findings ...Finding) (string, error) {
	headers, rows, err := Table(prefix, findings...)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(cells []any) {
		for _, c := range cells {
			fmt.Fprintf(&b, "| %v ", c)
		}
		b.WriteString("|\n")
	}
	head, rule := make([]any, len(headers)), make([]any, len(headers))
	for i, h := range headers {
		head[i], rule[i] = h, ":--"
	}
	line(head)
	line(rule)
	for _, row := range rows {
		for i, c := range row {
			row[i] = strings.NewReplacer("|", `\|`, "[", "", "]", "").Replace(fmt.Sprint(c))
			if i == len(row)-1 {
				row[i] = c // a link
			}
		}
		line(row)
	}
	return b.String(), nil
}

// Table sets findings beside the claims, of which those whose ID begins with
// prefix are shown ("R", "T", or "" for all). The error is an *invalid.Error if a
// claim has no finding, or two.
func Table(prefix string, findings ...Finding) (headers []string, rows [][]any, err error) {
	of := map[string]Finding{}
	for _, f := range findings {
		if _, twice := of[f.ID]; twice {
			return nil, nil, invalid.New("finding", f.ID, "one for each claim")
		}
		of[f.ID] = f
	}
	for _, c := range Claims() {
		if !strings.HasPrefix(c.ID, prefix) {
			continue
		}
		f, ok := of[c.ID]
		if !ok {
			return nil, nil, invalid.New("finding", "none of "+c.ID, "one for each claim")
		}
		delete(of, c.ID)
		more := fmt.Sprintf("[%s](%s)", c.Notebook[:2], c.Notebook)
		rows = append(rows, []any{c.ID, c.Says, c.Where, c.Scale, f.Ours, f.Scale, "**" + string(f.Verdict) + "**", more})
	}
	for id := range of {
		return nil, nil, invalid.Newf("finding", id, "of a claim whose number begins with %q", prefix)
	}
	return []string{"", "claim", "place", "its scale", "ours", "our scale", "verdict", "more"}, rows, nil
}

// Count says how many findings have each kind of verdict.
func Count(findings ...Finding) string {
	kinds := map[string]int{}
	for _, f := range findings {
		kind := string(f.Verdict)
		if strings.HasPrefix(kind, "depends on") {
			kind = "depend on something"
		}
		kinds[kind]++
	}
	return fmt.Sprintf("%d claims: %d agree, %d depend on something, %d do not, %d are not testable here.",
		len(findings), kinds[string(Agrees)], kinds["depend on something"], kinds[string(DoesNot)], kinds[string(NotTestable)])
}
