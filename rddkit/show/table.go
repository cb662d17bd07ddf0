package show

import (
	"encoding/csv"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
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
		Markdown(markdownTable(lines, numeric, codes(rows)))
		return nil
	}
	_, err = fmt.Print(textTable(lines, numeric))
	return err
}

// Code is a cell that a notebook shows as code, such as a command to copy.
type Code string

// CSV returns the table as comma-separated values (RFC 4180), a line for the
// headers first. Floats are exact (they read back as the same number), unlike
// in the other tables; not a number and nil are empty, infinities Inf and -Inf.
func CSV(headers []string, rows [][]any) (string, error) {
	if _, _, err := format(headers, rows); err != nil {
		return "", err
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	lines := [][]string{headers}
	for _, row := range rows {
		line := make([]string, len(row))
		for j, v := range row {
			line[j] = exact(v)
		}
		lines = append(lines, line)
	}
	err := w.WriteAll(lines) // which flushes
	return b.String(), err
}

// SaveCSV writes [CSV]'s table to a file, whole or not at all, in a folder that
// it makes if need be.
func SaveCSV(path string, headers []string, rows [][]any) error {
	table, err := CSV(headers, rows)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, []byte(table))
}

func exact(v any) string {
	bits := 64
	if f, ok := v.(float32); ok {
		v, bits = float64(f), 32
	}
	f, ok := v.(float64)
	switch {
	case v == nil, ok && math.IsNaN(f):
		return ""
	case ok && math.IsInf(f, 1):
		return "Inf"
	case ok:
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
	return fmt.Sprint(v)
}

// MarkdownTable returns the table as Markdown that shows the cells' texts as
// they are: what would be emphasis, a link, HTML or a formula is escaped.
func MarkdownTable(headers []string, rows [][]any) (string, error) {
	lines, numeric, err := format(headers, rows)
	return markdownTable(lines, numeric, codes(rows)), err
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

// codes says which cells are [Code].
func codes(rows [][]any) func(row, column int) bool {
	return func(row, column int) bool {
		_, ok := rows[row][column].(Code)
		return ok
	}
}

func markdownTable(lines [][]string, numeric []bool, code func(row, column int) bool) string {
	if len(lines) == 0 {
		return ""
	}
	var b strings.Builder
	for i, line := range lines {
		for j, cell := range line {
			if i > 0 && code(i-1, j) {
				cell = codeSpan(cell)
			} else {
				cell = literal(cell)
			}
			b.WriteString("| " + cell + " ")
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

// literal is Markdown that shows a text as it is. A backslash becomes an entity,
// as two of them before a bracket would begin a formula in a notebook; within a
// word an underscore is one.
func literal(s string) string {
	letters := []rune(s)
	inWord := func(i int) bool {
		return i >= 0 && i < len(letters) && (unicode.IsLetter(letters[i]) || unicode.IsDigit(letters[i]))
	}
	var b strings.Builder
	for i, r := range letters {
		switch {
		case r == '\n' || r == '\r':
			b.WriteByte(' ')
		case r == '\\':
			b.WriteString("&#92;")
		case r == '_' && inWord(i-1) && inWord(i+1):
			b.WriteByte('_')
		case strings.ContainsRune("<>&", r): // of HTML: right where Markdown knows no such escape, too
			b.WriteString(html.EscapeString(string(r)))
		case strings.ContainsRune("|*_`[]$~{}", r):
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// codeSpan is a text as code: between more backticks than it has in a row.
func codeSpan(s string) string {
	s = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(s)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
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
