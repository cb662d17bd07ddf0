package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// TSV returns the table of what the figure draws: one line for every point,
// with the columns panel, series, kind, x, y and standard error, separated by
// tabs. Lines before the columns' names, which begin with "#", say what the axes
// of each panel are. Numbers are exact (they read back as the same float64); a
// cell is empty where there is no number.
func (f Figure) TSV() (string, error) {
	if err := f.Validate(); err != nil {
		return "", err
	}
	var b strings.Builder
	f.writeComments(&b)
	b.WriteString(columns + "\n")
	f.writeRows(&b, "")
	return b.String(), nil
}

const columns = "panel\tseries\tkind\tx\ty\tstandard error"

// writeComments writes what the axes are.
func (f Figure) writeComments(b *strings.Builder) {
	for i, p := range f.Panels {
		fmt.Fprintf(b, "# %s\tx: %s\ty: %s\n", p.name(i), clean(p.X.Text()), clean(p.Y.Text()))
	}
}

// name is what the table calls panel i.
func (p Panel) name(i int) string {
	if p.Title == "" {
		return strconv.Itoa(i + 1)
	}
	return clean(p.Title)
}

// writeRows writes a line for every point, with that before it.
func (f Figure) writeRows(b *strings.Builder, before string) {
	for i, p := range f.Panels {
		for _, s := range p.Series {
			kind := string(s.Kind)
			if s.Style != Solid {
				kind += " " + string(s.Style)
			}
			head := before + p.name(i) + "\t" + clean(s.Name) + "\t" + kind
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
}

var separators = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// clean keeps a name within its cell.
func clean(s string) string { return separators.Replace(s) }
