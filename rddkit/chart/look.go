package chart

import (
	"image/color"
	"slices"
)

// Look is what tells the series of a figure apart: the colour of lines and
// markers, and the style, which is the pattern of lines and the shape of markers.
type Look struct {
	Color Color
	Style Style
}

// Next returns a look that is not taken, the plainest there is: of that style
// and a colour of the palette that no look has, then a colour in another style,
// and when these 24 are gone a shade of a colour.
func Next(taken map[Look]bool, style Style) Look {
	palette := make([]Color, automatic)
	for i := range palette {
		palette[i] = named[i].color
		if !slices.ContainsFunc(styles, func(s Style) bool { return taken[Look{palette[i], s}] }) {
			return Look{palette[i], style}
		}
	}
	patterns := patterns(style)
	for _, dark := range []float64{0, 0.4, 0.7} {
		for _, pattern := range patterns {
			for _, c := range palette {
				shade := blend(c.rgb(), textColor, dark)
				if l := (Look{RGB(shade.R, shade.G, shade.B), pattern}); !taken[l] {
					return l
				}
			}
		}
	}
	for k := Color(1); ; k++ { // it comes to every colour: the step is odd
		if l := (Look{1<<24 + k*0x9e3779&0xffffff, style}); !taken[l] {
			return l
		}
	}
}

// Restyle returns a look of that colour that is not taken, of that style if
// there is one; [Next]'s if all are taken.
func Restyle(taken map[Look]bool, c Color, style Style) Look {
	for _, pattern := range patterns(style) {
		if l := (Look{c, pattern}); !taken[l] {
			return l
		}
	}
	return Next(taken, style)
}

// patterns are the styles that looks go through, that one first.
func patterns(first Style) []Style {
	all := []Style{first}
	for _, s := range []Style{Solid, Dashed, DashDot, Dotted} {
		if s != first {
			all = append(all, s)
		}
	}
	return all
}

// dashes are the lengths in page pixels that a line of the style is drawn and
// left out, by turns; none for a whole line.
func (s Style) dashes() []float64 {
	switch s {
	case Dashed:
		return []float64{6, 4}
	case DashDot:
		return []float64{8, 3, 1.8, 3}
	case Dotted:
		return []float64{2, 2}
	case Reported:
		return []float64{1.8, 3}
	}
	return nil
}

// look returns a series' colour as it is drawn, and its style.
type look func(Series) (color.NRGBA, Style)

// looks resolves Auto: a look for every name, by order of appearance.
func (f Figure) looks() look {
	byName := map[string]Look{}
	taken := map[Look]bool{}
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if s.Color == Auto {
				continue
			}
			taken[Look{s.Color, s.Style}] = true
			if _, ok := byName[s.Name]; !ok {
				byName[s.Name] = Look{s.Color, s.Style}
			}
		}
	}
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if _, ok := byName[s.Name]; ok {
				continue
			}
			if s.Kind == Horizontal || s.Kind == Vertical {
				byName[s.Name] = Look{Grey, s.Style}
				continue
			}
			byName[s.Name] = Next(taken, s.Style)
			taken[byName[s.Name]] = true
		}
	}
	return func(s Series) (color.NRGBA, Style) {
		if s.Color == Auto {
			s.Color = byName[s.Name].Color
			if s.Style == Solid { // the style, too, tells its name from others
				s.Style = byName[s.Name].Style
			}
		}
		if s.Style == Reported {
			return blend(s.Color.rgb(), white, 0.35), Reported
		}
		return s.Color.rgb(), s.Style
	}
}
