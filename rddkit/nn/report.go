package nn

import "github.com/weightalign/lab/rddkit/invalid"

// ReportConfig are the sizes of the report's network. Zero fields take the
// report's values; Channels and Side have no default.
type ReportConfig struct {
	Channels int // of an image
	Side     int // of an image, pixels; at least 16
	Features int // of each convolutional layer; 64
	Hidden1  int // units of the first fully connected layer; 384
	Hidden2  int // units of the second; 192
	Classes  int // 10
	Loss     Loss
}

// Report returns the network of the reproducibility report: twice a 5×5
// convolution, ReLU, batch normalisation and 2×2 max pooling, in this order;
// then three fully connected layers, the first two with ReLU and batch
// normalisation. The first of them has Features·s² inputs, where s is Side
// after two rounds of (subtract 4, halve): 5 for 32 pixels, 4 for 28, 1 for 16.
func Report(c ReportConfig, seed uint64) (*Network, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&c.Features, 64}, {&c.Hidden1, 384}, {&c.Hidden2, 192}, {&c.Classes, 10}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	const smallest = 16
	for _, f := range []struct {
		name         string
		value, least int
	}{{"Channels", c.Channels, 1}, {"Side", c.Side, smallest}, {"Features", c.Features, 1}, {"Hidden1", c.Hidden1, 1}, {"Hidden2", c.Hidden2, 1}, {"Classes", c.Classes, 2}} {
		if f.value < f.least {
			return nil, invalid.Newf(f.name, f.value, "at least %d", f.least)
		}
	}
	convolutional := Conv{Features: c.Features, Kernel: 5, Activation: ReLU, BatchNorm: true, MaxPool: true}
	return New(Shape{c.Channels, c.Side, c.Side}, c.Loss, seed,
		convolutional,
		convolutional,
		Affine{Units: c.Hidden1, Activation: ReLU, BatchNorm: true},
		Affine{Units: c.Hidden2, Activation: ReLU, BatchNorm: true},
		Affine{Units: c.Classes})
}
