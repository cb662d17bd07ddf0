package nn

import (
	"archive/zip"
	"math"
	"slices"
	"strconv"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Tensors returns everything that training changes or uses, by the names of
// the reference files: per layer conv1.weight, conv1.fb_weight, fc1.bias,
// bn1.weight (gamma), bn1.bias (beta), bn1.running_mean, bn1.running_var, and
// then momentum.P for every parameter P. The data is the network's own memory,
// not a copy: with the same tensors two networks go on to the same bits.
func (n *Network) Tensors() []Tensor {
	var list []Tensor
	add := func(name string, shape []int, data []float32) {
		list = append(list, Tensor{name, shape, data})
	}
	for _, l := range n.Layers {
		add(l.weight.name, l.Shape, l.Weight)
		add(l.Name+".fb_weight", l.Shape, l.Feedback)
		if l.Direct != nil {
			add(l.Name+".direct", []int{n.Classes, len(l.Direct) / n.Classes}, l.Direct)
		}
		if l.Bias != nil {
			add(l.bias.name, l.bias.shape, l.Bias)
		}
		if b := l.normal; b != nil {
			add(b.gamma.name, b.gamma.shape, b.gamma.value)
			add(b.beta.name, b.beta.shape, b.beta.value)
			add(b.name+".running_mean", b.gamma.shape, b.runningMean)
			add(b.name+".running_var", b.gamma.shape, b.runningVar)
		}
	}
	for _, l := range n.Layers {
		for _, p := range l.parameters() {
			add("momentum."+p.name, p.shape, p.momentum)
		}
	}
	return list
}

// SetTensors copies values, by name, into the network's Tensors; those that
// values does not name stay as they are. If a name is unknown, a length does
// not fit, or a number is not finite, it returns an *invalid.Error and changes
// nothing.
func (n *Network) SetTensors(values map[string][]float32) error {
	own := map[string][]float32{}
	for _, t := range n.Tensors() {
		own[t.Name] = t.Data
	}
	for name, value := range values {
		to, known := own[name]
		if !known {
			return invalid.New("tensor", name, "one of the network's (conv1.weight, …)")
		}
		if len(value) != len(to) {
			return invalid.Newf(name, len(value), "%d numbers", len(to))
		}
		for i, v := range value {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return invalid.New(name+"["+strconv.Itoa(i)+"]", v, "a finite number")
			}
		}
	}
	for name, value := range values {
		copy(own[name], value)
	}
	return nil
}

// Save writes all Tensors as a NumPy archive (.npz, uncompressed). The file
// appears whole or not at all.
func (n *Network) Save(path string) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	archive := zip.NewWriter(f)
	for _, t := range n.Tensors() {
		member, err := archive.CreateHeader(&zip.FileHeader{Name: t.Name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := npy.Write(member, t.Data, t.Shape...); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return f.Commit()
}

// Load reads what Save wrote, into a network of the same layers. The error is
// an *invalid.Error if the file is damaged, lacks a tensor, has one that the
// network has not, or one of another shape or of other numbers than float32 or
// float64 (which are rounded): it names file, tensor, and both shapes. Then
// nothing has changed.
func (n *Network) Load(path string) error {
	shapes := map[string][]int{}
	for _, t := range n.Tensors() {
		shapes[t.Name] = t.Shape
	}
	arrays, err := npy.ReadArchive(path, func(name string, h npy.Header) (allowed string) {
		shape, known := shapes[name]
		switch want := (npy.Header{Shape: shape, Type: "float32"}); {
		case !known:
			return "no tensor of this name, as the network has none"
		case !slices.Equal(h.Shape, shape) || h.Type != "float32" && h.Type != "float64":
			return want.String()
		}
		return ""
	})
	if err != nil {
		return err
	}
	values := map[string][]float32{}
	for name, a := range arrays {
		values[name] = a.Float32()
	}
	for _, t := range n.Tensors() {
		if _, there := values[t.Name]; !there {
			return invalid.New(path, "no tensor "+t.Name, "a file that Save wrote for a network of the same layers")
		}
	}
	if err := n.SetTensors(values); err != nil {
		return invalid.New(path, err.Error(), "a file that Save wrote for a network of the same layers")
	}
	return nil
}
