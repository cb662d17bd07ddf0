package chart

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show"
)

// Init puts the ECharts library into the notebook's page, as one output of
// 450 kB. Call it in the first cell; without it the interactive charts stay
// empty and the static pictures are all there is. Outside notebooks it does
// nothing.
func Init() { show.HTML(loaderHTML()) }

// Show shows the figure in a notebook: the static picture, and below it,
// folded, the interactive twin. Outside notebooks it only checks the figure;
// use [Figure.Save] there.
func (f Figure) Show() error {
	if err := f.Validate(); err != nil || !show.InNotebook() {
		return err
	}
	return showWith(f, f.fragment)
}

// showWith shows the picture of a figure and, below it, what fragment makes.
func showWith(f Figure, fragment func(open bool) (string, error)) error {
	picture, err := f.PNG()
	if err != nil {
		return err
	}
	below, err := fragment(false)
	if err != nil {
		return err
	}
	if err := show.PNG(picture, Scale, f.Alternative()); err != nil {
		return err
	}
	show.HTML(below)
	return nil
}

// Save writes the figure into the folder dir, which it makes if need be, as
// name.png (with [Figure.DPI]), name.svg, name.pdf, name.html (a self-contained
// interactive page) and name.tsv (the table of what is drawn). Each file appears
// whole or not at all; a figure that cannot be drawn leaves no file.
//
// A figure for a paper has its width there, 96 page pixels to an inch, and its
// resolution:
//
//	figure.Width, figure.Height, figure.DPI = 624, 240, 600
func (f Figure) Save(dir, name string) error {
	if name == "" || strings.ContainsAny(name, `/\`) || name[0] == '.' {
		return invalid.New("name", name, "a file name without an ending")
	}
	makers := []struct {
		ending string
		make   func() ([]byte, error)
	}{
		{".png", f.print},
		{".svg", f.SVG},
		{".pdf", f.PDF},
		{".html", f.HTML},
		{".tsv", func() ([]byte, error) {
			table, err := f.TSV()
			return []byte(table), err
		}},
	}
	files := make([][]byte, len(makers))
	for i, m := range makers {
		var err error
		if files[i], err = m.make(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, m := range makers {
		if err := atomicfile.WriteFile(filepath.Join(dir, name+m.ending), files[i]); err != nil {
			return err
		}
	}
	return nil
}
