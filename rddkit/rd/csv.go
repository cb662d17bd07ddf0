package rd

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Columns names the columns of a CSV file, whose first row names them. X and Y may
// be left out: they are then the columns called x and y or, where there are none,
// the first two. Any other that is left out is not read.
type Columns struct {
	X, Y, D, Weights string
	Covariates       []string
	Cluster          string // numbers or words; equal ones are one cluster
	Unit             string // of ReadUnits: numbers or words, one for each unit (neuron)
	Cutoff           string // of ReadUnits: each unit's own cutoff, the same in all its rows
}

// OpenCSV is ReadCSV of the file at path.
func OpenCSV(path string, c Columns) (Sample, int, error) {
	units, left, err := OpenUnits(path, c, 0)
	return whole(units), left, err
}

// ReadCSV reads a sample from a table of comma-separated values (or, if its first
// row has tabs or semicolons and no commas, separated by those). Rows with an empty
// cell, "NA" or "NaN" in a column that is read are left out; left is how many. The
// error names column and line of what is no finite number.
func ReadCSV(r io.Reader, c Columns) (s Sample, left int, err error) {
	c.Unit, c.Cutoff = "", ""
	units, left, err := ReadUnits(r, c, 0)
	return whole(units), left, err
}

func whole(units []Unit) Sample {
	if len(units) == 0 {
		return Sample{}
	}
	return units[0].Sample
}

// OpenUnits is ReadUnits of the file at path.
func OpenUnits(path string, c Columns, cutoff float64) (units []Unit, left int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	units, left, err = ReadUnits(f, c, cutoff)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return units, left, err
}

// ReadUnits is ReadCSV for a table of many units, in the order of their first rows;
// cutoff is that of all, unless c.Cutoff names a column. Equal clusters of different
// units are one.
func ReadUnits(r io.Reader, c Columns, cutoff float64) (units []Unit, left int, err error) {
	t, err := openTable(r)
	if err != nil {
		return nil, 0, err
	}
	index, err := t.find(c)
	if err != nil {
		return nil, 0, err
	}
	clusters, place := map[string]int{}, map[string]int{}
	for {
		row, err := t.reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, invalid.New("row", err.Error(), "as many columns as the first row, quoted as CSV is")
		}
		if index.missing(row) {
			left++
			continue
		}
		numbers, err := t.numbers(row, index.numbers)
		if err != nil {
			return nil, 0, err
		}
		name := ""
		if index.unit >= 0 {
			name = strings.TrimSpace(row[index.unit])
		}
		k, there := place[name]
		if !there {
			k = len(units)
			place[name] = k
			units = append(units, Unit{Name: name, Cutoff: cutoff, Sample: Sample{Covariates: make([][]float64, len(c.Covariates))}})
		}
		u := &units[k]
		u.X, u.Y = append(u.X, numbers[0]), append(u.Y, numbers[1])
		rest := numbers[2:]
		for i := range u.Covariates {
			u.Covariates[i] = append(u.Covariates[i], rest[i])
		}
		rest = rest[len(u.Covariates):]
		for _, optional := range []struct {
			name string
			to   *[]float64
		}{{c.D, &u.D}, {c.Weights, &u.Weights}} {
			if optional.name != "" {
				*optional.to = append(*optional.to, rest[0])
				rest = rest[1:]
			}
		}
		if c.Cutoff != "" {
			if there && u.Cutoff != rest[0] {
				return nil, 0, invalid.Newf(c.Cutoff+" of "+name, rest[0], "%v, as in the unit's other rows", u.Cutoff)
			}
			u.Cutoff = rest[0]
		}
		if index.cluster >= 0 {
			text := strings.TrimSpace(row[index.cluster])
			g, ok := clusters[text]
			if !ok {
				g = len(clusters)
				clusters[text] = g
			}
			u.Cluster = append(u.Cluster, g)
		}
	}
	if len(units) == 0 {
		return nil, left, invalid.New("rows", 0, "at least one with a number in every column that is read")
	}
	for i := range units {
		if len(units[i].Covariates) == 0 {
			units[i].Covariates = nil
		}
	}
	return units, left, nil
}

// A csvTable is a table whose first row was read.
type csvTable struct {
	reader *csv.Reader
	header []string
}

func openTable(r io.Reader) (*csvTable, error) {
	// The separator is told by the first line.
	buffered := bufio.NewReaderSize(r, 1<<16)
	start, err := buffered.Peek(1 << 16)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line, _, _ := strings.Cut(string(start), "\n")
	t := &csvTable{reader: csv.NewReader(buffered)}
	for _, separator := range "\t;" {
		if strings.ContainsRune(line, separator) && !strings.Contains(line, ",") {
			t.reader.Comma = separator
		}
	}
	if t.header, err = t.reader.Read(); err != nil {
		return nil, invalid.New("first row", strings.TrimSpace(line), "a row of column names")
	}
	for i := range t.header {
		t.header[i] = strings.TrimSpace(strings.TrimPrefix(t.header[i], "\ufeff"))
	}
	t.reader.TrimLeadingSpace = true
	return t, nil
}

// columnIndex is where the columns are: numbers, in the order x, y, covariates, d,
// weights, cutoff; and words, −1 if they are not read.
type columnIndex struct {
	numbers       []int
	cluster, unit int
}

func (t *csvTable) find(c Columns) (columnIndex, error) {
	index := columnIndex{cluster: -1, unit: -1}
	find := func(field, name string) (int, error) {
		i := slices.Index(t.header, name)
		if i < 0 {
			return 0, invalid.New("column "+field, name, "one of "+strings.Join(t.header, ", "))
		}
		return i, nil
	}
	x, y := c.X, c.Y
	for i, name := range []*string{&x, &y} {
		usual := []string{"x", "y"}[i]
		switch {
		case *name != "":
		case slices.Contains(t.header, usual):
			*name = usual
		case len(t.header) > i:
			*name = t.header[i]
		}
	}
	names := append([]string{x, y}, c.Covariates...)
	fields := []string{"X", "Y"}
	for range c.Covariates {
		fields = append(fields, "Covariates")
	}
	for i, optional := range []string{c.D, c.Weights, c.Cutoff} {
		if optional != "" {
			names, fields = append(names, optional), append(fields, []string{"D", "Weights", "Cutoff"}[i])
		}
	}
	for i, name := range names {
		at, err := find(fields[i], name)
		if err != nil {
			return index, err
		}
		index.numbers = append(index.numbers, at)
	}
	for _, word := range []struct {
		field, name string
		to          *int
	}{{"Cluster", c.Cluster, &index.cluster}, {"Unit", c.Unit, &index.unit}} {
		if word.name != "" {
			at, err := find(word.field, word.name)
			if err != nil {
				return index, err
			}
			*word.to = at
		}
	}
	return index, nil
}

// missing reports whether a cell that is read is empty or says that it is missing.
func (c columnIndex) missing(row []string) bool {
	cells := slices.Clone(c.numbers)
	for _, word := range []int{c.cluster, c.unit} {
		if word >= 0 {
			cells = append(cells, word)
		}
	}
	return slices.ContainsFunc(cells, func(i int) bool {
		switch strings.ToLower(strings.TrimSpace(row[i])) {
		case "", "na", "nan", ".":
			return true
		}
		return false
	})
}

func (t *csvTable) numbers(row []string, index []int) ([]float64, error) {
	out := make([]float64, len(index))
	for k, i := range index {
		v, err := strconv.ParseFloat(strings.TrimSpace(row[i]), 64)
		if err != nil || !finite(v) {
			line, _ := t.reader.FieldPos(i)
			return nil, invalid.New(fmt.Sprintf("%s in line %d", t.header[i], line), row[i], "a finite number, or empty or NA where it is missing")
		}
		out[k] = v
	}
	return out, nil
}
