package chart

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTooltip runs the script of the interactive twin on names that would be
// HTML, with a stand-in for ECharts, in half of the width that it was laid out for.
func TestTooltip(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the script cannot be run without Node.js")
		}
		t.Skip("needs Node.js")
	}
	f := Figure{Panels: []Panel{
		{X: Axis{Label: `a <b> & "c"`}, Y: Axis{Label: "y"}, Series: []Series{{Name: "W<B and n>30", Kind: Points, X: []float64{-1}, Y: []float64{2.3025849}, Error: []float64{0.0123}}}},
		{X: Axis{Label: "method", Names: []string{"<img src=x onerror=alert(1)>"}}, Y: Axis{Label: "y"}, Series: []Series{{Name: "it's", Kind: Points, X: []float64{0}, Y: []float64{1}}}},
	}}
	option, err := f.Option()
	if err != nil {
		t.Fatal(err)
	}
	const script = `global.window = {}; const set = []; let o; global.echarts = { init: () => ({ setOption(x) { set.push(x); o = set[0] }, resize() {} }) };
const listened = {}, div = { textContent: "waiting", clientWidth: 450, style: { maxWidth: "900px" }, addEventListener(name, f, capture) { listened[name] = [f, capture] } };
eval(process.argv[1]); window.rddChart(div, JSON.parse(process.argv[2]));
for (const s of [0, 2]) { const x = o.series[s]; console.log(o.tooltip.formatter({ seriesIndex: s, value: x.data[0], seriesName: x.name, marker: "" })) }
for (const v of [-0.5, 1e-300, 2.3025849, 3e9, 0]) console.log(o.xAxis[0].axisLabel.formatter(v));
console.log(o.xAxis[1].axisLabel.formatter, JSON.stringify(div.textContent));
for (const ctrlKey of [false, true]) { let stopped = false; listened.wheel[0]({ ctrlKey, stopPropagation() { stopped = true } }); console.log(ctrlKey, stopped, listened.wheel[1]) }
console.log(set.length, o.textStyle.fontFamily, JSON.stringify(set[1]));`
	output, err := exec.Command(node, "-e", script, drawer, string(option)).CombinedOutput()
	want := `a &#60;b&#62; &#38; &#34;c&#34;: <b>−1</b><br>W&#60;B and n&#62;30: <b>2.3025849</b> ± 0.012
method: <b>&#60;img src=x onerror=alert(1)&#62;</b><br>it&#39;s: <b>1</b>
−0.5
1e−300
2.3025849
3e+9
0
undefined ""
false true true
true false true
2 'Liberation Sans',Arial,Helvetica,sans-serif {"title":[],"legend":{"itemGap":5,"itemWidth":12.5,"textStyle":{"fontSize":6.5}},"xAxis":[{"nameTextStyle":{"fontSize":6.5,"lineHeight":7.5},"axisLabel":{"fontSize":6}},{"nameTextStyle":{"fontSize":6.5,"lineHeight":7.5},"axisLabel":{"fontSize":6}}],"yAxis":[{"nameTextStyle":{"fontSize":6.5,"lineHeight":7.5},"axisLabel":{"fontSize":6},"nameGap":23},{"nameTextStyle":{"fontSize":6.5,"lineHeight":7.5},"axisLabel":{"fontSize":6},"nameGap":23}]}
`
	if err != nil || string(output) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, output, want)
	}
}

// Where scripts do not run, something is said in the chart's place; in any theme
// it is drawn on white, as the picture is.
func TestTheTwinIsNeverBlank(t *testing.T) {
	f := figures()["curves"]
	html, err := f.fragment(false)
	if err != nil {
		t.Fatal(err)
	}
	if text := html[strings.Index(html, "<div"):strings.Index(html, "</div>")]; !strings.Contains(text, "trusted") {
		t.Errorf("in place of the chart stands %q", text)
	}
	option, err := f.Option()
	if err != nil || !strings.Contains(string(option), `"backgroundColor":"#ffffff"`) || strings.Count(string(option), `"color":"#222222"`) < 3 {
		t.Errorf("no white background, or texts without a colour: %v\n%.300s", err, option)
	}
	moving, err := testFrames().fragment(false)
	if err != nil || !strings.Contains(moving, "trusted") {
		t.Errorf("a slider that does not move says nothing: %v", err)
	}
}

// A logarithmic axis of less than two decades has the picture's numbers: ECharts
// alone would have one, or none.
func TestShortLogarithmicAxesHaveNumbers(t *testing.T) {
	for want, ends := range map[string][2]float64{
		`"customValues":[500,1000,2000]`: {250, 2000},
		`"customValues":[0.02,0.05]`:     {0.02, 0.06},
		"":                               {1, 1000},
	} {
		f := Figure{Panels: []Panel{{X: Axis{Label: "images", Log: true}, Y: Axis{Label: "y"}, Series: []Series{{Name: "a", Kind: Line, X: ends[:], Y: []float64{1, 2}}}}}}
		option, err := f.Option()
		if err != nil || !strings.Contains(string(option), want) || want == "" && strings.Contains(string(option), "customValues") {
			t.Errorf("from %g to %g: %v, not %q in %.900s", ends[0], ends[1], err, want, option)
		}
	}
}

// Numbers at the end of an axis are not cut at the picture's right edge.
func TestTheTwinHasRoomForTheLastNumber(t *testing.T) {
	width := func(most float64) string {
		f := Figure{Panels: []Panel{{X: Axis{Label: "images", Log: true}, Y: Axis{Label: "y"}, Series: []Series{{Name: "a", Kind: Line, X: []float64{1, most}, Y: []float64{1, 2}}}}}}
		option, err := f.Option()
		_, after, found := strings.Cut(string(option), `"grid":[{`)
		if err != nil || !found {
			t.Fatal(err)
		}
		_, after, _ = strings.Cut(after, `"width":"`)
		return after[:strings.Index(after, "%")]
	}
	if short, long := width(100), width(100000); !(long < short) {
		t.Errorf("the axis takes %s %% of the width with 100 at its end, and %s with 100000", short, long)
	}
}
