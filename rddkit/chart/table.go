package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// TSV returns the table of what the figure draws: one line for every point,
// with the columns panel, series, kind, x, y and standard error, separated by
// tabs. Numbers are exact (they read back as the same float64); a cell is empty
// where there is no number.
func (f Figure) TSV() (string, error) {
	if err := f.Validate(); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("panel\tseries\tkind\tx\ty\tstandard error\n")
	for i, p := range f.Panels {
		panel := p.Title
		if panel == "" {
			panel = strconv.Itoa(i + 1)
		}
		fmt.Fprintf(&b, "# %s\tx: %s\ty: %s\n", clean(panel), clean(p.X.Text()), clean(p.Y.Text()))
		for _, s := range p.Series {
			kind := string(s.Kind)
			if s.Style != Solid {
				kind += " " + string(s.Style)
			}
			head := clean(panel) + "\t" + clean(s.Name) + "\t" + kind
			for i := range max(len(s.X), len(s.Y)) {
				b.WriteString(head)
				for _, column := range [][]float64{s.X, s.Y, s.Error} {
					b.WriteByte('\t')
					if i < len(column) && !math.IsNaN(column[i]) {
						b.WriteString(strconv.FormatFloat(column[i], 'g', -1, 64))
					}
				}
				b.WriteByte('\n')
			}
		}
	}
	return b.String(), nil
}

var separators = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// clean keeps a name within its cell.
func clean(s string) string { return separators.Replace(s) }
