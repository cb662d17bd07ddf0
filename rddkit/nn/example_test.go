package nn_test

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
)

// stripes returns images of 16×16 pixels, noise of ±0.5 with a stripe of
// twice that height in the row that the label says.
func stripes(count int, seed uint64) (images []float32, labels []uint8) {
	random := stream.New(seed, "stripes")
	for range count {
		label := uint8(random.IntN(2))
		labels = append(labels, label)
		for row := range 16 {
			for range 16 {
				v := random.Float32() - 0.5
				if row == 4+7*int(label) {
					v += 2
				}
				images = append(images, v)
			}
		}
	}
	return images, labels
}

// A small network learns to tell two images apart, once with errors that go
// back through fixed random feedback weights, once through its own weights.
func ExampleNetwork_TrainBatch() {
	images, labels := stripes(64, 1)
	testImages, testLabels := stripes(200, 2)
	for _, method := range []struct {
		name  string
		route nn.Route
	}{{"feedback alignment", nn.ThroughFeedback}, {"backpropagation", nn.ThroughWeight}} {
		network, err := nn.Report(nn.ReportConfig{Channels: 1, Side: 16, Features: 8, Hidden1: 16, Hidden2: 8, Classes: 2}, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		network.SetRoute(method.route)
		_, before, _ := network.Evaluate(testImages, testLabels)
		for range 30 {
			if _, _, err := network.TrainBatch(images, labels, nn.ReportSGD()); err != nil {
				fmt.Println(err)
				return
			}
		}
		_, after, _ := network.Evaluate(testImages, testLabels)
		fmt.Printf("%s: at first it errs: %v; then: %d of 200\n", method.name, before > 50, after)
	}
	// Output:
	// feedback alignment: at first it errs: true; then: 0 of 200
	// backpropagation: at first it errs: true; then: 0 of 200
}

// The fully connected layers of the report's network for CIFAR-10, whose
// feedback weights a learner may read and overwrite between batches.
func ExampleNetwork_Affine() {
	network, err := nn.Report(nn.ReportConfig{Channels: 3, Side: 32}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, layer := range network.Affine() {
		copy(layer.Feedback, layer.Weight)
		fmt.Println(layer.Name, layer.Shape, len(layer.Feedback))
	}
	// Output:
	// fc1 [384 1600] 614400
	// fc2 [192 384] 73728
	// fc3 [10 192] 1920
}

// Any list of layers: here a network of fully connected neurons.
func ExampleNew() {
	network, err := nn.New(nn.Shape{Channels: 1, Rows: 28, Columns: 28}, nn.Softmax, 1,
		nn.Affine{Units: 100, Activation: nn.ReLU},
		nn.Affine{Units: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tensor := range network.Tensors()[:6] {
		fmt.Println(tensor.Name, tensor.Shape)
	}
	_, err = nn.New(nn.Shape{Channels: 1, Rows: 4, Columns: 4}, nn.Softmax, 1, nn.Conv{Features: 3, Kernel: 5})
	fmt.Println(err)
	// Output:
	// fc1.weight [100 784]
	// fc1.fb_weight [100 784]
	// fc1.bias [100]
	// fc2.weight [10 100]
	// fc2.fb_weight [10 100]
	// fc2.bias [10]
	// layers[0].Kernel is 5: want small enough for an input of 4×4 pixels
}
