package chart

import (
	"fmt"
	"slices"
	"strings"
)

// Alternative is a text for readers that see no pictures: Alt, or what the
// figure's title, axes and names say. Every picture of the figure carries it.
func (f Figure) Alternative() string {
	if f.Alt != "" {
		return f.Alt
	}
	f = f.ready()
	var b strings.Builder
	if f.Title != "" {
		b.WriteString(oneLine(f.Title) + ". ")
	}
	// Panels of the same axes are told together.
	var axes []string
	titles := map[string][]string{}
	for _, p := range f.Panels {
		x, y := p.extents()
		text := p.Y.span(y) + " against " + p.X.span(x)
		if !slices.Contains(axes, text) {
			axes = append(axes, text)
		}
		if p.Title != "" {
			titles[text] = append(titles[text], oneLine(p.Title))
		}
	}
	for i, text := range firstOf(axes) {
		if i < len(axes) && len(titles[text]) > 0 {
			b.WriteString(strings.Join(firstOf(titles[text]), "; ") + ": ")
		}
		b.WriteString(text + ". ")
	}
	var names []string
	for _, s := range f.legend() {
		names = append(names, oneLine(s.Name))
	}
	if len(names) > 0 {
		b.WriteString("Shown: " + strings.Join(firstOf(names), "; ") + ".")
	}
	return strings.TrimSpace(b.String())
}

// firstOf leaves out what nobody would listen to.
func firstOf(all []string) []string {
	const most = 12
	if len(all) <= most {
		return all
	}
	return append(slices.Clone(all[:most]), fmt.Sprintf("and %d more", len(all)-most))
}

// span is the axis and what it shows in words.
func (a Axis) span(r [2]float64) string {
	if a.Min != 0 || a.Max != 0 {
		r = [2]float64{max(r[0], a.Min), min(r[1], a.Max)}
	}
	if len(a.Names) > 0 || r[0] > r[1] {
		return oneLine(a.Text())
	}
	return fmt.Sprintf("%s from %s to %s", oneLine(a.Text()), minus(string(rounder(r).number(r[0]))), minus(string(rounder(r).number(r[1]))))
}
