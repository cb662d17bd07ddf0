package show

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/celltest"
	"github.com/weightalign/lab/rddkit/invalid"
)

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestInANotebook looks at every kind of output as the kernel receives it.
func TestInANotebook(t *testing.T) {
	kernel := celltest.Start(t)
	defer func() { gonbui.IsNotebook = false }()
	only := func(mime protocol.MIMEType) protocol.DisplayData {
		t.Helper()
		output := kernel.Take()
		if len(output) != 1 {
			t.Fatalf("%d outputs, want 1", len(output))
		}
		if _, ok := output[0].Data[mime]; !ok {
			t.Fatalf("output %v has no %s", output[0].Data, mime)
		}
		return output[0]
	}

	Markdownf("**%d** weights", 3)
	if got := only(protocol.MIMETextMarkdown).Data[protocol.MIMETextMarkdown]; got != "**3** weights" {
		t.Errorf("Markdown %q", got)
	}
	HTML("<i>x</i>")
	only(protocol.MIMETextHTML)
	if err := Table([]string{"method", "error"}, [][]any{{"FA", 12.5}}); err != nil {
		t.Fatal(err)
	}
	only(protocol.MIMETextMarkdown)

	var place Picture
	first, second := picture(t, 180, 80), picture(t, 90, 60)
	if err := place.Show(first, 2, "a figure"); err != nil {
		t.Fatal(err)
	}
	shown := only(protocol.MIMEImagePNG)
	if !bytes.Equal(shown.Data[protocol.MIMEImagePNG].([]byte), first) {
		t.Error("the image changed on its way")
	}
	if got := fmt.Sprint(shown.Metadata[string(protocol.MIMEImagePNG)]); got != "map[alt:a figure height:40 width:90]" {
		t.Errorf("metadata %s, want the text and half of 180 × 80", got)
	}
	if err := place.Show(second, 2, "another"); err != nil {
		t.Fatal(err)
	}
	if again := only(protocol.MIMEImagePNG); again.DisplayID != shown.DisplayID {
		t.Errorf("the second image went to place %q, not to %q", again.DisplayID, shown.DisplayID)
	}
	if err := PNG(first, 1, ""); err != nil {
		t.Fatal(err)
	}
	if fresh := only(protocol.MIMEImagePNG); fresh.DisplayID == shown.DisplayID {
		t.Error("PNG overwrote an earlier picture")
	}

	short := NewProgress("short")
	short.Update(1, 1, "read from disk")
	short.Done()
	if n := len(kernel.Take()); n != 0 {
		t.Errorf("work of no time made %d outputs", n)
	}
	p := NewProgress("<RDD>")
	p.Update(0, 1000, "phase")
	time.Sleep(notebookQuiet)
	for i := range 1000 {
		p.Update(i+1, 1000, "phase")
	}
	p.Done()
	p.Update(1, 2, "too late")
	output := kernel.Take()
	if n := len(output); n < 2 || n > 20 {
		t.Errorf("1000 quick updates made %d outputs", n)
	}
	ids := map[string]bool{}
	for _, o := range output {
		ids[o.DisplayID] = true
	}
	if len(ids) != 1 || ids[""] {
		t.Errorf("the progress used the places %v, want one", ids)
	}
	last := output[len(output)-1].Data[protocol.MIMETextHTML].(string)
	for _, part := range []string{"&lt;RDD&gt;", "100 %", "done in"} {
		if !strings.Contains(last, part) {
			t.Errorf("final state %q lacks %q", last, part)
		}
	}
}

func TestPNGRefusesOtherFiles(t *testing.T) {
	if err := PNG(picture(t, 1, 1), 1, ""); err != nil {
		t.Error(err)
	}
	var bad *invalid.Error
	if err := PNG([]byte("GIF89a"), 1, ""); !errors.As(err, &bad) {
		t.Errorf("a GIF file gave the error %v", err)
	}
}

func TestCell(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{0.0, "0"}, {1.0, "1"}, {77.55224, "77.55"}, {9.99996, "10.00"}, {999.96, "1000"}, {0.99999, "1"}, {-114.7012, "-114.7"},
		{0.05, "0.05"}, {0.000123456, "0.0001235"}, {1.5e-7, "1.500e-07"}, {43821.4, "43821"},
		{123456789.0, "1.235e+08"}, {math.NaN(), "–"}, {math.Inf(-1), "−∞"},
		{float32(0.1), "0.1"}, {12, "12"}, {"RDD", "RDD"}, {nil, ""}, {90 * time.Second, "1m30s"},
	} {
		if got := Cell(c.value); got != c.want {
			t.Errorf("Cell(%v) = %q, want %q", c.value, got, c.want)
		}
	}
}

func TestTablesRefuseRaggedRows(t *testing.T) {
	var bad *invalid.Error
	if err := Table([]string{"a", "b"}, [][]any{{1, 2}, {3}}); !errors.As(err, &bad) || bad.Field != "length of row 1" {
		t.Errorf("error %v", err)
	}
	if err := Table(nil, nil); !errors.As(err, &bad) {
		t.Errorf("a table without columns gave the error %v", err)
	}
}

// TestMarkdownTablesShowTextsAsTheyAre: what a cell says is not Markdown, unless
// it is Code.
func TestMarkdownTablesShowTextsAsTheyAre(t *testing.T) {
	for cell, want := range map[any]string{
		"W<B and n>30":             `W&lt;B and n&gt;30`,
		"a*b*c":                    `a\*b\*c`,
		"R_self, _x_":              `R_self, \_x\_`,
		"$5 and $6":                `\$5 and \$6`,
		"[link](x) ![image](y)":    `\[link\](x) !\[image\](y)`,
		"R&D &lt; ~~x~~ {y}":       `R&amp;D &amp;lt; \~\~x\~\~ \{y\}`,
		`\(x\) a\b`:                `&#92;(x&#92;) a&#92;b`,
		"two\nlines | pipe `code`": "two lines \\| pipe \\`code\\`",
		Code("rdd train -x a|b"):   "`rdd train -x a\\|b`",
		Code("a `b` c"):            "``a `b` c``",
		Code("`b`"):                "`` `b` ``",
		"Größe ± 2 − η":            "Größe ± 2 − η",
	} {
		table, err := MarkdownTable([]string{"x"}, [][]any{{cell}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(table, "\n")[2]; got != "| "+want+" |" {
			t.Errorf("%v became %s, want | %s |", cell, got, want)
		}
	}
	if text, err := TextTable([]string{"a*b"}, [][]any{{Code("x|y")}}); err != nil || text != "a*b\nx|y\n" {
		t.Errorf("text %q, %v", text, err)
	}
	if table, err := MarkdownTable([]string{"a*b"}, nil); err != nil || !strings.HasPrefix(table, `| a\*b |`) {
		t.Errorf("headers %q, %v", table, err)
	}
}

// Numbers of a CSV file read back as they were, texts too.
func TestCSV(t *testing.T) {
	table, err := CSV([]string{"rule", "value, %"}, [][]any{{"W<B, \"n\"", 1.0 / 3}, {"two\nlines", float32(0.1)}, {nil, math.NaN()}, {12, math.Inf(-1)}, {90 * time.Second, 1e300}})
	const want = "rule,\"value, %\"\n\"W<B, \"\"n\"\"\",0.3333333333333333\n\"two\nlines\",0.1\n,\n12,-Inf\n1m30s,1e+300\n"
	if err != nil || table != want {
		t.Errorf("%v\n%s\nwant\n%s", err, table, want)
	}
	path := filepath.Join(t.TempDir(), "new", "table.csv")
	if err := SaveCSV(path, []string{"a"}, [][]any{{1}}); err != nil {
		t.Fatal(err)
	}
	if file, err := os.ReadFile(path); err != nil || string(file) != "a\n1\n" {
		t.Errorf("file %q, %v", file, err)
	}
	var bad *invalid.Error
	if err := SaveCSV(filepath.Join(t.TempDir(), "bad.csv"), []string{"a"}, [][]any{{1, 2}}); !errors.As(err, &bad) {
		t.Errorf("a ragged table gave the error %v", err)
	}
	rapid.Check(t, func(t *rapid.T) {
		v, s := rapid.Float64().Draw(t, "v"), rapid.String().Draw(t, "s")
		table, err := CSV([]string{"v", "s"}, [][]any{{v, s}})
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
		if err != nil || len(lines) != 2 {
			t.Fatalf("%q: %v", table, err)
		}
		if got, err := strconv.ParseFloat(lines[1][0], 64); err != nil || got != v {
			t.Fatalf("%v became %s", v, lines[1][0])
		}
		if lines[1][1] != strings.ReplaceAll(s, "\r\n", "\n") { // as the reader has it
			t.Fatalf("%q became %q", s, lines[1][1])
		}
	})
}

// TestMarkdownTableShape: whatever is in the cells, every line has the same
// number of column borders.
func TestMarkdownTableShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		text := rapid.SliceOfN(rapid.String(), columns, columns)
		rows := rapid.SliceOfN(text, 0, 4).Draw(t, "rows")
		cells := make([][]any, len(rows))
		for i, row := range rows {
			for _, cell := range row {
				cells[i] = append(cells[i], cell)
			}
		}
		table, err := MarkdownTable(text.Draw(t, "headers"), cells)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(table, "|\n"), "|\n")
		if len(lines) != len(rows)+2 {
			t.Fatalf("%d lines for %d rows:\n%s", len(lines), len(rows), table)
		}
		for _, line := range lines {
			if got := strings.Count(line, "|") - strings.Count(line, `\|`); got != columns {
				t.Fatalf("%d borders in %q, want %d", got, line, columns)
			}
		}
	})
}

func TestLogProgress(t *testing.T) {
	var b bytes.Buffer
	now := time.Unix(0, 0)
	p := newLog("training", &b, func() time.Time { return now })
	for i := range 101 {
		p.Update(i, 100, "epoch 1")
		now = now.Add(time.Second)
	}
	p.Done()
	p.Done()
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if n := len(lines); n < 8 || n > 30 {
		t.Errorf("100 s of work gave %d lines:\n%s", n, b.String())
	}
	if want := "training   2 %  epoch 1  2.0 s, about 98 s left"; lines[1] != want {
		t.Errorf("second line %q, want %q", lines[1], want)
	}
	if want := "training 100 %  epoch 1  done in 101 s"; lines[len(lines)-1] != want {
		t.Errorf("last line %q, want %q", lines[len(lines)-1], want)
	}

	b.Reset()
	p = newLog("goes on", &b, func() time.Time { return now })
	p.Update(50, 100, "")
	now = now.Add(10 * time.Second)
	p.Update(51, 100, "")
	if want := "goes on  51 %  10 s, about 8 min left\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("work that goes on from half: %q, want %q: what was done before took none of its time", b.String(), want)
	}

	b.Reset()
	p = newLog("no end in sight", &b, func() time.Time { return now })
	p.Update(0, 0, "")
	now = now.Add(10 * time.Second)
	p.Update(5, 0, "")
	if strings.Contains(b.String(), "left") {
		t.Errorf("work of unknown length says when it ends: %q", b.String())
	}

	b.Reset()
	p = newLog("training", &b, func() time.Time { return now })
	p.Update(1, 4, "")
	p.Done()
	if !strings.HasSuffix(b.String(), "training  25 %  stopped after 0.0 s\n") {
		t.Errorf("an interrupted run ended in %q", b.String())
	}
}

func TestContextEndsWithASignal(t *testing.T) {
	ctx, stop := Context()
	defer stop()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Skip(err) // Windows has no signals to send
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("SIGTERM did not cancel the context")
	}
}

func TestContextEndsWithItsParent(t *testing.T) {
	var parent atomic.Int64
	parent.Store(7)
	ctx, stop := withParent(func() int { return int(parent.Load()) }, time.Millisecond)
	defer stop()
	if ctx.Err() != nil {
		t.Fatal("cancelled from the start")
	}
	parent.Store(1)
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("an orphan went on")
	}
	if cause := context.Cause(ctx); !errors.Is(cause, ErrOrphan) {
		t.Errorf("cause %v", cause)
	}
}

func TestCheck(t *testing.T) {
	Check(nil) // must return
	for _, c := range []struct {
		err  error
		want int
	}{
		{invalid.New("Epochs", -1, "at least 1"), 2},
		{fmt.Errorf("cell: %w", invalid.New("Epochs", -1, "at least 1")), 2},
		{context.Canceled, 1},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exit code %d for %v, want %d", got, c.err, c.want)
		}
	}
}

func TestAStopIsExplained(t *testing.T) {
	for _, err := range []error{context.Canceled, fmt.Errorf("FA on MNIST: %w", context.Canceled)} {
		if got := explain(err); !strings.Contains(got, "goes on") || strings.Contains(got, "canceled") {
			t.Errorf("%v is explained as %q", err, got)
		}
	}
	if got := explain(errors.New("disk full")); got != "disk full" {
		t.Errorf("%q", got)
	}
}

// Whatever the theme, dark or light, text has the reader's own colour.
func TestProgressHasNoColourOfItsOwn(t *testing.T) {
	if text := (state{title: "running", text: "epoch 1"}).html(); strings.Contains(text, "color") {
		t.Errorf("%s", text)
	}
}
