package chart

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
)

// Apache ECharts 5.6.0, dist/echarts.min.js of the npm package, compressed;
// assets/LICENSE and assets/NOTICE are its licence (Apache 2.0) and notice.
//
//go:embed assets/echarts.min.js.gz
var library []byte

// drawer defines window.rddChart.
//
//go:embed assets/chart.js
var drawer string

// loader unpacks the library into the page, once, and then runs drawer.
// "define" is hidden meanwhile, as the library would register with RequireJS
// (which the classic Notebook and exported pages have) and set no global.
const loader = `<script>(function(){if(window.rddChart||window.rddChartLoading)return;window.rddChartLoading=true;
var packed=Uint8Array.from(atob("%s"),function(c){return c.charCodeAt(0)});
new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text().then(function(source){
function run(text){var s=document.createElement("script");s.textContent=text;document.head.appendChild(s)}
var define=window.define;window.define=undefined;try{run(source)}finally{window.define=define}
run(%s);});})();</script>`

func loaderHTML() string {
	return fmt.Sprintf(loader, base64.StdEncoding.EncodeToString(library), scriptString(drawer))
}

// scriptString is text as a JavaScript string that may stand in a page.
func scriptString(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("chart: " + err.Error()) // a string always marshals
	}
	return string(quoted)
}

// interactive is one chart, drawn as soon as it is open and window.rddChart is
// there. It waits as long as two minutes, then says what is missing; where no
// script runs, the text in its place says why. The id comes from the content, so
// that running a notebook again changes nothing in its file; a figure that is
// shown twice is two elements of one id.
const interactive = `<details class="rdd-chart" id="%[1]s"%[2]s><summary>Interactive chart (point at it for values, ctrl + wheel zooms, click a name to hide it)</summary><div style="width:100%%;max-width:%[3]dpx;height:%[4]dpx">` + waiting + `</div></details>
<script>(function(){var option=%[5]s;
function go(d){if(d.open&&!d.drawn&&window.rddChart){d.drawn=true;window.rddChart(d.querySelector("div"),option)}}
document.querySelectorAll('[id="%[1]s"]').forEach(function(d){var n=0,t=setInterval(function(){go(d);
if(d.drawn)clearInterval(t);else if(++n>1200){clearInterval(t);if(!window.rddChart)d.querySelector("div").textContent="Run the cell that calls chart.Init() to see the interactive chart."}},100);
d.addEventListener("toggle",function(){go(d)})})})();</script>`

const waiting = `The interactive chart appears here where scripts run: in a notebook that is trusted or whose cells were run here, the one with chart.Init() first. The picture above shows the same.`

// idOf returns a short id made from the content that it is for.
func idOf(kind string, content []byte) string {
	return fmt.Sprintf("%s-%.8x", kind, sha256.Sum256(content))
}

// fragment returns the interactive twin as HTML that needs the loader
// somewhere in the page.
func (f Figure) fragment(open bool) (string, error) {
	data, err := f.Option()
	if err != nil {
		return "", err
	}
	attribute := ""
	if open {
		attribute = " open"
	}
	l := f.layout()
	return fmt.Sprintf(interactive, idOf("figure", data), attribute, l.width, l.height, data), nil
}

// page is a page of its own, without any reference to a network.
const page = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%s</title>
<meta name="viewport" content="width=device-width">
<style>body{margin:24px auto;max-width:%dpx;padding:0 12px;font-family:sans-serif;font-size:13px;color:#222}summary{cursor:pointer;color:#555;margin:6px 0}img{max-width:100%%}</style>
</head><body>
%s
</body></html>
`

// HTML returns the figure as a self-contained page: the interactive chart, and
// the static picture for readers without scripts.
func (f Figure) HTML() ([]byte, error) {
	picture, err := f.PNG()
	if err != nil {
		return nil, err
	}
	chart, err := f.fragment(true)
	if err != nil {
		return nil, err
	}
	l := f.layout()
	body := loaderHTML() + "\n" + chart + "\n<noscript>" + picture64(picture, l, f.Alternative()) + "</noscript>"
	return fmt.Appendf(nil, page, html.EscapeString(f.heading()), l.width, body), nil
}

func picture64(png []byte, l layout, text string) string {
	return fmt.Sprintf(`<img alt="%s" width="%d" height="%d" src="data:image/png;base64,%s">`,
		html.EscapeString(text), l.width, l.height, base64.StdEncoding.EncodeToString(png))
}

// heading names the figure in one line, for a page's title.
func (f Figure) heading() string {
	if f.Title != "" {
		return oneLine(f.Title)
	}
	for _, p := range f.Panels {
		if p.Title != "" {
			return oneLine(p.Title)
		}
	}
	return oneLine(f.Panels[0].Y.Text() + " against " + f.Panels[0].X.Text())
}
