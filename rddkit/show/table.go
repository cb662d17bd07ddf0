package show

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Table shows rows under headers: a Markdown table in a notebook, aligned text
// elsewhere. Cells are formatted by [Cell]; columns of numbers are aligned to
// the right. It fails, and shows nothing, if a row's length is not that of
// headers.
func Table(headers []string, rows [][]any) error {
	lines, numeric, err := format(headers, rows)
	if err != nil {
		return err
	}
	if InNotebook() {
		Markdown(markdownTable(lines, numeric))
		return nil
	}
	_, err = fmt.Print(textTable(lines, numeric))
	return err
}

// MarkdownTable returns the table as Markdown.
func MarkdownTable(headers []string, rows [][]any) (string, error) {
	lines, numeric, err := format(headers, rows)
	return markdownTable(lines, numeric), err
}

// TextTable returns the table as aligned text.
func TextTable(headers []string, rows [][]any) (string, error) {
	lines, numeric, err := format(headers, rows)
	return textTable(lines, numeric), err
}

// Cell formats one value of a table: a float with four significant digits, not
// a number as a dash, anything else as [fmt.Sprint] does.
func Cell(v any) string {
	switch v := v.(type) {
	case float32:
		return number(float64(v))
	case float64:
		return number(v)
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

func number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return strings.NewReplacer("+Inf", "∞", "-Inf", "−∞").Replace(strconv.FormatFloat(v, 'f', -1, 64))
	case size >= 1e7 || size > 0 && size < 1e-4:
		return strconv.FormatFloat(v, 'e', 3, 64)
	case v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 999.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 99.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case size >= 9.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case size >= 1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	default:
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
}

// format returns the header and the rows as text, and which columns hold
// nothing but numbers.
func format(headers []string, rows [][]any) (lines [][]string, numeric []bool, err error) {
	if len(headers) == 0 {
		return nil, nil, invalid.New("headers", len(headers), "at least 1")
	}
	numeric = make([]bool, len(headers))
	for i := range numeric {
		numeric[i] = len(rows) > 0
	}
	lines = append(lines, headers)
	for i, row := range rows {
		if len(row) != len(headers) {
			return nil, nil, invalid.Newf(fmt.Sprintf("length of row %d", i), len(row), "%d, one cell for each header", len(headers))
		}
		line := make([]string, len(row))
		for j, v := range row {
			line[j] = Cell(v)
			switch v.(type) {
			case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, nil:
			default:
				numeric[j] = false
			}
		}
		lines = append(lines, line)
	}
	return lines, numeric, nil
}

func markdownTable(lines [][]string, numeric []bool) string {
	if len(lines) == 0 {
		return ""
	}
	var b strings.Builder
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	for i, line := range lines {
		for _, cell := range line {
			b.WriteString("| " + escape.Replace(cell) + " ")
		}
		b.WriteString("|\n")
		if i > 0 {
			continue
		}
		for _, right := range numeric {
			if right {
				b.WriteString("|--:")
			} else {
				b.WriteString("|:--")
			}
		}
		b.WriteString("|\n")
	}
	return b.String()
}

func textTable(lines [][]string, numeric []bool) string {
	width := make([]int, len(numeric))
	for _, line := range lines {
		for j, cell := range line {
			width[j] = max(width[j], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for j, cell := range line {
			pad := strings.Repeat(" ", width[j]-utf8.RuneCountInString(cell))
			if numeric[j] {
				text.WriteString(pad + cell + "  ")
			} else {
				text.WriteString(cell + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return b.String()
}
