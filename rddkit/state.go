package rddkit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/atomicfile"
)

// state is what a run needs to go on: state.bin, a line of text, gob, and the
// SHA-256 of both. The state before it is kept as state.previous.
type state struct {
	Stem       string     // of the record's name
	Experiment Experiment // resolved, without options: gob does not know the types of a cell's
	Series     Series
	Provenance Provenance
	Network    map[string][]float32 // tensors by name
	Learner    []byte
}

const (
	stateFile    = "state.bin"
	previousFile = "state.previous"
	damagedFile  = "state.damaged" // the last that was found damaged
	stateMagic   = "rddkit state 2 "
)

// stateHeader is the first line of a state, behind the magic text: what a search
// for the farthest state needs to know of it.
type stateHeader struct {
	Stem   string `json:"record"`
	Epochs int    `json:"epochs_done"`
}

// write streams the state to its file: it may be as large as all else together.
// The file that was there, of fewer epochs, becomes the previous one.
func (s *state) write(dir string) error {
	path := filepath.Join(dir, stateFile)
	file, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer file.Discard()
	header, err := json.Marshal(stateHeader{s.Stem, len(s.Series.TrainSeconds)})
	if err != nil {
		return err
	}
	sum := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<16)
	fmt.Fprintf(buffered, "%s%s\n", stateMagic, header)
	if err := gob.NewEncoder(buffered).Encode(s); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if _, err := file.Write(sum.Sum(nil)); err != nil {
		return err
	}
	if there, err := readHeader(path); err != nil || there.Epochs < len(s.Series.TrainSeconds) {
		if err := os.Rename(path, filepath.Join(dir, previousFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return file.Commit()
}

// errNoState means that a folder has no state to go on from; errDamaged that it
// has a damaged one.
var (
	errNoState = errors.New("no usable state")
	errDamaged = errors.New("damaged")
)

// readHeader returns what a state says of itself, which may not be true: the
// digest is not looked at. Of the first format it says nothing.
func readHeader(path string) (h stateHeader, err error) {
	if _, err := folder(filepath.Dir(path)).size(filepath.Base(path)); err != nil { // opening a pipe would wait for its writer
		return h, err
	}
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	line := make([]byte, 1<<12)
	n, err := io.ReadFull(f, line)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return h, errDamaged
	}
	text, ok := bytes.CutPrefix(line[:n], []byte(stateMagic))
	end := bytes.IndexByte(text, '\n')
	if !ok || end < 0 || json.Unmarshal(text[:end], &h) != nil {
		return h, errDamaged
	}
	return h, nil
}

// readState reads a state file. Its error is errNoState for one that is not there,
// and errDamaged for one that is damaged.
func readState(path string) (*state, error) {
	dir, name := filepath.Split(path)
	text, err := folder(dir).read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoState
	} else if err != nil {
		return nil, err
	}
	at := len(text) - sha256.Size
	if at < 0 || sha256.Sum256(text[:at]) != [sha256.Size]byte(text[at:]) {
		return nil, errDamaged
	}
	text = text[:at]
	if !bytes.HasPrefix(text, []byte(stateMagic)) {
		return readFirstFormat(text)
	}
	s := new(state)
	if err := gob.NewDecoder(bytes.NewReader(text[bytes.IndexByte(text, '\n')+1:])).Decode(s); err != nil {
		return nil, errDamaged
	}
	return s, nil
}

// readFirstFormat reads a state from before it had a header.
func readFirstFormat(text []byte) (*state, error) {
	earlier := new(earlierState)
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(earlier); err != nil {
		return nil, errDamaged
	}
	s := earlier.state()
	resolved, err := s.Experiment.read()
	if err != nil {
		return nil, errDamaged
	}
	if s.Stem, err = resolved.stem(); err != nil {
		return nil, errNoState
	}
	return s, nil
}

// earlierState is the state as it was written while every network had three fully
// connected layers.
type earlierState struct {
	Experiment Experiment
	Series     struct {
		TrainError, TestError, TrainCost, TestCost []float64
		Symmetry                                   [3][][]align.Metrics
		Final                                      [3]align.Metrics
		LearnSeconds, TrainSeconds, TestSeconds    []float64
	}
	Provenance Provenance
	Network    map[string][]float32
	Learner    []byte
}

func (e *earlierState) state() *state {
	x := &e.Series
	for layer := range x.Symmetry {
		x.Final[layer].Angle = math.NaN()
		for _, observed := range x.Symmetry[layer] {
			for i := range observed {
				observed[i].Angle = math.NaN()
			}
		}
	}
	return &state{Experiment: e.Experiment, Series: Series{
		TrainError: x.TrainError, TestError: x.TestError, TrainCost: x.TrainCost, TestCost: x.TestCost,
		Symmetry: x.Symmetry[:], Final: x.Final[:],
		LearnSeconds: x.LearnSeconds, TrainSeconds: x.TrainSeconds, TestSeconds: x.TestSeconds,
	}, Provenance: e.Provenance, Network: e.Network, Learner: e.Learner}
}
