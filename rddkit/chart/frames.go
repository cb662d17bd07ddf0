package chart

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show"
)

// Frames is one figure for each value of a parameter, to be moved through with
// a slider. The frames are static pictures made beforehand, so a notebook
// needs no kernel, no library and no network to move it. All have the same
// axes: where a panel fits its axes to the data, it is to that of all frames.
type Frames struct {
	Label   string    // what Values are, with the unit, e.g. "window p (mV)"
	Values  []float64 // one per frame, in the slider's order
	Figures []Figure  // one per value, of the same panels and sizes
}

// Validate returns an *invalid.Error for the first thing that cannot be drawn.
func (f Frames) Validate() error {
	if len(f.Figures) == 0 {
		return invalid.New("Figures", 0, "at least 1")
	}
	if len(f.Values) != len(f.Figures) {
		return invalid.Newf("length of Values", len(f.Values), "%d, one for each figure", len(f.Figures))
	}
	if f.Label == "" {
		return invalid.New("Label", "", "what the values are")
	}
	for i, figure := range f.Figures {
		if !finite(f.Values[i]) {
			return invalid.New(fmt.Sprintf("Values[%d]", i), f.Values[i], "a finite number")
		}
		if err := figure.Validate(); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
		if n := len(f.Figures[0].Panels); len(figure.Panels) != n {
			return invalid.Newf(fmt.Sprintf("panels of frame %d", i), len(figure.Panels), "%d, as in the first", n)
		}
	}
	return nil
}

// aligned returns the figures on common axes.
func (f Frames) aligned() []Figure {
	figures := make([]Figure, len(f.Figures))
	for i, figure := range f.Figures {
		figures[i] = figure.ready()
		figures[i].Panels = slices.Clone(figures[i].Panels)
	}
	for k := range figures[0].Panels {
		x, y := emptyRange, emptyRange
		for _, figure := range figures {
			px, py := figure.Panels[k].ranges()
			for i := range 2 {
				extend(&x, px[i])
				extend(&y, py[i])
			}
		}
		for i := range figures {
			p := &figures[i].Panels[k]
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x[0], x[1], y[0], y[1]
		}
	}
	return figures
}

// Middle returns the figure that stands for all where nothing can be moved.
func (f Frames) Middle() (Figure, error) {
	if err := f.Validate(); err != nil {
		return Figure{}, err
	}
	return f.aligned()[len(f.Figures)/2], nil
}

// slider moves through the frames; its number is a frame's place in the list.
// Where no script runs, a text says that it does not.
const slider = `<details class="rdd-frames" id="%[1]s"%[2]s><summary>Move through %[3]s</summary>
<label>%[3]s = <output>%[4]s</output><br><input type="range" min="0" max="%[5]d" value="%[6]d" style="width:100%%;max-width:%[7]dpx"></label><p>The slider moves where scripts run: in a notebook that is trusted or whose cells were run here.</p>%[8]s</details>
<script>(function(){var frames=%[9]s,values=%[10]s;
document.querySelectorAll('[id="%[1]s"]').forEach(function(d){var hint=d.querySelector("p");if(hint)hint.remove();d.querySelector("input").addEventListener("input",function(event){
var i=event.target.value;d.querySelector("img").src="data:image/png;base64,"+frames[i];d.querySelector("output").textContent=values[i]})})})();</script>`

func (f Frames) fragment(open bool) (string, error) {
	if err := f.Validate(); err != nil {
		return "", err
	}
	figures := f.aligned()
	var pictures, values []string
	middle := len(figures) / 2
	var image string
	for i, figure := range figures {
		png, err := figure.raster(1)
		if err != nil {
			return "", err
		}
		if i == middle {
			image = picture64(png, figure.layout(), figure.Alternative())
		}
		pictures = append(pictures, base64.StdEncoding.EncodeToString(png))
		values = append(values, strings.ReplaceAll(fmt.Sprintf("%.5g", f.Values[i]), "-", "−"))
	}
	attribute := ""
	if open {
		attribute = " open"
	}
	frames, err := json.Marshal(pictures)
	if err != nil {
		return "", err
	}
	labels, err := json.Marshal(values)
	return fmt.Sprintf(slider, idOf("frames", frames), attribute, html.EscapeString(f.Label), values[middle], len(figures)-1, middle,
		figures[middle].layout().width, image, frames, labels), err
}

// Show shows the middle frame in a notebook and, folded below it, the slider.
// Outside notebooks it only checks the frames.
func (f Frames) Show() error {
	middle, err := f.Middle()
	if err != nil || !show.InNotebook() {
		return err
	}
	return showWith(middle, f.fragment)
}

// Save writes dir/name.html, a self-contained page with the slider; the middle
// frame as name.png and name.svg; and the table of all frames as name.tsv,
// whose first column is the value.
func (f Frames) Save(dir, name string) error {
	middle, err := f.Middle()
	if err != nil {
		return err
	}
	moving, err := f.fragment(true)
	if err != nil {
		return err
	}
	if err := middle.Save(dir, name); err != nil {
		return err
	}
	title := html.EscapeString(middle.heading())
	text := fmt.Sprintf(page, title, middle.layout().width, moving)
	if err := atomicfile.WriteFile(filepath.Join(dir, name+".html"), []byte(text)); err != nil {
		return err
	}
	table, err := f.TSV()
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, name+".tsv"), []byte(table))
}

// TSV returns the tables of all frames as one, with the frame's value before
// the columns of [Figure.TSV].
func (f Frames) TSV() (string, error) {
	if err := f.Validate(); err != nil {
		return "", err
	}
	var b strings.Builder
	f.Figures[0].writeComments(&b)
	b.WriteString(clean(f.Label) + "\t" + columns + "\n")
	for i, figure := range f.Figures {
		figure.writeRows(&b, strconv.FormatFloat(f.Values[i], 'g', -1, 64)+"\t")
	}
	return b.String(), nil
}
